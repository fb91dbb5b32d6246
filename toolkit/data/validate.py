"""Check a Kaldi data directory: every problem with file, line and remedy; --fix writes a mended copy.

With --audio every recording is decoded to its end, and --fix drops those that do not decode.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..core.errors import told
from ..text.lines import quiet_pipe
from .checks import Report, inspect
from .repair import repair


def validate(path: Path, allow_pipes: bool = False, audio: bool = False, nj: int = 1) -> Report:
    """All problems of the data directory; see checks.inspect. Raises UserError if it is none."""
    return inspect(path, allow_pipes, audio, nj)


def text_of(path: Path, report: Report) -> str:
    """The report as lines: the problems by file and line, then their counts."""
    warnings = len(report.problems) - len(report.errors)
    lines = [str(p) for p in report.problems]
    hours = f", {report.seconds / 3600:.2f} h" if report.seconds >= 36 else f", {report.seconds:.1f} s"
    counts = f"{report.utterances} utterances"
    if report.seconds:
        counts += hours + f" without {report.unknown} of unknown length" * (report.unknown > 0)
    verdict = f"{len(report.errors)} errors, {warnings} warnings" if report.problems else "no problems"
    lines += [f"{path}: {verdict} ({counts})"]
    if report.unseen:
        lines.append(f"{report.unseen:,} recordings were not looked at, only their files' names: --audio looks at all")
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    """The command line. Returns the exit status: 1 for errors or a wrong call."""
    parser = argparse.ArgumentParser("python3 -m toolkit.data.validate", description=__doc__, allow_abbrev=False)
    parser.add_argument("dir", type=Path, metavar="DIR", help="data directory")
    parser.add_argument("--audio", action="store_true", help="decode every recording to its end, compare its channels")
    parser.add_argument(
        "--nj", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="processes that decode (all cores)"
    )
    parser.add_argument("--allow-pipes", action="store_true", help="accept commands in wav.scp")
    parser.add_argument("--fix", action="store_true", help="write a repaired copy to --out")
    parser.add_argument("--out", type=Path, metavar="DIR2", help="folder of the repaired copy")
    call = parser.parse_args(words)
    if call.nj < 1:
        parser.error("--nj: 1 or more")
    if call.fix != (call.out is not None):
        parser.error("--fix and --out DIR2 go together")
    report = validate(call.dir, call.allow_pipes, call.audio, call.nj)
    print(text_of(call.dir, report))
    if not call.fix:
        return 1 if report.errors else 0
    print(repair(call.dir, call.out, call.allow_pipes, call.audio, call.nj))
    after = validate(call.out, call.allow_pipes, call.audio, call.nj)
    print(text_of(call.out, after))
    return 1 if after.errors else 0


if __name__ == "__main__":
    with told(1, "the data directory"):
        with quiet_pipe():
            code = main()
        raise SystemExit(code)
