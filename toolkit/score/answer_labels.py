"""Read a label off an answer: the label alone, in Arabic or English, or with a sentence around it.

Rule: the words of the answer are compared with those of all labels' names as text.label_names makes them. Names are
looked for as whole words, longer names first, whose words then count no more; if they all are of one label, it is that
label. An answer without any name, or with those of two labels, is outside the set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..text.label_names import bare_words, by_name

OUTSIDE = "<outside>"


class LabelReader:
    """Reads the labels of one task."""

    def __init__(self, labels: Mapping[str, Sequence[str]]) -> None:
        """`labels`: label -> its names; the label itself is one too."""
        self._names = sorted(by_name(labels).items(), key=lambda pair: (-len(pair[0]), pair[0]))

    def __call__(self, answer: str) -> str:
        """The label, or OUTSIDE."""
        words = list(bare_words(answer))
        read: set[str] = set()
        for name, label in self._names:
            for place in range(len(words) - len(name), -1, -1) if name else ():
                if tuple(words[place : place + len(name)]) == name:
                    read.add(label)
                    words[place : place + len(name)] = [""]
        return read.pop() if len(read) == 1 else OUTSIDE
