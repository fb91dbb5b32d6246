"""The lines of a phone table (phones.ctm): `utterance 1 start duration phone`, as all readers of such tables see them.

The format is NIST's CTM: a line may end with a confidence, and one that begins with `;;` is a comment.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..text.invisible import name_of
from .malformed import ENCODING, Malformed, read_line

COLUMNS = "columns"  # the kind of a line that is none of a phone table
COMMENT = ";;"
FORM = "utterance 1 start duration phone"
CONFIDENCE = 6  # fields of a line with one
HEAD = 256  # bytes that tell the encoding


class PhoneLine(NamedTuple):
    """A phone of an utterance.

    Attributes:
        number: of the line; start, end: s, from the beginning of the utterance.
        phone: its name as names are compared; rest: the line without its utterance.
    """

    number: int
    id: str
    start: float
    end: float
    phone: str
    rest: str


def phone_lines(path: Path) -> Iterator[PhoneLine | Malformed]:
    """The lines of a phone table in the order of the file, without comments; of a file in UTF-16 one malformed line."""
    with open(path, "rb") as f:
        if code := _utf16(f.read(HEAD)):
            yield Malformed(
                0, f"a file in {code}, not UTF-8", "", kind=ENCODING, remedy=f"convert it: iconv -f {code} -t UTF-8"
            )
            return
        f.seek(0)
        for number, raw in enumerate(f, 1):
            line = read_line(number, raw, " ")
            if isinstance(line, Malformed):
                yield line
            elif not line[1].startswith(COMMENT):
                yield _phone(number, line[1]) or Malformed(number, f"not `{FORM}`", line[1].strip(), kind=COLUMNS)


def _utf16(head: bytes) -> str:
    """The encoding of a file that begins so, if it is UTF-16; else empty."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    at = head.find(b"\0")  # half of a space or digit
    return "" if at < 0 else "UTF-16LE" if at % 2 else "UTF-16BE"


def _phone(number: int, line: str) -> PhoneLine | None:
    fields = line.split()
    if len(fields) == CONFIDENCE and _is_confidence(fields[-1]):
        fields.pop()
    if len(fields) != CONFIDENCE - 1:
        return None
    try:
        start, duration = float(fields[2]), float(fields[3])
    except ValueError:
        return None
    phone = name_of(fields[4])
    if not (0 <= start < math.inf and 0 <= duration < math.inf and phone):
        return None
    rest = line.strip()[len(fields[0]) :].strip()
    return PhoneLine(number, fields[0], start, start + duration, phone, rest)


def _is_confidence(field: str) -> bool:
    try:
        return field.upper() == "NA" or 0 <= float(field) <= 1
    except ValueError:
        return False
