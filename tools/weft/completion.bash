# SPDX-License-Identifier: BSD-3-Clause
# Completion of weft(1) for bash: weft itself knows what the last word may become.

_weft() {
	local line=${COMP_LINE:0:COMP_POINT} word strip
	local -a words
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	word=${words[-1]}
	if [[ ${#words[@]} -gt 2 && ${words[-2]} =~ ^(-f|--pcap)$ ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames
		return
	fi
	mapfile -t COMPREPLY < <("${words[0]}" complete "${words[@]:1}" 2>/dev/null)
	# Readline breaks words at = and : and replaces only what is behind them.
	if [[ $word == *[=:]* ]]; then
		strip=${word%"${word##*[=:]}"}
		COMPREPLY=("${COMPREPLY[@]#"$strip"}")
	fi
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -F _weft weft
