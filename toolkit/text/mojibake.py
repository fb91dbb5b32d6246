"""Arabic garbled by an encoding: bytes of UTF-8 or Windows-1256 that were read as those of another one.

Only what no language writes counts: in a row two letters of UTF-8 read as Windows-1252 or Latin-1 (`Ù…Ø±Ø­Ø¨Ø§` is
مرحبا), three of UTF-8 read as Windows-1256 (`ظ…ط±ط­ط¨ط§`), four of Windows-1256 read as Windows-1252 (`ãÑÍÈÇ`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LEADS, _TRAILS = range(0xD8, 0xDC), range(0x80, 0xC0)  # of Arabic letters in UTF-8
_LETTERS_1256 = (*range(0xC1, 0xD7), *range(0xD8, 0xDC), *range(0xDD, 0xE0), 0xE1, *range(0xE3, 0xE7), 0xEC, 0xED)


def _read(codec: str) -> dict[int, str]:
    """Byte -> the character that it is read as; a byte that the codec lacks is a control, as browsers read it."""
    return {byte: bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in range(256)}


def _any_of(codecs: Iterable[str], bytes_: Iterable[int]) -> str:
    """A class of a pattern: what these bytes are read as."""
    read = [_read(codec) for codec in codecs]
    return "[" + "".join(re.escape(c) for c in sorted({table[byte] for byte in bytes_ for table in read})) + "]"


_WESTERN, _ARABIC = ("cp1252", "latin-1"), ("cp1256",)
_GARBLED = re.compile(
    rf"((?:{_any_of(_WESTERN, _LEADS)}{_any_of(_WESTERN, _TRAILS)}){{2,}})"
    rf"|((?:{_any_of(_ARABIC, _LEADS)}{_any_of(_ARABIC, _TRAILS)}){{3,}})"
    rf"|({_any_of(['cp1252'], _LETTERS_1256)}{{4,}})"
)
# (name of what was written, its codec, name of what it was read as, codecs that it may be)
_READINGS = (
    ("UTF-8", "utf-8", "Windows-1252", _WESTERN),
    ("UTF-8", "utf-8", "Windows-1256", _ARABIC),
    ("Windows-1256", "cp1256", "Windows-1252", ("cp1252",)),
)


def garbled(text: str) -> str:
    """Why a text is garbled Arabic, with a word of it as it was; "" if it is not."""
    if not (match := _GARBLED.search(text)):
        return ""
    written, codec, read, misread = _READINGS[(match.lastindex or 1) - 1]
    bytes_of = {c: byte for name in misread for byte, c in _read(name).items()}
    word = bytes(bytes_of[c] for c in match[0]).decode(codec, "ignore")
    return f"garbled: {written} that was read as {read}; {match[0]!r} was {word}"
