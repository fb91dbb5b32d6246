"""WER of a dev set in training: what the student writes for each window, scored as one set."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from ..core.results import Metric
from ..models.vocabulary import Vocabulary
from ..models.whisper import Whisper
from ..pseudo.decode import greedy
from ..score.edits import word_edits
from ..text.normalise import profile
from .engine.objective import Batch, Outputs
from .objectives.seq2seq import IGNORED

LEAST_WRITTEN = 10  # tokens that a window may get, in addition to twice as many as the longest label of its batch
WER = Metric("wer", "fraction", "low")


class Transcript(NamedTuple):
    """Normalised texts of a window."""

    reference: str
    hypothesis: str


class DevScore:
    """Transcribes dev windows and scores the whole set."""

    def __init__(self, vocabulary: Vocabulary, profile_name: str) -> None:
        """`profile_name`: normalisation of both texts."""
        self.vocabulary, self.normalise = vocabulary, profile(profile_name)

    def transcribe(self, student: Whisper, states_BSD: Tensor, batch: Batch) -> dict[str, Transcript]:
        """Transcripts of a dev batch, decoded greedily from the encoder's states, by window id."""
        prompt = self.vocabulary.prompt(batch["language"], False)
        labels = [[t for t in row if t != IGNORED] for row in batch["labels_BL"].tolist()]
        limit = LEAST_WRITTEN + 2 * max(map(len, labels))  # a longer text is wrong long before
        written = greedy(student, states_BSD, prompt, self.vocabulary, False, limit)
        references = [self.normalise(self.vocabulary.decode(row)) for row in labels]
        hypotheses = [self.normalise(self.vocabulary.decode(w.tokens)) for w in written]
        return dict(zip(batch["ids"], map(Transcript, references, hypotheses), strict=True))

    def score(self, transcripts: Outputs) -> dict[str, float]:
        """WER over all words of all windows, as a fraction; NaN without a word."""
        edits = word_edits([t.reference for t in transcripts.values()], [t.hypothesis for t in transcripts.values()])
        errors = float((edits.substitutions + edits.deletions + edits.insertions).sum())
        words = float(edits.lengths.sum())
        return {WER.name: errors / words if words else math.nan}
