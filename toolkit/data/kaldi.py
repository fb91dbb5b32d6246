"""Kaldi data directories: the contract between corpora and all later steps.

A data directory is a folder with wav.scp; beside it tables `key value` in C (byte) order: segments, text,
utt2spk, spk2utt, utt2dur, reco2dur, utt2lang, utt2emotion, spk2gender, ... Audio is referenced in place.

reco2file_and_channel (`recording file A`) says that of a recording of several channels the first is read (A, or 1), the
second (B, or 2), or a later one (3 to 8). Of a recording that it does not name the mean is read, if a corpus's step has
made the folder; else what channels.py decides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import UserError
from ..core.files import atomic
from ..core.links import dangling
from ..core.record import Ledger
from ..text.not_known import UNKNOWN as UNKNOWN  # label of an utterance without one, if others of the set have one
from .audio import CHANNEL_INDEX, AudioError, audio_info
from .broken_lines import rests
from .decided import of_corpus
from .ids import fault
from .malformed import Malformed
from .names import as_compared
from .phone_lines import phone_lines
from .tables import CHANNELS, Problem, is_table, locate, read_table, strangers
from .utterance import Utterance as Utterance

WAV, SEGMENTS, SPEAKERS, DERIVED, PHONES = "wav.scp", "segments", "utt2spk", "spk2utt", "phones.ctm"
CHANNEL_OF = {name: name for name in CHANNEL_INDEX if name.isdecimal()}  # of reco2file_and_channel
CHANNEL_OF |= {"A": "left", "B": "right", "1": "left", "2": "right"}
SIDES = f"A, B and 1 to {len(CHANNEL_INDEX)}"  # for errors
_WRITE_SIDE = "write A (left), B (right), or the channel's number"
_SURROGATE = re.compile("[\ud800-\udfff]")
SHOWN = 40  # number of problems in an error; validate shows all

Tables = Mapping[str, Mapping[str, str]]
Origin = tuple[Path, Mapping[str, str]]  # a data directory; id of an utterance there -> its new id, where it has one


@dataclass
class DataDir:
    """A data directory in memory.

    Attributes:
        path: its folder.
        tables: file name -> key -> rest of the line, for every table but spk2utt, which follows from utt2spk.
        utterances: sorted by id.
        renamed: True if names in the files are written otherwise than in `tables`, see names.as_compared.
        new_ids: id of an utterance in the files -> its id here, of those that are called otherwise here.
    """

    path: Path
    tables: dict[str, dict[str, str]]
    utterances: list[Utterance]
    renamed: bool = False
    new_ids: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | str, allow_pipes: bool = False, headers: bool = True) -> DataDir:
        """Load a data directory. A table other than utt2spk may lack utterances; no table may have unknown ones.

        Names are as they are compared, see names.py.
        Lengths come from segments, utt2dur or reco2dur, else from the header of the audio, or are NaN if `headers` is
        False. Raises one UserError that names all problems.
        """
        path = Path(path)
        files, problems = read_tables(path)
        tables, torn = as_compared(files)
        problems += torn
        loaded, more = utterances(tables, allow_pipes, headers, of_corpus(path))
        place = SEGMENTS if SEGMENTS in tables else WAV
        more += strangers(tables, place, SPEAKERS, {p.id for p in [*problems, *more]})
        fatal = [p for p in [*problems, *more] if p.fatal]
        if not loaded and not fatal:
            raise UserError("a data directory without an utterance", str(path), "make it again from its corpus")
        if fatal:
            shown = "\n".join(f"  {p}" for p in locate(path, fatal[:SHOWN]))
            rest = f"\n  ... and {len(fatal) - SHOWN} more" if len(fatal) > SHOWN else ""
            raise UserError(
                f"{len(fatal)} problems in a data directory:\n{shown}{rest}",
                str(path),
                f"python3 -m toolkit.data.validate {path} lists them all; with --fix --out FOLDER it mends a copy",
            )
        return cls(path, tables, loaded, any(tables[name] is not files[name] for name in files))

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    @property
    def origin(self) -> Origin:
        """Where the files are, and how their utterances are called here."""
        return self.path, self.new_ids

    @property
    def seconds(self) -> float:
        """Audio of all utterances, in seconds."""
        return math.fsum(u.seconds for u in self.utterances)


def read_tables(path: Path, bad_ids: bool = False) -> tuple[dict[str, dict[str, str]], list[Problem]]:
    """Every table of the folder but spk2utt, and the problems of each. Raises UserError without a wav.scp."""
    if not (path / WAV).is_file():
        problem = f"not a data directory: {dangling(path / WAV) or 'it has no wav.scp'}"
        raise UserError(problem, str(path), "run the stage that makes it")
    tables: dict[str, dict[str, str]] = {}
    problems: list[Problem] = []
    known: dict[str, str] = {}
    for file in sorted(path.iterdir()):
        if is_table(file.name) and file.name != DERIVED and file.is_file():
            tables[file.name], more = read_table(file, known, bad_ids)
            problems += more
    return tables, problems + rests(path, tables, problems, SEGMENTS if SEGMENTS in tables else WAV)


def utterances(
    tables: Tables, allow_pipes: bool, headers: bool = True, decided: bool = False
) -> tuple[list[Utterance], list[Problem]]:
    """The utterances of the tables, sorted by id, and the problems of those that cannot be used.

    Args:
        headers: open a recording whose length no table gives; else its length is NaN.
        decided: what is read of several channels is decided, also where no table names one.
    """
    made = _Utterances(tables, allow_pipes, headers, decided)
    if not allow_pipes:
        for rec, source in tables[WAV].items():
            if source.endswith("|"):
                made.note(
                    WAV, rec, "pipe", "a command in the place of a file", "store its output, or give --allow-pipes"
                )
    if SEGMENTS in tables:
        for id, text in tables[SEGMENTS].items():
            made.add_segment(id, text)
    else:
        for id in tables[WAV]:
            made.add_whole(id)
    made.utterances.sort(key=lambda u: u.id)
    return made.utterances, made.problems


class _Utterances:
    """Utterances collected from tables, and their problems."""

    def __init__(self, tables: Tables, allow_pipes: bool, headers: bool, decided: bool) -> None:
        self.tables, self.wav, self.speaker = tables, tables[WAV], tables.get(SPEAKERS, {})
        self.allow_pipes, self.headers, self.decided = allow_pipes, headers, decided
        self.utterances: list[Utterance] = []
        self.problems: list[Problem] = []
        self.channel = self._channels()
        self.shared = sides_of_one_file(self.wav, self.channel)
        self.lengths: dict[str, float] = {}  # of recordings, by reco2dur

    def note(self, file: str, id: str, reason: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(file, 0, reason, f"{id}: {message}", remedy, fatal=True, id=id))

    def _channels(self) -> dict[str, str]:
        """Recording -> left or right, of those that reco2file_and_channel names."""
        channel: dict[str, str] = {}
        for rec, value in self.tables.get(CHANNELS, {}).items():
            side = value.split()[-1]
            if side in CHANNEL_OF:
                channel[rec] = CHANNEL_OF[side]
            else:
                self.note(CHANNELS, rec, "channel", f"channel {side} is none of {SIDES}", _WRITE_SIDE)
        return channel

    def add_whole(self, id: str) -> None:
        seconds, table = self._length(id, "utt2dur")
        if seconds is not None:
            self._add(id, id, 0.0, None, seconds, table)

    def add_segment(self, id: str, text: str) -> None:
        try:
            rec, start, end = parse_segment(text)
            if rec not in self.wav:
                raise ValueError(f"recording {rec} is not in {WAV}")
        except ValueError as e:
            self.note(SEGMENTS, id, "segment", str(e), "mend the line, or take it out")
            return
        stop, table = self._length(rec, "reco2dur") if end is None else (end, "")
        if stop is not None and stop <= start and self.headers:  # else by the check of ends
            self.note(
                SEGMENTS, id, "past end", f"{start} s to its end of {rec}, which has {stop:.2f} s", "mend the times"
            )
        elif stop is not None:
            self._add(id, rec, start, end, stop - start, table)

    def _add(self, id: str, rec: str, start: float, end: float | None, seconds: float, table: str) -> None:
        channel, speaker = self.channel.get(rec, ""), self.speaker.get(id, id)
        whole = self._stated(rec)
        rest = (seconds, channel, table, whole, self.decided, self.shared.get(rec, ""))
        self.utterances.append(Utterance(id, self.wav[rec], start, end, speaker, *rest))

    def _stated(self, rec: str) -> float:
        """Seconds of a recording by reco2dur; NaN if it says nothing that can be used."""
        if rec not in self.lengths:
            try:
                self.lengths[rec] = positive(self.tables.get("reco2dur", {}).get(rec, "nan"))
            except ValueError:  # reported where it is needed, and by the check of numbers
                self.lengths[rec] = math.nan
        return self.lengths[rec]

    def _length(self, rec: str, name: str) -> tuple[float | None, str]:
        """(seconds of a recording, the table that says so); of its header, whose table is "", if none does.

        Tables are `name`, then reco2dur. None, and a problem, if the length is unknown.
        """
        for table in (name, "reco2dur"):
            if length := self.tables.get(table, {}).get(rec):
                try:
                    return positive(length), table
                except ValueError as e:
                    self.note(table, rec, "duration", str(e), "mend the line")
                    return None, table
        try:
            return (audio_info(self.wav[rec], self.allow_pipes).seconds if self.headers else math.nan), ""
        except AudioError as e:
            if e.reason != "pipe":  # already reported for all pipes
                self.note(WAV, rec, e.reason, f"{e.what}: {self.wav[rec]}", e.remedy)
            return None, ""


def sides_of_one_file(wav: Mapping[str, str], channel: Mapping[str, str]) -> dict[str, str]:
    """Recording -> `a and b`, of recordings that are channels of the same file by reco2file_and_channel."""
    of_file: dict[str, list[str]] = {}
    for rec in channel:
        if rec in wav and not wav[rec].endswith("|"):
            of_file.setdefault(wav[rec], []).append(rec)
    several = [recs for recs in of_file.values() if len({channel[rec] for rec in recs}) > 1]
    return {rec: " and ".join(sorted(recs)) for recs in several for rec in recs}


def parse_segment(text: str) -> tuple[str, float, float | None]:
    """(recording, start, end) of the rest of a segments line; an end of -1 means the recording's end (None).

    Raises ValueError saying what is wrong.
    """
    rec, start_text, end_text = text.split()
    try:
        start, end = float(start_text), float(end_text)
    except ValueError:
        raise ValueError(f"times that are no numbers: {start_text} {end_text}") from None
    if not (math.isfinite(start) and math.isfinite(end)):
        raise ValueError(f"times that are not finite: {start_text} {end_text}")
    if start < 0:
        raise ValueError(f"it begins before the recording: {start_text}")
    if end != -1 and end <= start:
        raise ValueError(f"it ends ({end_text}) no later than it begins ({start_text})")
    return rec, start, None if end == -1 else end


def positive(text: str) -> float:
    """A positive finite number of seconds. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"no positive number of seconds: {text}")
    return value


def invert(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """utt2spk -> spk2utt."""
    groups: dict[str, list[str]] = {}
    for utt in sorted(utt2spk):
        groups.setdefault(utt2spk[utt], []).append(utt)
    return {spk: " ".join(groups[spk]) for spk in sorted(groups)}


def write_data_dir(path: Path | str, tables: Tables) -> None:
    """Write a data directory: every table in C order, spk2utt derived; removes the tables of an earlier writing.

    wav.scp is written last: a folder with wav.scp is complete. Audio is not copied.

    Args:
        tables: file name -> key -> rest of the line (as DataDir.tables).

    Raises UserError naming every key or value that a table cannot hold; then nothing is written.
    """
    path = Path(path)
    whole = {name: table for name, table in tables.items() if name != DERIVED}
    good: set[str] = set()
    faults = [f"{name}: {message}" for name, table in whole.items() for message in _unwritable(name, table, good)]
    if not whole.get(WAV):
        faults.append(f"{WAV}: no recordings")
    if faults:
        shown = "\n".join("  " + f for f in faults[:SHOWN])
        raise UserError(f"{len(faults)} things that a data directory cannot hold:\n{shown}", str(path), "mend them")
    if SPEAKERS in whole:
        whole[DERIVED] = invert(whole[SPEAKERS])
    path.mkdir(parents=True, exist_ok=True)
    (path / WAV).unlink(missing_ok=True)
    for old in path.iterdir():
        if is_table(old.name) and old.name not in whole:
            old.unlink()
    for name in sorted(whole, key=lambda n: (n == WAV, n)):
        table = whole[name]
        with atomic(path / name) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as f:
            f.writelines(f"{key} {table[key]}\n" if table[key] else f"{key}\n" for key in sorted(table))


def _unwritable(name: str, table: Mapping[str, str], good: set[str]) -> Iterator[str]:
    """Faults of a table that prevent writing it. `good`: ids known to be usable; this function adds to it."""
    if not is_table(name):
        yield "no name of a table"
    for key, value in table.items():
        if key not in good:
            if odd := fault(key):
                yield f"id {key!r} {odd}"
            else:
                good.add(key)
        if "\n" in value or "\r" in value or value != value.strip(" \t"):
            yield f"value of {key} with a line break or outer space: {value!r}"
        elif not value and not name.startswith("text"):
            yield f"{key} without a value"
        elif not value.isascii() and (lost := _SURROGATE.findall(value)):
            yield f"value of {key} that is not Unicode text: {lost!r}"


def copy_phones(sources: Iterable[Origin], out: Path, kept: Container[str], ledger: Ledger | None = None) -> None:
    """Write phones.ctm of `out` with the lines of the utterances `kept`, by their new ids, in `sources`.

    A line that cannot be read gets a row of `ledger`. Raises UserError for it without one.
    """
    lines: list[tuple[str, str]] = []
    for folder, new_ids in sources:
        for row in phone_lines(folder / PHONES) if (folder / PHONES).is_file() else ():
            if isinstance(row, Malformed):
                if ledger is None:
                    raise row.error(folder / PHONES)
                ledger.drop(f"{PHONES}:{row.line}", row.kind, row.detail(PHONES))
            elif (new := new_ids.get(row.id, row.id)) in kept:
                lines.append((new, row.rest))
    lines.sort(key=lambda line: line[0])  # a stable sort keeps phones in the order of time
    (out / PHONES).unlink(missing_ok=True)
    if lines:
        with atomic(out / PHONES) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as g:
            g.writelines(f"{id} {rest}\n" for id, rest in lines)
