"""Names of labels as they are compared in answers: profile sawt, lower case, without article and final ة of each word.

So المصرية, مصري and مصرية are one name. A negation is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from .normalise import profile

_ARTICLE = re.compile(r"^(?:[وفبك]?ال|لل)(?=\w{2})")


@cache
def bare_words(text: str) -> tuple[str, ...]:
    """The words of a name, or of an answer, as they are compared."""
    return tuple(_bare(word) for word in profile("sawt")(text).casefold().split())


def by_name(labels: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], str]:
    """The words of every name -> its label; a label is a name of itself."""
    return {bare_words(name): label for label, names in labels.items() for name in (label, *names)}


def _bare(word: str) -> str:
    """A word without article and final ه, if anything is left of it."""
    shorter = _ARTICLE.sub("", word)
    return shorter.removesuffix("ه") if len(shorter) > 2 else shorter
