"""An output folder over its life: begun, finished, and its state compared with what its command would make now."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from . import identity as identities
from . import old_record
from .contents import AGAIN, Contents, Differences, FileRow, file_rows, is_table, names_of, times_of
from .errors import UserError
from .files import TEMPORARY, write_json, write_text
from .identity import RAW, UNFINISHED, InputId, id_of_input, identity, identity_id, raw_files
from .record import (
    BOOKKEEPING,
    DROPPED,
    FORMAT,
    PATHS,
    RECORD,
    TIMES,
    Ledger,
    aside,
    commit,
    flag,
    flagged,
    read_record,
    root_of,
    within,
    without_record,
)

Parts = dict[str, str]
RESTORE = "restore it from a copy, or redo the stage"


@dataclass(frozen=True)
class Status:
    """State of an output: missing, partial, stale or done; `why` says what changed.

    One of which a file is not as its step left it, and that nobody mends by hand, is stale too.

    Attributes:
        id: identity of the output, if it was begun and would be made from the same now.
        differences: how its files differ from what its step left.
        old: True if its record is of the first format, which knows no edits.
    """

    state: str
    why: str = ""
    id: str = ""
    differences: Differences = field(default_factory=Differences)
    old: bool = False


def status(argv: list[str], input_id: InputId | None = None) -> Status:
    """State of the output of `argv`, compared with what `argv` would make now."""
    folder = Path(flag(argv, "--out")[0])
    if not (folder / RECORD).is_file():
        return Status("missing", f"files without a {RECORD}" if without_record(folder) else "")
    try:
        record = read_record(folder)
    except UserError as e:
        return Status("stale", f"{folder / RECORD} is {e.what}")
    was, now = record["parts"], parts_now(record, argv, input_id)
    changed = changes(was, now)
    if changed and record["state"] == "running" and _bare(folder):
        return Status("missing", "begun in another way, with nothing made")
    if changed:
        words = ", ".join(_change(part, was.get(part), now.get(part), argv) for part in changed)
        return Status("stale", f"changed: {words}")
    old = "format" not in record
    if record["state"] != "done":
        return Status("partial", "begun: goes on where it stopped", record["id"], old=old)
    differences = Contents(folder, record).differences()
    if differences.changed:
        return Status("stale", f"{differences.told()}; {RESTORE}", record["id"], differences, old)
    for names, word in ((differences.gone, "gone"), (differences.damaged, "cut short")):
        if names:
            named = ", ".join(str(folder / name) for name in names)
            return Status("partial", f"{word}: {named}; it is made again", record["id"], differences, old)
    return Status("done", differences.told(), record["id"], differences, old)


def parts_now(record: dict[str, Any], argv: list[str], input_id: InputId | None = None) -> Parts:
    """Identity that `argv` has now, after the rule of the record's format and in its spelling of paths."""
    if "format" not in record:
        return old_record.identity(argv, input_id or id_of_input)
    return _respelt(record["parts"], identity(argv, input_id))


def _respelt(was: Parts, now: Parts) -> Parts:
    """`now` with the paths spelt as in `was` where both lead to the same place.

    `place` alone cannot tell: a link in the recipe and the folder it leads to are two places, and one corpus.
    """
    before, after = json.loads(was["command"]), json.loads(now["command"])
    if len(before) != len(after):
        return now
    spelling = {}
    for old, (name, new) in zip(before, flagged(after)):
        if name in PATHS and old != new and os.path.exists(old) and os.path.realpath(old) == os.path.realpath(new):
            spelling[new] = old
    if not spelling:
        return now
    names = {new: old for new, old in spelling.items()} | {
        f"input {new}": f"input {old}" for new, old in spelling.items()
    }
    words = json.dumps([spelling.get(word, word) for word in after], ensure_ascii=False)
    return {names.get(part, part): value for part, value in now.items()} | {"command": words}


def changes(was: Parts, now: Parts) -> list[str]:
    """Names of the parts that differ."""
    changed = [k for k in now if was.get(k) != now[k]] + [k for k in was if k not in now]
    if "command" in changed:  # the command names the inputs and configs added or removed
        changed = [k for k in changed if k in was and k in now]
    return changed


def _change(part: str, was: str | None, now: str | None, argv: list[str]) -> str:
    """A changed part in words: for a command the words that differ, for an input the tables that were edited."""
    if part.startswith("input ") and was and now:
        edited = _edited(part.removeprefix("input "), now, Path(flag(argv, "--out")[0]))
        return f"{part} (edited: {', '.join(edited)})" if edited else part
    if part == "VERSION":
        return f"VERSION of {argv[0]}, from {was or 1} to {now or 1}"
    if part != "command" or was is None or now is None:
        return part
    old, new = json.loads(was), json.loads(now)
    words = [shlex.join(side) or "nothing" for side in _differing(old, _spelt_as(old, new))]
    return f"command (from {words[0]} to {words[1]})"


def _spelt_as(old: list[str], new: list[str]) -> list[str]:
    """The command `new`, its paths spelt as in `old` where both lead to one place."""
    places = {os.path.realpath(word): word for word in _paths(old)}
    spelling = {word: places[real] for word in _paths(new) if (real := os.path.realpath(word)) in places}
    return [spelling.get(word, word) for word in new]


def _paths(command: list[str]) -> set[str]:
    """The words of a command that are paths."""
    return {word for name, word in flagged(command) if name in PATHS and word not in ("", name)}


def _differing(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """The words of each that the other has not, or has in another place or number."""
    changed: tuple[list[str], list[str]] = [], []
    for _, a, b, c, d in (op for op in SequenceMatcher(None, old, new, False).get_opcodes() if op[0] != "equal"):
        for side, command, start, end in ((changed[0], old, a, b), (changed[1], new, c, d)):
            side += command[start:end]
    return changed


def _edited(name: str, id: str, out: Path) -> list[str]:
    """Names of edited tables of an input, as far as they are known."""
    inside = within(Path(name))
    if inside and "+" in id:
        return list(Contents(inside[0], read_record(inside[0])).differences().below(inside[1]))
    if not id.startswith(RAW):
        return []
    tables, seen = raw_files(Path(name), out)[1], times_of(out, "inputs")
    return [os.path.relpath(file, name) for file in tables if file in seen and seen[file][2] != tables[file][2]]


def _bare(folder: Path) -> bool:
    """True if a step that was begun in `folder` has no output yet that would be lost."""
    shards = folder / "shards"
    made = [p for p in (shards.iterdir() if shards.is_dir() else ()) if not p.name.endswith(TEMPORARY)]
    return not made and {p.name for p in folder.iterdir() if not p.name.endswith(TEMPORARY)} <= BOOKKEEPING


def refuse_outdated(path: Path) -> None:
    """Raise UserError if an input of the output that holds `path` was edited or made anew since.

    Only inputs that are outputs themselves are looked at; they are searched where the recipe of `path` is now.
    """
    inside = within(path)
    if inside is None or (record := read_record(inside[0]))["state"] != "done":
        return
    folder = inside[0]
    differences = Contents(folder, record).differences()
    if differences.changed:
        raise UserError(f"{path} is {differences.told()}", str(folder), AGAIN.format(folder))
    root = root_of(folder, record)
    if root is None:
        return
    for part, was in record["parts"].items():
        name = Path(root, part.removeprefix("input "))
        if part.startswith("input ") and within(name) and (now := id_of_input(name, folder)) not in (was, UNFINISHED):
            edited = _edited(str(name), now, folder)
            why = f"{name} was edited since: {', '.join(edited)}" if edited else f"{name} was made anew since"
            remedy = f"make {folder} again: ./run.sh --list names its stage, --fresh STAGE redoes it"
            raise UserError(f"{path} is out of date: {why}", str(folder), remedy)


def set_aside(out: Path, differences: Differences) -> None:
    """Move the files that differ in an output that is made again to a new folder beside it."""
    names = [*differences.damaged, *differences.edited, *differences.changed]
    if TIMES in differences.changed:  # any file may have been changed
        made = [name for name in read_record(out).get("made", []) if name not in BOOKKEEPING]
        names = [name for name in dict.fromkeys([*names, *made]) if (out / name).is_file()]
    if not names:
        return
    to = Path(aside(str(out)))
    for name in names:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).rename(to / name)
    print(f"moved {', '.join(names)} of {out} to {to}: not as their step left them", flush=True)


@dataclass(frozen=True)
class Begun:
    """What a step was begun with: id, parts, and the tables among its raw inputs.

    Attributes:
        earlier: the record and the times of a finished output that the step makes anew, as they were; else empty.
    """

    id: str
    parts: Parts
    inputs: dict[str, FileRow]
    earlier: dict[str, bytes] = field(default_factory=dict)


def begin(argv: list[str], out: Path) -> Begun:
    """Write the identity before the first byte of output, so that an incomplete folder is recognised.

    Returns it for `finish`, so that edits made while the step runs do not change it. An output that was begun from the
    same things keeps its id. Raises UserError for an incomplete input.
    """
    before = status(argv)
    parts = identity(argv)
    for name, value in parts.items():
        if value == UNFINISHED:
            raise UserError(f"{name} is not finished", name, "let the step that makes it run to its end first")
    earlier = {name: (out / name).read_bytes() for name in (RECORD, TIMES)} if _is_finished(out) else {}
    begun = Begun(before.id or identity_id(parts), parts, _raw_tables(argv, out), earlier)
    if begun.inputs:
        write_json(out / TIMES, {"inputs": begun.inputs})
    write_json(out / RECORD, {"format": FORMAT, "state": "running", "id": begun.id, "parts": parts})
    return begun


def _is_finished(out: Path) -> bool:
    """True if `out` has the record of a step that ran to its end, and its times."""
    return all((out / name).is_file() for name in (RECORD, TIMES)) and read_record(out)["state"] == "done"


def withdraw(begun: Begun, out: Path) -> None:
    """After a failure: a finished output whose files the step has not touched has its earlier record again.

    Else the record would tell of a command that made nothing, and the output would be stale for the one that made it.
    """
    if not begun.earlier or (out / "shards").exists():
        return
    running = {name: (out / name).read_bytes() for name in begun.earlier}
    _write_all(out, begun.earlier)
    record = read_record(out)
    if {*names_of(out), TIMES} != {*record["made"]} or Contents(out, record).differences() != Differences():
        _write_all(out, running)


def _write_all(out: Path, files: dict[str, bytes]) -> None:
    """Write files of an output; the record last, as it says what the others are."""
    for name in sorted(files, key=lambda name: name == RECORD):
        write_text(out / name, files[name].decode("utf-8", "surrogateescape"))


def _raw_tables(argv: list[str], out: Path) -> dict[str, FileRow]:
    """Tables among the raw inputs of `argv`."""
    raw = [path for path in map(Path, flag(argv, "--in")) if not within(path) and path.exists()]
    return {file: row for path in raw for file, row in raw_files(path, out)[1].items()}


def finish(
    begun: Begun, out: Path, config: dict[str, Any], counts: dict[str, float], ledger: Ledger, seconds: float
) -> None:
    """Mark `out` as complete: write the ledger, the file of times, and last the record."""
    ledger.write(out / DROPPED)
    about = {"config": config, "commit": commit(), "counts": counts, "dropped": ledger.reasons()}
    _seal(begun, out, about, {"seconds": round(seconds, 2)})


def _seal(begun: Begun, out: Path, about: dict[str, Any], times: dict[str, Any]) -> None:
    """Record the files of a finished output, with `about` it."""
    names = sorted({*names_of(out), TIMES})
    script = "/" in json.loads(begun.parts["command"])[0]
    write_json(out / TIMES, {**times, "files": file_rows(out, names, tables_alone=script), "inputs": begun.inputs})
    record = {"format": FORMAT, "state": "done", "id": begun.id, "parts": begun.parts, "made": names}
    write_json(out / RECORD, {**about, **record})


def forget() -> None:
    """Forget what was read from the disk, because something was moved."""
    identities.forget()
    old_record.forget()


def renew(argv: list[str], out: Path) -> None:
    """Rewrite the record of a finished output that is of the first format; it keeps its id."""
    record = read_record(out)
    about: dict[str, Any] = {name: record[name] for name in ("config", "commit", "counts", "dropped") if name in record}
    begun = Begun(record["id"], identity(argv), _raw_tables(argv, out))
    _seal(begun, out, about, old_record.times(out))
    empty = [name for name, (size, _, _) in times_of(out, "files").items() if not size and is_table(name)]
    note = f"; empty tables: {', '.join(empty)}" if empty else ""
    print(f"{out}: edits are seen from now on; those made before are not known{note}", flush=True)
