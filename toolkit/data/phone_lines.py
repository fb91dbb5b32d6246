"""The lines of a phone table (phones.ctm): `utterance 1 start duration phone`, as all readers of such tables see them.

The format is NIST's CTM: a line may end with a confidence, and one that begins with `;;` is a comment.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..text.invisible import name_of
from .malformed import ENCODING, Malformed, read_line

COLUMNS = "columns"  # the kind of a line that is none of a phone table
COMMA, EARLY = "decimal comma", "start below 0"  # kinds that mostly are of the whole table, of one cause
REMEDIES = {
    COMMA: 'write points: awk \'{gsub(",", ".", $3); gsub(",", ".", $4); print}\'',
    EARLY: "are all times early? Compare one with its recording, and add to every start, or make it again",
}
COMMENT = ";;"
FORM = "utterance 1 start duration phone"
CONFIDENCE = 6  # fields of a line with one
HEAD = 256  # bytes that tell the encoding
_COMMA = re.compile(r"\d*,\d+")
_BELOW = re.compile(r"-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


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
                yield _phone(number, line[1]) or _no_phone(number, line[1].strip())


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


def _no_phone(number: int, line: str) -> Malformed:
    """The line as a malformed one, by what is wrong with it: decimal commas, a start below 0, or its form."""
    fields = line.split()
    times = fields[2:4]
    points = " ".join([*fields[:2], *(time.replace(",", ".") for time in times), *fields[4:]])
    if any(_COMMA.fullmatch(time) for time in times) and _phone(number, points):
        return Malformed(
            number, f"a decimal comma in `{FORM}`", line, tuple(fields), kind=COMMA, remedy=REMEDIES[COMMA]
        )
    if times and _BELOW.fullmatch(times[0]) and _phone(number, " ".join([*fields[:2], "0", *fields[3:]])):
        return Malformed(number, "a start below 0", line, tuple(fields), kind=EARLY, remedy=REMEDIES[EARLY])
    return Malformed(number, f"not `{FORM}`", line, kind=COLUMNS)


def _is_confidence(field: str) -> bool:
    try:
        return field.upper() == "NA" or 0 <= float(field) <= 1
    except ValueError:
        return False
