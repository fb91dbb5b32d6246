"""Texts by utterance id, as recognisers write them: Kaldi's `id words …` lines, or JSONL of {"id": …, "text": …}.

An empty text is a text. A line that cannot be used is left out and named; the others are read. Control characters (NUL)
are taken out of texts, white space in them is made single spaces.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..core.errors import UserError
from ..data.ids import fault
from ..data.tables import BOM, one_line

LONGEST_LINE = 100_000  # bytes; half a minute of speech has one or two thousand


@dataclass(frozen=True)
class Texts:
    """What a file of texts holds.

    Attributes:
        texts: id -> text, in the order of the file.
        unusable: (line, 1-based; id, "" where it cannot be told; reason; detail) of each line left out.
    """

    texts: dict[str, str] = field(default_factory=dict)
    unusable: list[tuple[int, str, str, str]] = field(default_factory=list)


def read_texts(path: Path) -> Texts:
    """The texts of a file; JSONL where its first line begins with `{`.

    Raises UserError where there is no such file, and where no line of it can be used.
    """
    if not path.is_file():
        raise UserError("no such file of texts", str(path), "name a file of `id text` lines, or of JSON lines")
    found, json_lines, number = Texts(), None, 0
    with open(path, "rb") as f:
        while line := f.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                _leave_out(found, number, "", "too long", f"more than {LONGEST_LINE} bytes")
                _to_the_next_line(f)
                continue
            line = line.removeprefix(BOM) if number == 1 else line
            if not line.strip():
                continue
            json_lines = line.lstrip().startswith(b"{") if json_lines is None else json_lines
            _take(found, number, line, json_lines)
    if not found.texts:
        first = next(iter(found.unusable), None)
        why = f": {first[2]} in line {first[0]}" if first else ""
        raise UserError(f"no text in it{why}", str(path), "give lines of `id text`, or of JSON, in UTF-8")
    return found


def _take(found: Texts, number: int, line: bytes, json_lines: bool) -> None:
    try:
        decoded = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as e:
        detail = f"byte 0x{line[e.start]:02X} at column {e.start + 1} is no UTF-8"
        return _leave_out(found, number, "", "encoding", detail)
    try:
        id, text = _of_json(decoded) if json_lines else _of_kaldi(decoded)
    except ValueError as e:
        return _leave_out(found, number, "", "no id and text", str(e))
    if odd := fault(id):
        return _leave_out(found, number, id, "unusable id", odd)
    if id in found.texts:
        return _leave_out(found, number, id, "id given twice", "the first one counts")
    found.texts[id] = one_line(text)
    return None


def _leave_out(found: Texts, number: int, id: str, reason: str, detail: str) -> None:
    found.unusable.append((number, one_line(id), reason, one_line(detail)))


def _of_kaldi(line: str) -> tuple[str, str]:
    id, *text = line.split(None, 1) or [""]
    return id, text[0] if text else ""


def _of_json(line: str) -> tuple[str, str]:
    """Raises ValueError for what is not an object with an id and a text; null is an empty text."""
    try:
        tree = json.loads(line)
    except RecursionError:
        raise ValueError("brackets within brackets, too deep") from None
    if not isinstance(tree, dict):
        raise ValueError("not an object")
    id, text = tree.get("id"), tree.get("text", False)
    if isinstance(id, bool) or not isinstance(id, (str, int)):
        raise ValueError("no id")
    if text is not None and not isinstance(text, str):
        raise ValueError("no text")
    return str(id), (text or "").encode("utf-8", "replace").decode("utf-8")  # JSON can spell half a surrogate pair


def _to_the_next_line(f: BinaryIO) -> None:
    while (rest := f.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
        pass
