"""Whether the labels of a phone table look like phones: not words, not one for an utterance, and with a duration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from .kaldi import PHONES
from .phone_causes import FEW, FEWEST
from .phone_lines import PhoneLine
from .tables import Problem, few

MOST_PHONES = 500  # more than any set of phones with stress and place in the word has
WORDS, LINES_EACH = 50, 3  # so many labels, of which each stands in so few lines, may be words
BRIEF = 0.05  # share of the phones that may have no duration


@dataclass
class PhoneLabels:
    """The rules for the labels of one table. Feed every line of its utterances to `add`, then ask for `problems`."""

    file: str = PHONES
    _counts: Counter[str] = field(default_factory=Counter)
    _only: dict[str, str | None] = field(default_factory=dict)  # utterance -> its only label; None: it has several
    _brief: int = 0

    def add(self, row: PhoneLine) -> None:
        """Take in a line."""
        self._counts[row.phone] += 1
        if self._only.setdefault(row.id, row.phone) != row.phone:
            self._only[row.id] = None
        self._brief += row.end <= row.start

    def problems(self) -> Iterator[Problem]:
        """Warnings about the labels. A table of another name may have events, or words, in the place of phones."""
        lines, labels = self._counts.total(), len(self._counts)
        if self._brief > max(FEWEST, BRIEF * lines):
            message = f"{self._brief:,} of {lines:,} phones have no duration, so no frame is theirs"
            yield Problem(self.file, 0, "no duration", message, "is the fourth column their duration?", level="warning")
        if self.file != PHONES:
            return
        if labels > MOST_PHONES or (labels >= WORDS and lines < LINES_EACH * labels):
            message = f"{labels:,} different phones in {lines:,} lines, such as {few(sorted(self._counts), 3)}"
            remedy = "are they words? Take the tier of phones"
            yield Problem(self.file, 0, "labels", message, remedy, level="warning")
        single = Counter(phone for phone in self._only.values() if phone is not None)
        if single.total() > max(FEWEST, FEW * len(self._only)):
            (phone, count) = single.most_common(1)[0]
            message = (
                f"{single.total():,} of {len(self._only):,} utterances have one phone alone, {count:,} of them {phone}"
            )
            remedy = "an aligner writes so what it could not align: align them, or take their lines out"
            yield Problem(self.file, 0, "one phone", message, remedy, level="warning")
