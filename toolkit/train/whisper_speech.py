"""The windows that a training of a Whisper learns from and is validated on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..core.seed import seed_of
from ..data.bad_clips import BadClips, BadClipsOfRun
from ..data.kaldi import DataDir
from ..data.provenance import rules_of
from ..models.hearing import Ears
from ..models.vocabulary import Vocabulary
from ..models.whisper_files import read_whisper_config
from ..pseudo.windows import read_header
from .engine.validation import Validation
from .objectives.seq2seq import Seq2Seq
from .whisper_config import WhisperTraining
from .whisper_dev import WER, DevScore
from .whisper_inputs import WhisperInputs
from .window_speech import Shuffled, WindowSpeech


def bad_clips_of(run: BadClipsOfRun | None, pack: Path, trained: bool) -> Callable[[int, DataDir], BadClips] | None:
    """Gives what remembers the bad clips among so many utterances of a data directory, which a pack was made of.

    Their transcripts are held against the audio only if they are what is learnt.
    """
    if run is None:
        return None
    name, true = "train" if trained else "dev", read_header(pack).labels == "truth"

    def of_set(size: int, data: DataDir) -> BadClips:
        texts = data.tables.get("text") if true else None
        return run.of(name, size, rules_of(data.path, trained, texts), str(data.path))

    return of_set


class Hearing:
    """What the run trains on and is validated on."""

    def __init__(self, config: WhisperTraining, inputs: WhisperInputs, run: BadClipsOfRun | None = None) -> None:
        """`run`: remembers the bad clips; None: the first one raises AudioError."""
        shape = read_whisper_config(inputs.start)
        self.vocabulary = Vocabulary.read(inputs.start)
        sizes = (self.vocabulary, config.data, shape.num_mel_bins, shape.max_target_positions)
        self.train = WindowSpeech(inputs.train, *sizes, bad_clips_of(run, inputs.train, trained=True))
        self.train.soft = inputs.soft
        if inputs.soft:  # of windows that its teacher could not hear there are none
            self.train.lost |= set(np.flatnonzero(inputs.soft.counts_W4.sum(1) == 0).tolist())
        dev = inputs.dev
        self.dev = WindowSpeech(dev, *sizes, bad_clips_of(run, dev, trained=False)) if dev else None
        self.dev_rows = self.dev.once(config.data.windows) if self.dev else []
        self.order = Shuffled(len(self.train), config.data, config.loop.seed)
        self.seed = config.loop.seed
        self.step_seconds = self.train.seconds / len(self.train) * config.data.windows * config.data.micro_batches

    @property
    def without_soft(self) -> list[str]:
        """Windows that are left out because their teacher could not hear them."""
        soft, windows = self.train.soft, self.train.windows
        return [windows[row].id for row in np.flatnonzero(soft.counts_W4.sum(1) == 0)] if soft else []

    def batch(self, step: int, number: int) -> dict[str, Any]:
        """Micro-batch `number` of step `step`."""
        random = np.random.default_rng(seed_of(self.seed, "window", step, number))
        return self.train.batch(self.order.rows(step, number), random)

    def validation(self, scorer: DevScore) -> Validation | None:
        """The dev set, scored by WER; None if there is none."""
        dev, rows = self.dev, self.dev_rows
        return Validation(lambda i: dev.batch(rows[i]), len(rows), scorer.score, (WER,)) if dev else None

    def remember(self, objective: Seq2Seq, config: WhisperTraining) -> None:
        """Hear all windows once, where the encoder is frozen (and the teacher's) and there is room for what it says."""
        if objective.hears_once and config.data.states_mb:
            ears = Ears(objective.student, config.data.window_seconds, config.data.states_context)
            self.train.hear(ears, "hear")
            if self.dev and self.train.states is not None:
                self.dev.hear(ears, "hear dev")
        heard = all(speech.states is not None for speech in (self.train, self.dev) if speech)
        if config.data.states_context == "audio" and not heard:
            problem = "data.states_context is audio, but not all windows are heard beforehand, which it is for"
            remedy = "raise data.states_mb, with the teacher's encoder frozen, or leave data.states_context at window"
            raise UserError(problem, "data.states_context", remedy)
