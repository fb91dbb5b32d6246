"""One table of a Kaldi data directory: `key value` lines and their possible faults.

Kaldi's rules: UTF-8, one line per key, keys unique and in C (byte) order, fields separated by spaces or tabs only.
"""

from __future__ import annotations

import dataclasses
import io
import operator
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ..text.invisible import INVISIBLE, excerpt, name_of
from ..text.lines import code_points
from ..text.not_known import known_name
from .ids import fault

NAMES = re.compile(r"wav\.scp|feats\.scp|vad\.scp|segments|text(_[\w.-]+)?|(utt|spk|reco|rec)2\w+")
TEXT = re.compile(r"text(_[\w.-]+)?")
OF_UTTERANCES = re.compile(r"(text(_[\w.-]+)?|utt2\w+|feats\.scp|vad\.scp)")
CHANNELS = "reco2file_and_channel"  # the side that is read of recordings of several channels
FORMER = "spk2orig"  # the ids of speakers before they were told apart from others of the id
# Tables that may lack lines: of utterances, because a word in the place of a value would be learnt.
PARTIAL = {"utt2phones", "utt2summary", CHANNELS, FORMER}
ONE_VALUE = {"utt2spk", "utt2dur", "reco2dur", "utt2num_frames", "utt2lang", "utt2emotion", "spk2gender"}
MEANINGS = {"utt2spk": "speaker", "spk2gender": "gender", "wav.scp": "recording", "segments": "segment"}
DUPLICATE, CONTRADICTION = "duplicate", "contradiction"  # reasons: a second line of an id, equal to the first or not
COLUMNS = {"segments": 3, CHANNELS: 2}
_OF_CHANNEL = f"a channel belongs into {CHANNELS}, as `RECORDING FILE CHANNEL`: take the column out"
REPEATED = {
    "utt2spk",
    "utt2lang",
    "utt2emotion",
    "utt2prog",
    "spk2gender",
}  # values that repeat: in memory once

_GENDERS = {"m": "m", "male": "m", "man": "m", "ذكر": "m", "f": "f", "female": "f", "woman": "f", "أنثى": "f"}
BOM = b"\xef\xbb\xbf"

LONGEST_LINE = 1 << 20  # bytes; no utterance is this long
BLOCK = 1 << 18  # bytes of a table that are checked together
_BLANK = re.compile(r"[^\S \t]")  # white space other than space and tab
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_ODD = re.compile(rf"{_CONTROL.pattern}|{INVISIBLE.pattern}|[^\S \n]")


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a data directory.

    Attributes:
        file: the table it is in; line: 1-based, 0 for the file as a whole.
        reason: short category; message: the fault in a sentence; remedy: what to do.
        level: error or warning; fatal: True if the directory cannot be loaded.
        id: the key concerned; empty if none.
    """

    file: str
    line: int
    reason: str
    message: str
    remedy: str
    level: str = "error"
    fatal: bool = False
    id: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{self.level}: {place}: {self.message}; {self.remedy}"


def is_table(name: str) -> bool:
    """True if a file of this name is a table of a data directory."""
    return bool(NAMES.fullmatch(name))


def one_line(value: str) -> str:
    """`value` as a table can hold it: white space as single spaces, no control characters."""
    if value.isascii() and value.isprintable() and " " not in value:
        return value  # most ids: called for every utterance of a corpus
    return " ".join(_CONTROL.sub("", value.replace("\ufeff", "")).split())


def gender_of(text: str) -> str:
    """m or f for a corpus's spelling of a gender; empty if it is neither."""
    word = name_of(text).lower().removesuffix("_masculine").removesuffix("_feminine")
    return _GENDERS.get(word, "")


def one_gender(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Speaker -> m or f, for speakers whose (speaker, gender) pairs always say the same."""
    return {speaker: min(of) for speaker, of in _genders(pairs).items() if len(of) == 1}


def two_genders(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A warning, if (speaker, gender) pairs say two things of a speaker, whom one_gender then leaves out."""
    both = sorted(speaker for speaker, of in _genders(pairs).items() if len(of) > 1)
    return [f"{len(both):,} speakers are m in one place and f in another, and get none: {few(both)}"] if both else []


def odd_genders(values: Iterable[str]) -> list[str]:
    """A line, if genders of utterances are neither m nor f in any spelling: they get none."""
    counts = Counter(word for value in values if (word := known_name(value)) and not gender_of(word))
    words = few([f"{word} ({n:,})" for word, n in counts.most_common()])
    return [f"{counts.total():,} utterances have one that is neither m nor f, and get none: {words}"] if counts else []


def _genders(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    genders: dict[str, set[str]] = {}
    for speaker, text in pairs:
        if gender := gender_of(text):
            genders.setdefault(speaker, set()).add(gender)
    return genders


def read_table(
    path: Path, known: dict[str, str] | None = None, bad_ids: bool = False
) -> tuple[dict[str, str], list[Problem]]:
    """The table at `path` and all of its problems. A line that cannot be used is left out.

    Args:
        known: good ids of tables read before: each id is checked and kept in memory only once.
        bad_ids: keep lines with an unusable id, for a caller that renames them.
    """
    return _Scan(path, {} if known is None else known, bad_ids).scan()


def strangers(
    tables: Mapping[str, Mapping[str, str]], place: str, covering: str, noted: Collection[str]
) -> list[Problem]:
    """Lines of utterances that table `place` lacks, utterances of `place` that `covering` (if it exists) lacks.

    One fatal problem per table, not per line: a table may have millions of lines.

    Args:
        noted: ids that already have a problem of their own.
    """
    whole = tables[place]
    problems: list[Problem] = []
    for name, table in tables.items():
        checked = OF_UTTERANCES.fullmatch(name) or (name == "reco2dur" and place == "wav.scp")
        if (
            checked
            and not table.keys() <= whole.keys()
            and (extra := [id for id in table if id not in whole and id not in noted])
        ):
            message = f"{len(extra)} of its {len(table)} ids are not in {place}: {few(extra)}"
            remedy = f"add their lines to {place}, or take them out here"
            problems.append(Problem(name, 0, "extra", message, remedy, fatal=True, id=extra[0]))
    covered = covering not in tables or whole.keys() <= tables[covering].keys()
    if not covered and (lacking := [id for id in whole if id not in tables[covering] and id not in noted]):
        message = f"{len(lacking)} of its {len(whole)} ids are not in {covering}: {few(lacking)}"
        remedy = f"add their lines to {covering}, or take them out everywhere"
        problems.append(Problem(place, 0, "not covered", message, remedy, fatal=True, id=lacking[0]))
    return problems


def few(names: Collection[str], most: int = 5) -> str:
    return ", ".join(islice(names, most)) + ", ..." * (len(names) > most)


def locate(folder: Path, problems: Iterable[Problem]) -> list[Problem]:
    """The problems; those with an id but no line get the line of that id."""
    located = list(problems)
    for file in {p.file for p in located if p.id and not p.line}:
        lines = _first_lines(folder / file)
        located = [
            dataclasses.replace(p, line=lines.get(p.id.encode(), 0)) if p.file == file and p.id and not p.line else p
            for p in located
        ]
    return located


def _first_lines(path: Path) -> dict[bytes, int]:
    lines: dict[bytes, int] = {}
    if path.is_file():
        with open(path, "rb") as f:
            for i, raw in enumerate(f, 1):
                lines.setdefault(raw.removeprefix(BOM).replace(b"\t", b" ").split(b" ", 1)[0].rstrip(b"\r\n"), i)
    return lines


def _plain(data: bytes) -> str | None:
    """The text of a block of lines; None if it has a character or space that a value may not have."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not text.replace("\n", "").isprintable() and _ODD.search(text):  # the first test is quick and rejects a few more
        return None
    return None if "  " in text or " \n" in text or text.endswith(" ") else text


def _skipped(f: BinaryIO) -> bytes:
    """Go to the next line; returns the last bytes of this one."""
    rest = f.readline(LONGEST_LINE)
    while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
        rest = f.readline(LONGEST_LINE)
    return rest or b"."


class _Scan:
    """Reads one table line by line, as a table may be larger than the memory."""

    def __init__(self, path: Path, known: dict[str, str], bad_ids: bool) -> None:
        self.path, self.name, self.known, self.bad_ids = path, path.name, known, bad_ids
        self.is_text = bool(TEXT.fullmatch(self.name))
        self.values: dict[str, str] | None = {} if self.name in REPEATED else None
        self.columns = 1 if self.name in ONE_VALUE else COLUMNS.get(self.name, 0)  # 0: any number
        self.table: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.returns: list[int] = []
        self.again: list[tuple[int, str, str | None]] = []  # line, id, what it says otherwise
        self.unsorted: list[int] = []
        self.previous = ""

    def note(self, line: int, reason: str, message: str, remedy: str, fatal: bool = True, id: str = "") -> None:
        self.problems.append(Problem(self.name, line, reason, message, remedy, "error", fatal, id))

    def scan(self) -> tuple[dict[str, str], list[Problem]]:
        i, data = 0, b"\n"
        with open(self.path, "rb") as f:
            while block := f.read(BLOCK):
                data = block + f.readline(LONGEST_LINE)
                endless = not data.endswith(b"\n") and len(data) - data.rfind(b"\n") > LONGEST_LINE
                if endless:
                    data = data[: data.rfind(b"\n") + 1]
                taken = self._at_once(data) if data else 0
                i = i + taken if taken else self._each(i, data)
                if endless:
                    i, data = i + 1, _skipped(f)
                    message = f"a line of more than {LONGEST_LINE >> 20} MiB"
                    self.note(i, "line too long", message, "is this a table at all? Take the line out")
        if not data.endswith(b"\n"):
            self.note(i, "final newline", "no newline at the end of the file", "add one", False)
        if not self.table and not self.problems:
            self.note(0, "empty file", "nothing in it", "make it again, or remove it", False)
        if self.returns:
            message = f"{len(self.returns)} lines end in a carriage return, U+000D; the first is this"
            self.note(self.returns[0], "carriage return", message, "save with Unix line ends", False)
        if self.unsorted:
            message = f"{len(self.unsorted)} lines out of C (byte) order, the first is this"
            self.note(self.unsorted[0], "order", message, f"LC_ALL=C sort -k1,1 {self.name}", False)
        first = _first_lines(self.path) if self.again else {}
        for i, key, otherwise in self.again:
            place = f"in line {first[key.encode()]}" if key.encode() in first else "above"
            message = f"id {key} stands {place} already"
            if otherwise is None:
                self.note(i, DUPLICATE, message, "keep one of the two", id=key)
            else:
                meaning = "text" if self.is_text else MEANINGS.get(self.name, "value")
                both = f"`{excerpt(self.table[key])}` there, `{otherwise}` here"
                self.note(i, CONTRADICTION, f"{message}, with another {meaning}: {both}", "keep the right one", id=key)
        return self.table, sorted(self.problems, key=lambda p: p.line)

    def _at_once(self, data: bytes) -> int:
        """Take in a block of lines if none has a fault; returns their number, else 0."""
        text = _plain(data)
        if text is None:
            return 0
        lines = text.removesuffix("\n").split("\n")
        if self.columns and any(line.count(" ") != self.columns for line in lines):
            return 0
        parts = [line.partition(" ") for line in lines]
        values = [value for _, _, value in parts]
        self.known.update([(key, key) for key, _, _ in parts if key not in self.known and not fault(key)])
        keys = [self.known.get(key, "") for key, _, _ in parts]
        in_order = self.previous < keys[0] and all(map(operator.lt, keys, islice(keys, 1, None)))
        if not in_order or self.unsorted or not (self.is_text or all(values)):
            return 0
        if self.values is not None:
            values = [*map(self.values.setdefault, values, values)]
        self.table.update(zip(keys, values))
        self.previous = keys[-1]
        return len(lines)

    def _each(self, before: int, data: bytes) -> int:
        """Take in the lines of a block, checking each for every fault; returns the number of lines so far."""
        i = before
        for i, raw in enumerate(io.BytesIO(data), before + 1):
            if i == 1 and raw.startswith(BOM):
                self.note(1, "bom", "a byte order mark, U+FEFF, at the beginning", "save without it", False)
            key = self._line(i, raw.removeprefix(BOM) if i == 1 else raw)
            if key < self.previous:
                self.unsorted.append(i)
            self.previous = key or self.previous
        return i

    def _line(self, i: int, raw: bytes) -> str:
        """Take in a line; returns its key."""
        try:
            line = raw.decode("utf-8").removesuffix("\n")
        except UnicodeDecodeError as e:
            message = f"no UTF-8: byte 0x{raw[e.start]:02X} at column {e.start + 1}"
            key = raw.replace(b"\t", b" ").split(b" ", 1)[0].decode("utf-8", "replace").strip()
            self.note(i, "encoding", message, "convert it, e.g. iconv -f cp1256 -t utf-8", id=key)
            return ""
        if line.endswith("\r"):
            self.returns.append(i)
            line = line.removesuffix("\r")
        key, _, value = line.partition(" ")
        if "\t" in key:
            key = key.partition("\t")[0]
            value = line[len(key) :]
        value = value.strip(" \t")
        if not key:
            message = "white space before the id" if value else "an empty line"
            self.note(i, "columns" if value else "empty line", message, "take it out", bool(value))
            return ""
        odd = "" if key in self.known else fault(key)
        if odd:
            self.note(i, "id", f"id {key!r} {odd}", "rename it in every table, or --fix", id=key)
        if key in self.table:
            empty = not value and not self.is_text
            same = empty or name_of(value) == name_of(self.table[key])
            self.again.append((i, key, None if same else excerpt(value)))
        elif self._usable(i, key, value) and (self.bad_ids or not odd):
            if not odd:
                key = self.known.setdefault(key, key)
            self.table[key] = value if self.values is None else self.values.setdefault(value, value)
        return key

    def _usable(self, i: int, key: str, value: str) -> bool:
        """True if the line can be used; notes the faults of its value."""
        if not value and not self.is_text:
            self.note(i, "columns", f"{key} has no value", "give it one, or take the line out", id=key)
            return False
        if self.columns and not (self.columns == 1 and value.isalnum()) and len(value.split()) != self.columns:
            message = f"{len(value.split()) + 1} columns where {self.columns + 1} belong"
            remedy = _OF_CHANNEL if self.name == "segments" and len(value.split()) == 4 else "mend the line"
            self.note(i, "columns", message, remedy, id=key)
            return False
        if self.is_text and not (value.isascii() and value.isprintable()):
            self._characters(i, key, value)
        return True

    def _characters(self, i: int, key: str, value: str) -> None:
        for reason, pattern, remedy in (
            ("white space", _BLANK, "put plain spaces in their place"),
            ("control character", _CONTROL, "take them out"),
        ):
            if characters := pattern.findall(value):
                self.note(i, reason, f"{reason} {code_points(''.join(characters))}", remedy, False, key)
        if marks := INVISIBLE.findall(value):
            message, remedy = f"invisible marks {code_points(''.join(marks))}", "spelling and scoring leave them out"
            self.problems.append(Problem(self.name, i, "invisible marks", message, remedy, "warning", False, key))
