"""Race ours against the peers: `python -m benchmarks [RACE …]`; all races without a name.

Each race's tables are printed when it is finished; the page goes to RESULTS.md in the folder of the inputs.
`make bench` sets up both environments first.
"""

from __future__ import annotations

import argparse
import datetime
import difflib
import platform
import sys
import time
from pathlib import Path

from toolkit.core.errors import UserError, told
from toolkit.core.files import read_json, write_json, write_text
from toolkit.core.record import commit

from .inputs import Inputs
from .race import PEERS, ROOT
from .races import RACES
from .table import Section, between_marks, part, publish, summary, whole

CHANGED = ("+", "unknown")  # of a commit: its files differ from it, or there is no git
MINUTES = 40  # that all races take on two cores, the inputs of the first time among it


def arguments() -> argparse.Namespace:
    """The command line. Raises UserError where it asks for what cannot be."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("races", nargs="*", metavar="RACE", help=f"of {', '.join(RACES)}")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each race that count (default 5)")
    parser.add_argument(
        "--data", type=Path, default=ROOT / "benchmarks/data", help="folder of inputs, 2 GB, and results"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="inputs of this share of their size, to try things out"
    )
    parser.add_argument("--resume", action="store_true", help="keep races that this commit finished in such rounds")
    parser.add_argument("--publish", action="store_true", help="write benchmarks/RESULTS.md and the README's summary")
    parser.add_argument("--list", action="store_true", help="say which races there are")
    args = parser.parse_args()
    args.races = [name.lower() for name in args.races]
    for name in args.races:
        if name not in RACES:
            near = difflib.get_close_matches(name, RACES, 1, 0.4)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UserError(f"no race {name!r}", "command line", f"{hint}There are {', '.join(RACES)}")
    args.races = [name for name in RACES if name in args.races or not args.races]
    if args.rounds < 1 or not 0.002 <= args.scale <= 1:
        raise UserError("--rounds must be at least 1 and --scale 0.002 to 1", "command line")
    if args.publish and (len(args.races) < len(RACES) or args.scale != 1):
        raise UserError(
            "only all races together, at scale 1, are published", "--publish", "leave out names and --scale"
        )
    if args.publish:
        between_marks((ROOT / "README.md").read_text(encoding="utf-8"), "")
    return args


def finished(name: str, inputs: Inputs, rounds: int, resume: bool) -> Section:
    """The race, run now, or before by this commit in as many rounds on this machine."""
    path = inputs.folder / "finished" / f"{name}.json"
    key = {"commit": commit(), "rounds": rounds, "machine": platform.node()}
    if resume and path.is_file():
        kept = read_json(path)
        if kept["key"] == key and not commit().endswith(CHANGED):  # changed since by how much, nobody knows
            print("  was finished before")
            return Section.from_tree(kept["section"])
        print("  was finished before, of other files, in other rounds or elsewhere: it runs anew")
    section = RACES[name](inputs, rounds)
    write_json(path, {"key": key, "section": section.tree()})
    return section


def run(args: argparse.Namespace) -> None:
    if not PEERS.is_file():
        raise UserError("the peers are not installed", str(PEERS.parents[1]), "make bench, or tools/setup.sh peers")
    if len(args.races) == len(RACES) and args.scale == 1:
        print(f"All {len(RACES)} races: about {MINUTES} min on two cores that do nothing else")
    inputs, sections, date = Inputs(args.data, args.scale), [], datetime.date.today().isoformat()
    if args.scale != 1:
        date += f", inputs at a scale of {args.scale:g}: figures mean nothing"
    for number, name in enumerate(args.races, start=1):
        print(f"\n[{number}/{len(args.races)}] {name}", flush=True)
        begun = time.monotonic()
        section = finished(name, inputs, args.rounds, args.resume)
        sections.append(section)
        print(f"  took {time.monotonic() - begun:.0f} s\n\n{part(section)}\n{summary([section])}", flush=True)
    page = whole(sections, args.rounds, date)
    write_text(inputs.folder / "RESULTS.md", page)
    print(f"{inputs.folder / 'RESULTS.md'}")
    if args.publish:
        publish(page, sections, date)
        print("published: benchmarks/RESULTS.md, README.md")


if __name__ == "__main__":
    with told(2, "the benchmarks"):
        asked = arguments()
        try:
            print("\n".join(RACES)) if asked.list else run(asked)
        except KeyboardInterrupt:
            print("\nstopped; with --resume the races that were finished are kept", file=sys.stderr)
            raise SystemExit(130) from None
