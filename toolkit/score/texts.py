"""Texts by utterance id, of references and hypotheses: Kaldi `text` files, tables of two columns and JSON lines.

A line of JSON has `id` and `text`; a hypothesis may also say how long it took to make, `decode_seconds`, and how long
its audio is, `audio_seconds` (or `seconds`): the real-time factor is the sum of the first over the sum of the second.
An empty text (of JSON, also null) is a text. White space in texts is made single spaces. If the first line has a tab
behind its id, the file is a table `id<tab>text`: each line has one tab, also before an empty text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.links import absent
from ..data.ids import fault
from ..data.malformed import MALFORMED, Form, Line, Malformed, read_line
from ..data.rows import rows_of
from ..data.tables import LONGEST_LINE, ONE_VALUE, one_line
from ..text.invisible import excerpt, name_of

LONGEST_SECONDS = 1e12  # nothing takes so long; a sum of such numbers is one
JSON_LINES = (".jsonl", ".ndjson", ".json")
WANTED = 'give lines {"id": ..., "text": ...}'
TWICE = "id given twice"
ONE_TAB = "give each line one tab: id, tab, text"
IDS = ("id", "utt", "utt_id", "uttid", "utterance", "utterance_id")  # names of columns in a first line
NAMES = ("text", "sentence", "transcript", "transcription", "reference", "ref", "hypothesis", "hyp", "prediction")

_TABLE = re.compile(r"[^\s]+\t")  # how a line of a table begins
_NUMBER = r"\s+\d+\.\d+"
_TIMED = {  # lines of other formats, which would pass as `id text`
    "CTM": re.compile(rf"\S+\s+\w{_NUMBER}{_NUMBER}\s+\S+(\s+\S+)?\s*"),
    "STM": re.compile(rf"\S+\s+\w\s+\S+{_NUMBER}{_NUMBER}(\s.*)?"),
}

Bad = Callable[[int, str, str, str], None]
Read = Callable[[str], tuple[str, str, tuple[float, float] | None]]


@dataclass(frozen=True)
class Texts:
    """What one file says.

    Attributes:
        path: the file.
        text: utterance id -> text, in the order of the file.
        seconds: utterance id -> (to decode it, of its audio), where the file has both.
        duplicates: ids that came again with the same text.
    """

    path: Path
    text: dict[str, str]
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)


class LineError(UserError):
    """A line that cannot be used. `reason`: a category that can be counted; `id`: where it can be told."""

    def __init__(self, reason: str, message: str, remedy: str, id: str = "") -> None:
        super().__init__(message, "", remedy)
        self.reason, self.id = reason, id


def read_texts(path: Path, bad: Bad | None = None) -> Texts:
    """The texts of a file, or of `text` in a data directory.

    Args:
        bad: told of each line that cannot be used (its number, id, reason, detail), which is then left out.

    Raises UserError for a file without a text, and, without `bad`, with the first line that cannot be used.
    """
    path = path / "text" if path.is_dir() else path
    if not path.is_file():
        raise UserError(absent(path, "file"), str(path), "name a Kaldi `text` file, a JSONL file or a data directory")
    texts = Texts(path, {})
    contradicted: set[str] = set()

    def lost(number: int, e: LineError) -> None:
        if bad is None:
            raise UserError(e.what, f"{path}, line {number}", e.remedy) from None
        bad(number, one_line(e.id), e.reason, one_line(e.what))

    for number, line, read in _readable(path, lost):
        try:
            _take(texts, *read(line))
            if bad and texts.duplicates:
                bad(number, texts.duplicates.pop(), TWICE, "the same text stands above")
        except LineError as e:
            contradicted |= {e.id} if e.reason == TWICE else set()
            lost(number, e)
    for id in contradicted:  # nobody knows which of its texts is right
        del texts.text[id]
    if not texts.text:
        raise UserError("no utterance in a file of texts", str(path), "give one with lines `id text`")
    return texts


def read_labels(path: Path) -> dict[str, str]:
    """A table such as utt2spk, its values without what nobody sees.

    Raises UserError for a line without a value, for an id with two lines, and for a line of two values in a table that
    has one (utt2spk, utt2lang).
    """
    texts = read_texts(path)
    if texts.duplicates:
        raise UserError(f"two lines of {texts.duplicates[0]}", str(texts.path), "leave one")
    for id, value in texts.text.items():
        if not value:
            raise UserError(f"{id} without a value", str(texts.path), "mend the line, or take it out")
        if texts.path.name in ONE_VALUE and " " in value:
            message = f"{MALFORMED}: {id} has more than one value: {excerpt(value)}"
            raise UserError(message, str(texts.path), "mend the line, or take it out")
    return {id: name_of(value) for id, value in texts.text.items()}


def _readable(path: Path, lost: Callable[[int, LineError], None]) -> Iterator[tuple[int, str, Read]]:
    """(number, line, how it is read) of the lines that are text and, in a table, rows of it; others are told `lost`.

    A first line that names the columns, such as `id text`, is none.
    """
    lines = _lines(path)
    head = list(_until_text(lines))
    first = head[-1][1] if head and isinstance(head[-1], tuple) else ""
    if _names_columns(first):
        head.pop()
    _refuse_timed(path, first)
    rest = chain(head, lines)
    table = path.suffix not in JSON_LINES and bool(_TABLE.match(first))
    read = _from_json if path.suffix in JSON_LINES or first.lstrip().startswith("{") else _from_kaldi
    for row in rows_of(rest, Form(2)) if table else rest:
        if isinstance(row, Malformed):
            id = row.fields[0] if row.fields and table else ""
            remedy = ONE_TAB if row.kind == MALFORMED else row.remedy
            lost(row.line, LineError(row.kind, row.detail(path.name), remedy, id))
        else:
            yield row[0], row[1] if isinstance(row[1], str) else "\t".join(row[1]), read


def _lines(path: Path) -> Iterator[Line | Malformed]:
    """The lines that are not blank."""
    with open(path, "rb") as f:
        number = 0
        while raw := f.readline(LONGEST_LINE + 1):
            number += 1
            line = read_line(number, raw)
            if isinstance(line, Malformed) or line[1].strip():
                yield line
            while len(raw) > LONGEST_LINE and not raw.endswith(b"\n"):
                raw = f.readline(LONGEST_LINE + 1)


def _refuse_timed(path: Path, line: str) -> None:
    """Raise UserError for a first line of STM or CTM, whose channels, speakers and times would count as words."""
    for form, pattern in _TIMED.items():
        if pattern.fullmatch(line):
            message = f"a file of {form} (with channels and times): {excerpt(line)}"
            raise UserError(message, str(path), "give lines `id text`: a Kaldi `text` file, or JSONL")


def _until_text(lines: Iterator[Line | Malformed]) -> Iterator[Line | Malformed]:
    """Lines up to the first that can be read."""
    for line in lines:
        yield line
        if isinstance(line, tuple):
            return


def _names_columns(line: str) -> bool:
    words = name_of(line).lower().split()
    return len(words) == 2 and words[0] in IDS and words[1] in NAMES


def _take(texts: Texts, id: str, text: str, seconds: tuple[float, float] | None) -> None:
    if "\0" in id or "\0" in text:  # written as \\u0000 in JSON
        raise LineError("encoding", "a NUL character", "mend the line; is the file text at all?")
    if odd := fault(id):
        raise LineError("unusable id", f"an id that {odd}: {id[:80]!r}", "rename the utterance", id[:80])
    text = one_line(text)
    if texts.text.get(id, text) != text:
        message = f"two texts of {excerpt(id)}: {excerpt(texts.text[id])!r} and {excerpt(text)!r}"
        raise LineError(TWICE, message, "leave the right one", id)
    if id in texts.text:
        texts.duplicates.append(id)
        return
    texts.text[id] = text
    if seconds:
        texts.seconds[id] = seconds


def _from_kaldi(line: str) -> tuple[str, str, None]:
    if "\r" in line:
        raise LineError("encoding", "a carriage return within a line", "give the file Unix line ends")
    if _TABLE.match(line) and line.strip().count("\t") > 1:
        message = f"more than an id and a text: {excerpt(line.rstrip())}"
        raise LineError(MALFORMED, message, "give lines `id text`, and no further column", line.split()[0])
    id, _, text = line.strip().replace("\t", " ").partition(" ")
    return id, text, None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The mapping of a JSON line. Raises LineError for a name that stands there twice: which value counts?"""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for n, (name, _) in enumerate(pairs) if name in dict(pairs[:n]))
        raise LineError(MALFORMED, f"{twice!r} stands there twice", WANTED, str(fields.get("id", "")))
    return fields


def _from_json(line: str) -> tuple[str, str, tuple[float, float] | None]:
    try:
        fields: Any = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as e:
        raise LineError("no id and text", f"no JSON: {e}", WANTED) from None
    id, text = (fields.get("id"), fields.get("text", False)) if isinstance(fields, dict) else (None, None)
    if isinstance(id, bool) or not isinstance(id, str | int) or not (text is None or isinstance(text, str)):
        raise LineError("no id and text", "a line without an `id` and a `text`", WANTED)
    for name, value in (("id", str(id)), ("text", text or "")):
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise LineError("encoding", f"{name} is not Unicode text", "mend the line: half of a pair of surrogates")
    audio = fields.get("audio_seconds", fields.get("seconds"))
    if "decode_seconds" not in fields or audio is None:
        return str(id), text or "", None
    times = fields["decode_seconds"], audio
    for value in times:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_SECONDS:
            message = f"{value!r} is no number of seconds"
            raise LineError("no number", message, "mend decode_seconds and audio_seconds", str(id))
    return str(id), text or "", (float(times[0]), float(times[1]))
