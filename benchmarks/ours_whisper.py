"""What is raced of ours with a Whisper: labelling as pseudo.transcribe does it, a step as train.whisper does it."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.core.record import Ledger
from toolkit.data.kaldi import Utterance
from toolkit.data.listen import Listener
from toolkit.models.hearing import frames_of
from toolkit.models.log_mel import log_mel
from toolkit.models.vocabulary import Vocabulary
from toolkit.models.whisper_files import load_whisper
from toolkit.pseudo.config import DecodeConfig
from toolkit.pseudo.store import Store
from toolkit.pseudo.transcribe import label
from toolkit.pseudo.transcriber import Job, Transcriber, resolved
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.engine.loop import TrainingRun
from toolkit.train.engine.ranks import World
from toolkit.train.objectives.config import Seq2SeqConfig
from toolkit.train.objectives.seq2seq import IGNORED, Seq2Seq, label_row

from .arrays import RATE
from .whisper_clips import MOST_WRITTEN, Clip, clip_path, read_clips, turn


class Labelling:
    """A round is the labelling of as many other clips; a first one, which does not count, of a few. Output: texts."""

    def __init__(
        self, model: str, clips: str, rounds: int, batch: int, threads: int, cache: str, **decode: Any
    ) -> None:
        """Args:
        rounds: that share the clips.
        cache: folder of models that are converted for CTranslate2.
        decode: fields of DecodeConfig.
        """
        self.folder, self.rounds, self.batch, self.done = Path(clips), rounds, batch, -1
        self.clips = read_clips(self.folder)
        languages = {clip.language: clip.language for clip in self.clips}
        config = DecodeConfig(
            language=self.clips[0].language, languages=languages, max_new_tokens=MOST_WRITTEN, **decode
        )
        self.transcriber = Transcriber(Path(model), resolved(config, 0, cluster=False))
        self.transcriber.open("cpu", threads, Path(cache))
        self.texts: dict[str, str] = {}

    def run(self) -> dict[str, Any]:
        now = turn(self.clips, self.done, self.rounds)
        self.done += 1
        with tempfile.TemporaryDirectory() as store:
            kept = Store(Path(store)), Ledger("race"), self.batch, "here", Listener.plain()
            hypotheses, _ = label(list(map(self._job, now)), self.transcriber, *kept)
        self.texts |= {row.id: row.text for row in hypotheses}
        return {"audio_seconds": sum(clip.seconds for clip in now)}

    def _job(self, clip: Clip) -> Job:
        path = str(clip_path(self.folder, clip))
        return Job(Utterance(clip.id, path, 0.0, None, clip.language, clip.seconds), clip.language)

    def output(self) -> np.ndarray:
        return np.array([self.texts[clip.id] for clip in self.clips])


class Distilling:
    """Steps of train.whisper on one batch, its spectrograms made anew in each. Output: loss of the first [1]."""

    def __init__(self, teacher: str, student: str, windows: str, threads: int) -> None:
        with np.load(windows) as stored:
            self.waves_BN = stored["waves"]
            self.content = np.split(stored["tokens"], np.cumsum(stored["lengths"])[:-1])
        self.vocabulary = Vocabulary.read(Path(teacher))
        world, self.settings = World.alone(), ExitStack()
        loop = LoopConfig(threads=threads, total_steps=1000)
        self.settings.enter_context(world.computing(threads, loop.deterministic))  # as train does
        network = load_whisper(Path(student))
        objective = Seq2Seq(network, Seq2SeqConfig(), load_whisper(Path(teacher)))
        optim = OptimConfig(
            peak_lr=1e-4, warmup=50, schedule="constant", betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, clip=1.0
        )
        self.shape, self.losses = network.config, list[float]()
        self.loop = TrainingRun(objective, optim, loop, Path("nowhere"), world, "")

    def run(self) -> dict[str, Any]:
        before = tuple(self.loop.window.sums.get("loss", (0.0, 0.0)))
        self.loop.step([self._batch()], range(1))
        after = self.loop.window.sums["loss"]
        self.losses.append((after[0] - before[0]) / (after[1] - before[1]))
        return {"windows": len(self.waves_BN)}

    def _batch(self) -> dict[str, Any]:
        """As WindowSpeech makes it."""
        prompt, end = self.vocabulary.prompt("en", False), self.vocabulary.end
        rows = [label_row(prompt, content.tolist(), end) for content in self.content]
        longest = max(len(tokens) for tokens, _ in rows)
        tokens_BL = np.full((len(rows), longest), end, np.int64)
        labels_BL = np.full((len(rows), longest), IGNORED, np.int64)
        for b, (tokens, labels) in enumerate(rows):
            tokens_BL[b, : len(tokens)], labels_BL[b, : len(labels)] = tokens, labels
        frames = frames_of(self.waves_BN.shape[1] / RATE)
        mel_BMT = log_mel(list(self.waves_BN), frames, self.shape.num_mel_bins)
        return {"mel_BMT": mel_BMT, "tokens_BL": tokens_BL, "labels_BL": labels_BL, "language": "en"}

    def output(self) -> np.ndarray:
        return np.array(self.losses[:1])
