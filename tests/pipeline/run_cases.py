#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packet cases against the pipeline: exact bytes out, drop reasons, the ledger, no leaks.

Usage: run_cases.py [--every=N | --whole] [--again=N] RUNNER CASEFILE...     prints TAP.

A case file is lines of text. Indented lines belong to the block above them; '#' starts a comment;
a line that ends in '\\' goes on in the next.

    bed                         what the cases after it run on (until the next bed); lines are the
        segment vni=100         runner's commands (see the head of runner.c)
        port id=1 vni=100 mac=02:00:00:00:00:01 addrs=10.0.0.1/32
    let NAME = EXPRESSION       a name for later expressions of this file
    case TEXT                   one case; its lines, in this order of time:
        do COMMAND              a command of the runner
        in PORT [OPT...]: EXPR  a frame comes in; OPT: lro=N, partial, times=N, vary=OFF
        go                      (only between) run what came in so far, outputs are compared at the end
        out PORT [OPT...]: EXPR a frame must leave; OPT: cksum, gso=N (offload requests), anyorder,
                                vxlan (outer source port and flow label may have any good value),
                                anysport (TCP over IPv4: any source port, with any checksum)
        drop PORT: REASON [N]   that many frames of that port dropped for it (default 1)
        why PORT: REASON WORD=VALUE...   the flight recorder of that port says so, in these words
                                (vni, at, ruleset, rule, session, from, to, out) and maybe others
        stat PORT: NAME N       another counter of that port (answered, added, learn_refused)
        log PORT: WORD=VALUE... the next that a rule logs at that port, in these words (action, direction,
                                ruleset, rule, vni, proto, src, sport, dst, dport, suppressed) or some
        nosplit                 don't run again with the frames split over mbufs
        burst                   frames wait for the 'go': no watcher of the runner judges them one by one
        each NAME in EXPR       (first) the case once for each value; NAME is known to the expressions

In the text of 'do', 'drop', 'why', 'log' and 'stat' {EXPR} stands for its value. A line whose EXPR is None, and
'drop PORT: None', is left out.

EXPR is Python with scapy: a packet, bytes, or 'same' (the last frame that came in). Frames that leave
a port must be exactly the 'out' lines of that port in their order, and nothing else may leave or be
dropped: what is not stated is zero. The flight recorder knows of each reason. Each case runs with
frames in one mbuf and then with the first mbuf cut after every byte of the first 150; with --every
after each Nth of them, other ones in the next case; with --whole in one mbuf only; with --again its
frames come N times more at the end, for runners that judge frames by themselves. What the runner prints
at its end is told as it is.
"""
import argparse
import logging
import re
import subprocess
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    from scapy.all import hexdump  # noqa: F401
    import scapy.all as scapy
except ImportError:
    print("1..0 # SKIP python3-scapy is not installed")
    sys.exit(0)

SPLITS = list(range(1, 151))


class Case:
    """One run: a case, or a case with one value of its 'each'."""

    def __init__(self, name, bed, value=None):
        self.name = name
        self.value = value
        self.bed = bed
        self.steps = []  # ("do", text) | ("in", port, options, bytes) | ("go",)
        self.out = {}  # port -> [(options, bytes)]
        self.stats = {}  # (port, name) -> n
        self.why = []  # (port, reason, words)
        self.log = []  # (port, words)
        self.split = True
        self.last = b""


class CaseFile:
    """Parses one file; expressions see scapy's names and the file's own."""

    def __init__(self, path):
        self.path = path
        self.names = dict(vars(scapy))
        self.names["raw"] = bytes
        self.names["re"] = re
        self.bed = []
        self.groups = []  # [Case...], one for each 'case'
        self.block = None
        for number, line in self.lines():
            self.guard(number, line, self.line, number, line)
        self.end_block()

    def guard(self, number, line, function, *args):
        try:
            return function(*args)
        except Exception as e:
            raise SystemExit(f"{self.path}:{number}: {e}: {line.strip()}")

    def lines(self):
        whole = ""
        with open(self.path) as f:
            for number, line in enumerate(f, 1):
                line = line.rstrip("\n")
                if not whole and (not line.strip() or line.lstrip().startswith("#")):
                    continue
                if line.endswith("\\"):
                    whole += line[:-1]
                    continue
                yield number, whole + line
                whole = ""

    def evaluate(self, text, case=None):
        names = self.names
        if case:
            names = dict(names, same=case.last, **(case.value or {}))
        return eval(text, names)  # the test's own data

    def substitute(self, text, case):
        return re.sub(r"\{(.*?)\}", lambda m: str(self.evaluate(m.group(1), case)), text)

    def line(self, number, line):
        if not line[0].isspace():
            self.end_block()
            self.head(line)
        elif isinstance(self.block, tuple):
            self.block[1].append((number, line.strip()))
        else:
            self.bed.append(line.strip())

    def head(self, line):
        word, _, rest = line.partition(" ")
        if word == "bed":
            self.bed = []
            self.block = self.bed
        elif word == "let":
            name, _, text = rest.partition("=")
            self.names[name.strip()] = self.evaluate(text.strip())
        elif word == "case":
            self.block = (rest.strip(), [])
        else:
            raise ValueError("neither bed, let nor case")

    def end_block(self):
        """The case that has been read, once for each value."""
        if isinstance(self.block, tuple):
            name, lines = self.block
            values = [None]
            if lines and lines[0][1].startswith("each "):
                number, text = lines.pop(0)
                variable, _, text = text[len("each "):].partition(" in ")
                values = [{variable: v} for v in self.guard(number, text, self.evaluate, text)]
            self.groups.append([self.case(name, lines, v) for v in values])
        self.block = None

    def case(self, name, lines, value):
        case = Case(name, self.bed, value)
        for number, line in lines:
            self.guard(number, line, self.case_line, case, line)
        return case

    def case_line(self, case, line):
        word, _, rest = line.partition(" ")
        if word == "do":
            case.steps.append(("do", self.substitute(rest, case)))
        elif word == "go":
            case.steps.append(("go",))
        elif word == "nosplit":
            case.split = False
        elif word == "burst":
            case.steps.append(("do", "burst"))
        elif word in ("in", "out"):
            self.frame_line(case, word, rest)
        elif word in ("drop", "stat"):
            port, _, text = self.substitute(rest, case).partition(":")
            name, n = (text.split() + ["1"])[:2]
            if name != "None":
                case.stats[(int(port), ("drop." if word == "drop" else "") + name)] = int(n)
        elif word == "log":
            port, _, text = self.substitute(rest, case).partition(":")
            case.log.append((int(port), set(text.split())))
        elif word == "why":
            port, _, text = self.substitute(rest, case).partition(":")
            reason, *words = text.split()
            case.why.append((int(port), reason, set(words)))
        else:
            raise ValueError("no such line in a case")

    def frame_line(self, case, word, rest):
        where, _, text = rest.partition(":")
        port, *options = where.split()
        frame = self.evaluate(text.strip(), case)
        if frame is None:
            return
        frame = bytes(frame)
        if word == "in":
            case.last = frame
            case.steps.append(("in", int(port), options, frame))
        else:
            case.out.setdefault(int(port), []).append((options, frame))


class Runner:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines))

    def answer(self):
        """The lines up to "done", None when the runner has ended."""
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line == "done":
                return lines
            lines.append(line)
        if self.process.wait() == 77:
            print("1..0 # SKIP " + " ".join(lines))
            sys.exit(0)
        raise RuntimeError("the runner ended: " + " | ".join(lines[-3:]))


def show(frame, other=None):
    """Summary and dump; of two frames only the lines in which they differ."""
    try:
        summary = scapy.Ether(frame).summary()
    except Exception:
        summary = "not a frame that scapy can read"
    dump = scapy.hexdump(frame, dump=True).split("\n")
    if other is not None:
        theirs = scapy.hexdump(other, dump=True).split("\n")
        dump = [line for i, line in enumerate(dump) if i >= len(theirs) or line != theirs[i]]
    return "\n".join([f"{summary} ({len(frame)} bytes)"] + dump[:20])


def parse_answer(lines, out, stats, why, log, errors):
    for line in lines:
        word, *rest = line.split()
        if word == "out":
            out.setdefault(int(rest[0]), []).append((rest[1], bytes.fromhex(rest[2] if len(rest) > 2 else "")))
        elif word == "stat":
            port = int(rest[0])
            for item in rest[1:]:
                name, _, n = item.partition("=")
                stats[(port, name)] = stats.get((port, name), 0) + int(n)
        elif word == "why":
            why.append((int(rest[0]), rest[1], set(rest[2:])))
        elif word == "log":
            log.append((int(rest[0]), set(rest[1:])))
        elif word == "leak":
            errors.append("leak: " + " ".join(rest))
        elif word != "skipped:":
            errors.append(line)


def check_ledger(stats, errors):
    ports = {port for port, _ in stats}
    for port in ports:
        get = lambda name: stats.get((port, name), 0)  # noqa: E731
        dropped = sum(n for (p, name), n in stats.items() if p == port and name.startswith("drop."))
        if get("rx") + get("added") != get("sent") + dropped:
            errors.append(f"ledger of port {port}: rx {get('rx')} + added {get('added')}"
                          f" != sent {get('sent')} + dropped {dropped}")
    total = lambda name: sum(n for (_, k), n in stats.items() if k == name)  # noqa: E731
    if total("tx") != total("sent"):
        errors.append(f"tx {total('tx')} != sent {total('sent')}")


def settle_entropy(frame, got):
    """The wanted frame with the outer source port and flow label of the one that came, if they are
    what RFC 7348 and RFC 6438 allow."""
    port = 54 if frame[12:14] == b"\x86\xdd" else 34
    if len(got) < port + 2 or got[port] < 0xc0:
        return frame
    frame = bytearray(frame)
    frame[port:port + 2] = got[port:port + 2]
    if port == 54:
        frame[15] = (frame[15] & 0xf0) | (got[15] & 0x0f)
        frame[16:18] = got[16:18]
    return bytes(frame)


def settle_source_port(frame, got):
    """The wanted frame with the source port and the checksum of the one that came."""
    return frame[:34] + got[34:36] + frame[36:50] + got[50:52] + frame[52:]


def check_frames(case, out, errors):
    for port in set(out) | set(case.out):
        want, have = case.out.get(port, []), out.get(port, [])
        if any("anyorder" in o for o, _ in want):
            want = sorted(want, key=lambda w: w[1])
            have = sorted(have, key=lambda h: h[1])
        if len(want) != len(have):
            errors.append(f"port {port}: {len(have)} frames left, {len(want)} wanted\n"
                          + "\n".join(show(h[1]) for h in have))
            continue
        for (options, frame), (flags, got) in zip(want, have):
            if "vxlan" in options:
                frame = settle_entropy(frame, got)
            if "anysport" in options:
                frame = settle_source_port(frame, got)
            if frame != got:
                errors.append(f"port {port}: wanted\n{show(frame, got)}\ngot\n{show(got, frame)}")
            offloads = set(flags.split(",")[1:])
            if set(options) - {"anyorder", "anysport", "vxlan"} != offloads:
                errors.append(f"port {port}: offload requests {sorted(offloads)}, wanted {sorted(options)}")


def check_records(case, stats, why, errors):
    counted = {(port, name[len("drop."):]) for (port, name), n in stats.items() if name.startswith("drop.") and n}
    recorded = {(port, reason) for port, reason, _ in why}
    if counted != recorded:
        errors.append(f"drops counted {sorted(counted)}, on record {sorted(recorded)}")
    for port, reason, words in case.why:
        if not any(w[:2] == (port, reason) and words <= w[2] for w in why):
            errors.append(f"no record of port {port}: {reason} {' '.join(sorted(words))}; there is {why}")


def check_log(case, log, errors):
    if len(log) != len(case.log) or any(g[0] != w[0] or not w[1] <= g[1] for g, w in zip(log, case.log)):
        errors.append(f"logged {log}, wanted {case.log}")


def check(case, out, stats, why, log):
    errors = []
    check_ledger(stats, errors)
    check_records(case, stats, why, errors)
    check_log(case, log, errors)
    check_frames(case, out, errors)
    for key, n in case.stats.items():
        if stats.get(key, 0) != n:
            errors.append(f"port {key[0]}: {key[1]} is {stats.get(key, 0)}, wanted {n}")
    for key, n in stats.items():
        if key[1].startswith("drop.") and key not in case.stats:
            errors.append(f"port {key[0]}: {n} {key[1]} not wanted")
    return errors


def run(runner, case, split):
    out, stats, why, log, errors = {}, {}, [], [], []
    runner.send("reset", *case.bed, "commit")
    for step in case.steps + [("go",)]:
        if step[0] == "do":
            runner.send(step[1])
        elif step[0] == "in":
            _, port, options, frame = step
            cut = f" split={split}" if split else ""
            runner.send(f"in {port} {frame.hex()}{cut} {' '.join(options)}")
        else:
            runner.send("go")
            parse_answer(runner.answer(), out, stats, why, log, errors)
    runner.send("end")
    parse_answer(runner.answer(), out, stats, why, log, errors)
    return errors + check(case, out, stats, why, log)


def run_again(runner, case):
    """What came in comes in once more, on the sessions of before. Only the runner knows if that is right."""
    if any(step[0] == "do" for step in case.steps):
        return []
    for step in case.steps:
        if step[0] == "in" and not step[2]:
            runner.send(f"in {step[1]} {step[3].hex()}")
    runner.send("go")
    return [line for line in runner.answer() if line.split()[0] not in ("out", "stat", "why", "log")]


def run_splits(runner, case, splits):
    longest = max([len(s[3]) for s in case.steps if s[0] == "in"], default=0)
    for split in [0] + ([s for s in splits if s < longest] if case.split else []):
        errors = run(runner, case, split)
        if errors:
            return [f"(first mbuf {split} bytes)"] * bool(split) + errors
    return []


def run_group(runner, group, splits, n_again):
    for case in group:
        errors = run_splits(runner, case, splits)
        for _ in range(n_again):
            errors += run_again(runner, case)
        if errors:
            return [f"({case.value})"] * bool(case.value) + errors
    return []


def main():
    args = argparse.ArgumentParser(description="Packet cases against the pipeline.")
    args.add_argument("--every", type=int, default=1)
    args.add_argument("--whole", action="store_true")
    args.add_argument("--again", type=int, default=0)
    args.add_argument("runner")
    args.add_argument("files", nargs="+")
    args = args.parse_args()
    runner = Runner(args.runner)
    groups = [group for path in args.files for group in CaseFile(path).groups]
    failed = 0
    runner.send("reset", "end")
    runner.answer()  # or it can't run here
    print(f"1..{len(groups)}")
    for number, group in enumerate(groups, 1):
        splits = [] if args.whole else SPLITS[number % args.every::args.every]
        errors = run_group(runner, group, splits, args.again)
        failed += bool(errors)
        print(f"{'not ok' if errors else 'ok'} {number} - {group[0].name}")
        for error in errors:
            print("# " + error.replace("\n", "\n# "))
        sys.stdout.flush()
    runner.process.stdin.close()
    for line in runner.process.stdout:
        print("# " + line.rstrip())
    if runner.process.wait() != 0:
        print("# the runner ended with", runner.process.returncode)
        failed += 1
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
