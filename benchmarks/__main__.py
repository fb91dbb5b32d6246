"""Race ours against the peers: `python -m benchmarks [RACE …]`; all races without a name.

Each race's tables are printed when it is finished; pages go to the folder of the inputs.
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
from toolkit.core.files import read_json, write_json
from toolkit.core.record import commit

from . import instruct_races, races, star_races, superb_races, text_races, whisper_races
from .inputs import BenchInputs
from .race import PEERS, ROOT
from .races import Race
from .table import Page, Section, between_marks, part, publish, summary, whole, write_page

PAGES: dict[Page, dict[str, Race]] = {
    room.PAGE: room.RACES for room in (races, text_races, whisper_races, superb_races, star_races, instruct_races)
}
RACES = {name: race for of_page in PAGES.values() for name, race in of_page.items()}
CHANGED = ("+", "unknown")  # of a commit: its files differ from it, or there is no git
MINUTES = 125  # that all races take on two cores, the inputs of the first time among it


def arguments() -> argparse.Namespace:
    """The command line. Raises UserError if it asks for what cannot be."""
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
    parser.add_argument(
        "--publish", action="store_true", help="write the pages of benchmarks/ and the README's summaries"
    )
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
    args.pages = [page for page, of_page in PAGES.items() if set(of_page) <= set(args.races)]
    if args.publish and (sum(len(PAGES[page]) for page in args.pages) < len(args.races) or args.scale != 1):
        groups = "; or ".join(" ".join(of_page) for of_page in PAGES.values())
        raise UserError("only whole pages are published, at scale 1", "--publish", f"name the races of one: {groups}")
    for page in args.pages if args.publish else ():
        between_marks(page, (ROOT / "README.md").read_text(encoding="utf-8"), "")
    return args


def finished(name: str, inputs: BenchInputs, rounds: int, resume: bool) -> Section:
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
    inputs, sections, date = BenchInputs(args.data, args.scale), dict[str, Section](), datetime.date.today().isoformat()
    if args.scale != 1:
        date += f", inputs at a scale of {args.scale:g}: figures mean nothing"
    for number, name in enumerate(args.races, start=1):
        print(f"\n[{number}/{len(args.races)}] {name}", flush=True)
        begun = time.monotonic()
        sections[name] = section = finished(name, inputs, args.rounds, args.resume)
        print(f"  took {time.monotonic() - begun:.0f} s\n\n{part(section)}\n{summary([section])}", flush=True)
    for page, of_page in PAGES.items():
        if here := [sections[name] for name in of_page if name in sections]:
            text = whole(page, here, args.rounds, date)
            write_page(inputs.folder, page, text, here)
            print(f"{inputs.folder / page.file}")
            if args.publish:
                publish(page, text, here, date)
                print(f"published: benchmarks/{page.file}, README.md")


if __name__ == "__main__":
    with told(2, "the benchmarks"):
        asked = arguments()
        try:
            print("\n".join(RACES)) if asked.list else run(asked)
        except KeyboardInterrupt:
            print("\nstopped; with --resume the races that were finished are kept", file=sys.stderr)
            raise SystemExit(130) from None
