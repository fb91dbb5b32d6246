"""Waveforms to tokens with our own Whisper in torch.

A decoder that hears the audio alone (context `audio`) now and then does not find the end, and repeats itself until it
is stopped: of 300 prompts a few, which cost whisper-base 22 points of WER. Such audio is heard again in the whole
window, and that text stands where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from ..core.errors import UserError
from ..models.config import Context
from ..models.hearing import Ears
from ..models.log_mel import Wave
from ..models.vocabulary import Vocabulary
from ..models.whisper_files import load_whisper
from ..score.repetition import RATIO, letter_ratio
from .beam import beam_search
from .decode import greedy, language_of
from .decoded import Decoded, Language

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@contextmanager
def _out_of_memory(windows: int) -> Iterator[None]:
    """Tell of a GPU whose memory is full what to do."""
    try:
        yield
    except torch.OutOfMemoryError as e:
        message = f"the GPU's memory is full: {str(e).split('. ')[0]}"
        raise UserError(message, f"{windows} windows at once", "lower speed.batch") from None


class TorchBackend:
    """A Whisper's folder, on one device."""

    def __init__(
        self,
        folder: Path,
        vocabulary: Vocabulary,
        device: str = "cpu",
        compute: str = "float32",
        seconds: float = 30.0,
        context: Context = "window",
    ) -> None:
        """Args:
        compute: float32, float16 or bfloat16.
        seconds: length of a window.
        context: what of a window is computed (models/hearing.py).
        """
        self.vocabulary = vocabulary
        self.model = load_whisper(folder, DTYPES[compute]).to(device)
        self.ears, self.window = Ears(self.model, seconds, context), Ears(self.model, seconds)

    def decode(
        self, waves: Sequence[Wave], prompt: Sequence[int], *, beam: int = 1, limit: int = 225, timestamps: bool = False
    ) -> list[Decoded]:
        """One window each, none longer than `seconds`. Raises UserError if a GPU has no room for them."""
        with _out_of_memory(len(waves)):
            return self._decode(waves, prompt, beam, limit, timestamps)

    def detect(self, waves: Sequence[Wave]) -> list[Language]:
        """The likeliest language of each window. Raises UserError if a GPU has no room for them."""
        with _out_of_memory(len(waves)):
            return language_of(self.model, self.ears.states(waves), self.vocabulary)

    def _decode(
        self, waves: Sequence[Wave], prompt: Sequence[int], beam: int, limit: int, timestamps: bool
    ) -> list[Decoded]:
        decodings = self._written(self.ears, waves, prompt, beam, limit, timestamps)
        if self.ears.context == "audio" and (lost := [i for i, d in enumerate(decodings) if not self._ends_well(d)]):
            again = self._written(self.window, [waves[i] for i in lost], prompt, beam, limit, timestamps)
            for i, decoded in zip(lost, again, strict=True):
                decodings[i] = decoded if self._ends_well(decoded) else decodings[i]
        return decodings

    def _ends_well(self, decoded: Decoded) -> bool:
        return decoded.ended and letter_ratio(self.vocabulary.decode(decoded.tokens)) <= RATIO

    def _written(
        self, ears: Ears, waves: Sequence[Wave], prompt: Sequence[int], beam: int, limit: int, timestamps: bool
    ) -> list[Decoded]:
        states_BSD = ears.states(waves)
        if beam == 1:
            return greedy(self.model, states_BSD, prompt, self.vocabulary, timestamps, limit)
        return [
            beam_search(self.model, states_BSD[i : i + 1], prompt, self.vocabulary, timestamps, limit, beam)
            for i in range(len(waves))
        ]
