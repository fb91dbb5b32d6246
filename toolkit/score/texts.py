"""Texts by utterance id, of references and hypotheses: Kaldi `text` files and JSON lines.

A line of JSON has `id` and `text`; a hypothesis may also say how long it took to make, `decode_seconds`, and how long
its audio is, `audio_seconds` (or `seconds`): the real-time factor is the sum of the first over the sum of the second.
An empty text (of JSON, also null) is a text. White space in texts is made single spaces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..data.ids import fault
from ..data.tables import BOM, one_line

LONGEST_LINE = 1_000_000  # bytes; a longer line is no utterance
LONGEST_SECONDS = 1e12  # nothing takes so long; a sum of such numbers is one
JSON_LINES = (".jsonl", ".ndjson", ".json")
WANTED = 'give lines {"id": ..., "text": ...}'

Bad = Callable[[int, str, str, str], None]


@dataclass(frozen=True)
class Texts:
    """What one file says.

    Attributes:
        path: the file.
        text: utterance id -> text, in the order of the file.
        seconds: utterance id -> (to decode it, of its audio), where the file has both.
        duplicates: ids that came again; the first line of an id counts.
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
        raise UserError("no such file", str(path), "name a Kaldi `text` file, a JSONL file or a data directory")
    texts = Texts(path, {})
    as_json: bool | None = True if path.suffix in JSON_LINES else None
    for number, raw in _lines(path):
        as_json = raw.lstrip().startswith(b"{") if as_json is None else as_json
        try:
            _take(texts, raw, as_json)
            if bad and texts.duplicates:
                bad(number, texts.duplicates.pop(), "id given twice", "the first one counts")
        except LineError as e:
            if bad is None:
                raise UserError(e.what, f"{path}, line {number}", e.remedy) from None
            bad(number, one_line(e.id), e.reason, one_line(e.what))
    if not texts.text:
        raise UserError("no utterance in a file of texts", str(path), "give one with lines `id text`")
    return texts


def read_labels(path: Path) -> dict[str, str]:
    """A table such as utt2spk. Raises UserError for a line without a value, and for an id with two."""
    texts = read_texts(path)
    if texts.duplicates:
        raise UserError(f"two lines of {texts.duplicates[0]}", str(texts.path), "leave one")
    for id, value in texts.text.items():
        if not value:
            raise UserError(f"{id} without a value", str(texts.path), "mend the line, or take it out")
    return texts.text


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number, line) of the lines that are not blank; of one that is too long, its beginning."""
    with open(path, "rb") as f:
        number = 0
        while raw := f.readline(LONGEST_LINE + 1):
            number += 1
            rest = raw
            while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
                rest = f.readline(LONGEST_LINE + 1)
            raw = raw.removeprefix(BOM) if number == 1 else raw
            if raw.strip():
                yield number, raw


def _take(texts: Texts, raw: bytes, as_json: bool) -> None:
    if len(raw) > LONGEST_LINE:
        raise LineError("too long", f"a line of more than {LONGEST_LINE:,} bytes", "give lines `id text`")
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        message = f"no UTF-8: byte 0x{raw[e.start]:02X} at column {e.start + 1}"
        raise LineError("encoding", message, "convert the file, e.g. with iconv") from None
    id, text, seconds = _from_json(line) if as_json else _from_kaldi(line)
    if "\0" in id or "\0" in text:
        raise LineError("encoding", "a NUL character", "mend the line; is the file text at all?")
    if odd := fault(id):
        raise LineError("unusable id", f"an id that {odd}: {id[:80]!r}", "rename the utterance", id[:80])
    if id in texts.text:
        texts.duplicates.append(id)
        return
    texts.text[id] = one_line(text)
    if seconds:
        texts.seconds[id] = seconds


def _from_kaldi(line: str) -> tuple[str, str, None]:
    if "\r" in line.rstrip("\r\n"):
        raise LineError("encoding", "a carriage return within a line", "give the file Unix line ends")
    id, _, text = line.strip().replace("\t", " ").partition(" ")
    return id, text, None


def _from_json(line: str) -> tuple[str, str, tuple[float, float] | None]:
    try:
        fields: Any = json.loads(line)
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
