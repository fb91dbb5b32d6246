"""Decode utterances in a step: a disk that is away is waited for, and what is decoded is judged by one set of rules.

A step that labels, packs, hears or transcribes works in shards. Each shard has a Listener, leaves a ledger of what it
drops and of what it warns of, and `settle` joins them. Trainings remember what they cannot use: bad_clips.py.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections import Counter
from collections.abc import Collection, Container, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..core.errors import UserError
from ..core.files import remove
from ..core.record import DROPPED, Ledger, read_ledger
from ..core.shards import run_shards, split
from ..core.step import Step
from .audio import SAMPLE_RATE, AudioError, Wave
from .judge import BEYOND_FULL_SCALE, CLIPPED, OUT_OF_RANGE, PACE, SILENT, TOO_SHORT, Limits, judge
from .kaldi import DataDir, Utterance
from .provenance import Rules, rules_of
from .utterance import DISAGREES, OTHER_LENGTH

PAUSES = (2.0, 10.0, 60.0)  # s before a file is tried again that the system could not read
OF_PATHS = {errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR}  # errors of a name, which no wait mends
WARNED = "warned.tsv"  # what is kept though a rule speaks against it; rows as in dropped.tsv
SHOWN, LISTED = 10, 100  # warnings that are printed, and broken clips in an error
BROKEN = frozenset(  # reasons that a clip cannot be used as it is
    (
        *("missing", "empty", "unreadable", "truncated", "several streams", "non-finite", "past end", "bad segment"),
        *("other length", "rate", "pipe", "changed"),
    )
)
JUDGED_OF = frozenset(
    (SILENT, CLIPPED, BEYOND_FULL_SCALE, OUT_OF_RANGE, PACE, TOO_SHORT)
)  # reasons of the rules of judge.py
FEWEST, MOST = 3, 0.001  # clips that may be broken: so many, or this share of a set
REMEDY = (
    "fetch or export these files again and rerun, which goes on from here; or leave them out: "
    "python3 -m toolkit.data.validate DIR --audio --fix --out COPY"
)


class Listener:
    """Decodes utterances of data directories for a step.

    Attributes:
        warned: utterance id -> (reason, detail) of those that were kept though a rule speaks against them.
    """

    def __init__(self, sets: Sequence[tuple[Rules, Collection[str]]]) -> None:
        """`sets`: rules, and the ids of the utterances they are for; those of the last one need no ids."""
        self._sets = sets
        self.warned: dict[str, tuple[str, str]] = {}

    @staticmethod
    def of(sets: Iterable[DataDir], trained: bool | None = None, texts: bool = False) -> Listener:
        """For all utterances of data directories.

        Args:
            trained: as in rules_of.
            texts: True where transcripts are learnt or scored: audio is then held against them.
        """
        ordered = sorted(sets, key=len)
        ids = [frozenset(u.id for u in data) for data in ordered[:-1]]
        rules = [rules_of(data.path, trained, data.tables.get("text") if texts else None) for data in ordered]
        return Listener(list(zip(rules, [*ids, ()], strict=True)))

    @staticmethod
    def plain() -> Listener:
        """For files of no set: all are kept, with warnings by the default limits."""
        return Listener([(Rules(False, Limits()), ())])

    def anew(self) -> Listener:
        """One by the same rules that has warned of nothing, for a shard."""
        return Listener(self._sets)

    def hear(self, u: Utterance) -> Wave:
        """Samples [N], mono, 16 kHz.

        Raises AudioError for a clip that cannot be decoded, and for one of a training set that a rule speaks against;
        UserError if the disk cannot be read.
        """
        wave_N = decoded(u)
        rules = next((rules for rules, ids in self._sets[:-1] if u.id in ids), self._sets[-1][0])
        if fault := judge(wave_N, SAMPLE_RATE, rules.limits, rules.texts.get(u.id, "")):
            if rules.trains or fault.damage:
                raise AudioError(fault.reason, fault.detail, u.path, "mend it, or leave it out")
            self.warned[u.id] = fault[:2]
        return wave_N

    def write_warned(self, folder: Path, stage: str) -> None:
        """Leave what was warned of in a shard's folder."""
        ledger = Ledger(stage)
        for id, fault in self.warned.items():
            ledger.drop(id, *fault)
        ledger.write(folder / WARNED)


def decoded(u: Utterance) -> Wave:
    """As Utterance.audio(). An error of the system is told, and after a pause the file is tried again.

    Raises AudioError if the clip is at fault, UserError if after all pauses the system still is.
    """
    waited = 0.0
    for pause in (*PAUSES, None):
        try:
            return u.audio()
        except AudioError:
            error = system_error(u.path)
            if error is None:
                return u.audio()  # the error may have passed meanwhile: the clip is at fault if it fails again
        except OSError as e:
            error = e
        reason = f"{error.strerror or error} ({errno.errorcode.get(error.errno or 0, 'no number')})"
        if pause is not None:
            print(f"{u.id}: {u.path}: {reason}; tried again in {pause:g} s", flush=True)
            time.sleep(pause)
            waited += pause
    raise UserError(
        f"{u.id}: the system cannot read a recording: {reason}, {len(PAUSES) + 1} times in {waited:g} s",
        u.path,
        "is its disk or share there, and may you read it? Mend that and rerun: what is finished is kept",
    )


def system_error(path: str) -> OSError | None:
    """The system's error on reading the bytes of a recording; None if they can be read, or the name itself is wrong.

    A missing file whose folder is missing too is an error of the system: its disk may be away.
    """
    if path.endswith("|"):
        return None
    file = path if os.path.exists(path) else path.rpartition(":")[0] or path  # an entry of an ark
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            return None  # a device or a pipe might be read for ever
        with open(file, "rb") as f:
            while f.read(1 << 20):
                pass
    except FileNotFoundError as e:
        folders = {os.path.dirname(os.path.realpath(name)) for name in (path, file)}
        return None if any(map(os.path.isdir, folders)) else e
    except OSError as e:
        return None if e.errno in OF_PATHS else e
    return None


def settle(step: Step[Any], shards: Sequence[Path], size: int) -> None:
    """Take the ledgers of all shards into the step's, and print what they drop and warn of (OUT/warned.tsv).

    Raises UserError if too many of `size` clips are broken. Shards that lack one are then removed, so that a rerun
    tries them again.
    """
    rows = {shard: read_ledger(shard / DROPPED) for shard in shards}
    broken = {shard: [row for row in rows[shard] if undecodable(row[2])] for shard in shards}
    every = [(id, reason, detail) for shard in shards for id, _, reason, detail in broken[shard]]
    if too_many(len({id for id, _, _ in every}), size):
        for shard in shards:
            if broken[shard]:
                remove(shard)
        refuse_broken(every, size, str(step.ins[0] if step.ins else step.out))
    dropped = [row for shard in shards for row in rows[shard]]
    step.ledger.rows += dropped
    tell_dropped([(id, reason, detail) for id, _, reason, detail in dropped], step)
    warned = Ledger(step.name)
    for shard in shards:
        warned.merge(shard / WARNED)
    tell_warned(warned, step)


def hear_all(step: Step[Any], data: DataDir, utterances: Sequence[Utterance]) -> set[str]:
    """Decode and judge utterances of a data directory, whose transcripts are learnt; returns the ids of the dropped.

    Raises UserError as settle does.
    """
    listener, parts = Listener.of([data], texts=True), split([u.seconds for u in utterances], fewest=1)

    def work(k: int, folder: Path) -> None:
        folder.mkdir(parents=True)
        ledger, ears = Ledger(step.name), listener.anew()
        for u in (utterances[i] for i in parts[k]):
            try:
                ears.hear(u)
            except AudioError as e:
                ledger.drop(u.id, e.reason, f"{e.what}: {u.path}")
        ledger.write(folder / DROPPED)
        ears.write_warned(folder, step.name)

    shards = run_shards(step, [sum(utterances[i].seconds for i in part) for part in parts], work)
    settle(step, shards, len(utterances))
    return {row[0] for shard in shards for row in read_ledger(shard / DROPPED)}


def drop_warned(step: Step[Any], data: Path, made: Path, ids: Container[str]) -> set[str]:
    """Those of `ids` whose audio a step has warned of, where their set is trained on; with rows in the ledger.

    Those of another set are kept, and warned of again.

    Args:
        made: output of that step, which kept them because it may also serve a test set. What it says of transcripts
            counts for nothing: the labels that are learnt are its own.
    """
    rows, trains = warned_of(made, ids), rules_of(data).trains
    judged = step.ledger if trains else Ledger(step.name)
    for row in rows:
        judged.drop(*row)
    if not trains:
        tell_warned(judged, step)
        return set()
    tell_dropped(rows, step)
    return {row[0] for row in rows}


def warned_of(made: Path, ids: Container[str], texts: bool = False) -> list[tuple[str, str, str]]:
    """(id, reason, detail) of those of `ids` that the step which made a folder has warned of.

    Args:
        texts: True if the transcripts it read are learnt; else what it says of them is left out.
    """
    rows = read_ledger(made / WARNED) if (made / WARNED).is_file() else []
    return [(id, reason, told) for id, _, reason, told in rows if id in ids and (texts or reason != PACE)]


def tell_warned(warned: Ledger, step: Step[Any]) -> None:
    """Print warnings, and write them below the step's output if there are any."""
    rows = {(id, reason, detail) for id, _, reason, detail in warned.rows}
    if rows:
        print(told_of(rows, "kept in spite of that", step.out / WARNED), flush=True)
        warned.write(step.out / WARNED)
        step.counts["warned"] = len(rows)


def tell_dropped(rows: Collection[tuple[str, str, str]], step: Step[Any]) -> None:
    """Print utterances (id, reason, detail) that a step drops, if there are any: no set shrinks without a word."""
    if rows:
        print(f"WARNING: {told_of(rows, 'left out', step.out / DROPPED, 'left out')}", flush=True)


def told_of(rows: Collection[tuple[str, str, str]], fate: str, place: Path, begins: str = "WARNING") -> str:
    """Lines about utterances (id, reason, detail): the first of every reason, then others; how many; where all are."""
    every = sorted(set(rows))
    reasons = Counter(reason for _, reason, _ in every)
    first = {reason: row for row in reversed(every) for reason in [row[1]]}
    shown = sorted([*first.values(), *[row for row in every if row not in first.values()]][:SHOWN])
    lines = [f"{begins}: {id}: {reason}: {detail}" for id, reason, detail in shown]
    more = f"; {len(every) - len(shown):,} more" if len(every) > len(shown) else ""
    counts = ", ".join(f"{reason} ({count:,})" for reason, count in sorted(reasons.items()))
    return "\n".join([f"{len(every):,} utterances are {fate}{more}: {counts}: {place}", *lines])


def undecodable(reason: str) -> bool:
    """True for a reason that a clip could not be decoded, not for one that a rule speaks against it."""
    return reason.removeprefix("audio: ") in BROKEN


def is_of_audio(reason: str) -> bool:
    """True for a reason that lies in the audio: it cannot be decoded, or a rule speaks against it."""
    return undecodable(reason) or reason in JUDGED_OF


def too_many(clips: int, size: int, share: float = MOST) -> bool:
    """True if more clips cannot be used than max(3, 0.1 %) of a set, or another share of it."""
    return clips > max(FEWEST, share * size)


def refuse_broken(
    rows: Iterable[tuple[str, str, str]], size: int, where: str, remedy: str = "", share: float = MOST
) -> NoReturn:
    """Raise UserError with the list of clips that cannot be used: (id, reason, detail).

    Args:
        remedy: "": to mend the audio, or the tables if they alone are wrong.
        share: of a set that may be left out.
    """
    every, most = sorted(set(rows)), max(FEWEST, int(share * size))
    lines = [f"  {id}: {reason}: {detail}" for id, reason, detail in every[:LISTED]]
    more = [f"  ... and {len(every) - LISTED:,} more"] if len(every) > LISTED else []
    problem = f"{len(every):,} of {size:,} clips cannot be used, where {most:,} may be left out:"
    usual = DISAGREES if all(reason == OTHER_LENGTH for _, reason, _ in every) else REMEDY
    raise UserError("\n".join([problem, *lines, *more]), where, remedy or usual)
