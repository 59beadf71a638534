# SPDX-License-Identifier: BSD-3-Clause
# Completion of weft-pktgen(1) for bash: commands, options and their values as its --help tells them.

_weft_pktgen() {
	local help word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} values
	help=$("${COMP_WORDS[0]}" --help 2>/dev/null)
	values=$(sed -n "s/^  $option \([^ ]*\).*/\1/p" <<<"$help")
	case $option in
	--profile | --json | --csv)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames
		;;
	--*)
		if [[ -n $values ]]; then # words are lower case, or there is nothing to choose from
			mapfile -t COMPREPLY < <(compgen -W "$(tr '|' '\n' <<<"$values" | grep -x '[0-9a-z]*')" -- "$word")
			return
		fi
		;;&
	*)
		mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^  \(--[a-z-]*\).*/\1/p; s/^  \([a-z][a-z0-9]*\)  .*/\1/p' \
			<<<"$help")" -- "$word")
		;;
	esac
}
complete -F _weft_pktgen weft-pktgen
