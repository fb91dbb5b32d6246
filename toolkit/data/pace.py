"""Length against transcript: letters per second; and against the length that a corpus's own table states.

A transcript of ten words for 0.1 s, or of one word for a minute, is of other audio: a cut file, a shifted row, a clock
that drifted. People read and talk at 10 to 20 letters a second, auctioneers at 30.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

from ..text.invisible import excerpt

TATWEEL = "ـ"  # U+0640 is of category Lm, and nobody says it
NUMBER_LETTERS = 2  # the shortest name of a number has as many, in Arabic ست; that of each digit but zero, too
DIGIT_LETTERS = 8  # the most that a digit or a sign adds to what is read aloud: ثمانمائة is the longest of them
EVER_SLOW = 5.0  # s; a recording of one word of two letters may have so much silence around it
NEAR_SECONDS, NEAR_SHARE = 0.5, 0.01  # lengths are one if they differ by less than this, or this share of them
NOTHING = frozenset(("", "nan", "none", "null", "n/a"))  # a column that states nothing
_NUMBER = re.compile(r"\d+")


class Pace(NamedTuple):
    """Letters per second: fewer than `least` and more than `most` are a fault; 0: no limit."""

    least: float = 1.0
    most: float = 35.0

    @staticmethod
    def checked(least: float, most: float, of: str) -> None:
        """Raise ValueError for limits that no transcript can keep. `of`: the section of their fields, for the error."""
        if not (least >= 0 and most >= 0) or (0 < most <= least):
            names = f"{of}min_letters_per_second and {of}max_letters_per_second"
            raise ValueError(f"{names} must be 0 or more, and the first below the second")


PACE = Pace()


class Stated(NamedTuple):
    """A length as a corpus's table states it.

    Attributes:
        column: its name; value: as it stands there.
        seconds: what the value means, NaN if it is no length; unit: that of its last digit, seconds.
        recording: True if it is the length of the whole recording, of which the utterance may be a part.
    """

    column: str
    value: str
    seconds: float
    unit: float = 0.0
    recording: bool = False


def letters_of(text: str) -> tuple[int, int]:
    """(fewest, most) letters that are heard when a text is read.

    Letters are of Unicode category L after NFC, without tatweel; diacritics and punctuation count for nothing. A
    number is read as words that are not written: it adds at least NUMBER_LETTERS, for each digit that is no zero, and
    each of its digits at most DIGIT_LETTERS, as does each sign of category S or N and each percent sign.
    """
    text = unicodedata.normalize("NFC", text).replace(TATWEEL, "")
    letters = sum(map(str.isalpha, text))
    words = sum(max(1, sum(unicodedata.decimal(c) > 0 for c in number)) for number in _NUMBER.findall(text))
    read = 0 if letters == len(text) else sum(unicodedata.category(c)[0] in "NS" or c in "%٪‰" for c in text)
    return letters + NUMBER_LETTERS * words, letters + DIGIT_LETTERS * read


def fault_of(text: str, seconds: float, pace: Pace = PACE) -> str:
    """What is wrong between a transcript and the length of its audio, with the values; "" if nothing is.

    An empty transcript says nothing, so it is never wrong. At most EVER_SLOW seconds are never too slow for a word.
    """
    if not text.strip() or not seconds > 0 or _is_usual(text, seconds, pace):
        return ""
    fewest, most = letters_of(text)
    if pace.most and fewest > pace.most * seconds:
        return f"{fewest} letters in {seconds:.2f} s: {fewest / seconds:.1f} a second, more than {pace.most:g}"
    if pace.least and (seconds > EVER_SLOW or not most) and most < pace.least * seconds:
        return f"{most} letters in {seconds:.2f} s: {most / seconds:.2f} a second, fewer than {pace.least:g}"
    return ""


def _is_usual(text: str, seconds: float, pace: Pace) -> bool:
    """True for most texts, of which it is clear at once: counting takes ten times as long, of a million texts 20 s."""
    least = pace.least * seconds if seconds > EVER_SLOW else min(pace.least, 1.0)  # one letter, if any are wanted
    if pace.most and NUMBER_LETTERS * len(text) > pace.most * seconds:
        return False
    return not least or sum(map(str.isalpha, text[: int(4 * least) + 1].replace(TATWEEL, ""))) >= least


def stated(
    column: str, value: str, per_second: float = 1.0, recording: bool = False, count: bool = False
) -> tuple[Stated, ...]:
    """A table's value as a length; none if the column is empty. What is no positive number has NaN seconds.

    Args:
        value: a number, or `h:m:s`; per_second: its units in a second, e.g. 16000 for samples.
        count: it is a whole number, and every row has one.
    """
    value = value.strip()
    if value.casefold() in NOTHING and not count:
        return ()
    try:
        parts = [float(part) for part in value.split(":")]
        number = math.fsum(part * 60**i for i, part in enumerate(reversed(parts))) if len(parts) <= 3 else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    whole = not count or (":" not in value and math.isfinite(number) and number.is_integer())
    if not (math.isfinite(number) and number > 0 and whole):
        return (Stated(column, value, math.nan, math.nan, recording),)
    digits = value.rpartition(".")[2] if "." in value else ""
    return (Stated(column, value, number / per_second, 10.0 ** -len(digits) / per_second, recording),)


def differs(length: Stated, seconds: float) -> str:
    """How the stated length differs from the true one, with the values; "" if it does not."""
    if math.isnan(length.seconds):
        return f"{length.column} {excerpt(length.value)!r} is no length"
    near = max(NEAR_SECONDS, NEAR_SHARE * max(length.seconds, seconds)) + length.unit
    if abs(length.seconds - seconds) <= near:
        return ""
    of = "its recording" if length.recording else "it"
    return f"{length.column} {length.value}, {length.seconds:.2f} s, where {of} has {seconds:.2f} s"
