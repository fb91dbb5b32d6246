"""Read a label off an answer: the label alone, in Arabic or English, or with a sentence around it.

Rule: the answer and the names of all labels are normalised (profile sawt, lower case, the article and a final ة of each
word left out, so that المصرية, مصري and مصرية are one). An answer that is a name is its label. Else the names are
looked for as whole words, longer names first, whose words then count no more; if they all are of one label, it is that
label. An answer without any name, or with those of two labels, is outside the set. A negation is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..text.normalise import profile

OUTSIDE = "<outside>"
_ARTICLE = re.compile(r"^(?:[وفبك]?ال|لل)(?=\w{2})")


class LabelReader:
    """Reads the labels of one task."""

    def __init__(self, labels: Mapping[str, Sequence[str]]) -> None:
        """`labels`: label -> its names; the label itself is one too."""
        self._normal = profile("sawt")
        names = {self._words(name): label for label, own in labels.items() for name in (label, *own)}
        self._names = sorted(names.items(), key=lambda pair: (-len(pair[0]), pair[0]))

    def __call__(self, answer: str) -> str:
        """The label, or OUTSIDE."""
        words = list(self._words(answer))
        read: set[str] = set()
        for name, label in self._names:
            if not name:
                continue
            for place in range(len(words) - len(name), -1, -1):
                if tuple(words[place : place + len(name)]) == name:
                    read.add(label)
                    words[place : place + len(name)] = [""]
        return read.pop() if len(read) == 1 else OUTSIDE

    def _words(self, text: str) -> tuple[str, ...]:
        return tuple(_bare(word) for word in self._normal(text).casefold().split())


def _bare(word: str) -> str:
    """A word without article and final ه, if anything is left of it."""
    shorter = _ARTICLE.sub("", word)
    return shorter.removesuffix("ه") if len(shorter) > 2 else shorter
