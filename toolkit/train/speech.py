"""The speech that a pre-training run hears: its inputs, what of them it takes, and which sampler makes its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..core.errors import UserError
from ..core.record import holder, inputs_of, read_record
from ..core.seed import seed_of
from ..data.bad_clips import BadClipsOfRun
from ..data.batches import CroppedSpeech, LabelledSpeech, labelled, without_lost
from ..data.frames import HOP, RATE, frames_in, samples_of
from ..data.kaldi import DataDir, Utterance
from ..data.labels import Labels
from ..data.provenance import is_trained_on, rules_of
from ..models.config import HubertConfig
from ..units.codebook import ABOUT, Codebook
from ..units.inputs import recognise
from .augment import augmented
from .config import DataConfig
from .engine.config import LoopConfig
from .samplers.base import Integers
from .samplers.buckets import Buckets, Crops, each_once
from .samplers.speech_quota import SpeechQuota
from .samplers.whole import Padded, Whole, whole_once
from .subset import Choice, groups_of, refuse_unknown, share_lines, within_hours

Drop = Callable[[str, str, str], None]


@dataclass(frozen=True)
class PretrainInputs:
    """The inputs by what they are."""

    train: DataDir
    dev: DataDir | None
    labels: Labels
    start: Path | None

    @staticmethod
    def read(paths: list[Path]) -> PretrainInputs:
        """Raises UserError if data or labels are missing, there is one of them too many, or K is contradicted."""
        inputs = recognise(paths)
        if inputs.labels is None or len(inputs.data) not in (1, 2) or inputs.codebook:
            summary = f"{len(inputs.data)} data directories, {'one folder' if inputs.labels else 'no folder'} of labels"
            more = f", and a codebook: {inputs.codebook}" if inputs.codebook else ""
            remedy = "give the set to train on, perhaps one for validation, the labels, perhaps a model to start from"
            raise UserError(f"inputs: {summary}{more}", "--in", remedy)
        train, dev = sets_of(inputs.data)
        labels = Labels.open(inputs.labels)
        refuse_other_k(labels)
        return PretrainInputs(train, dev, labels, inputs.teacher)


def sets_of(paths: list[Path]) -> tuple[DataDir, DataDir | None]:
    """The set to train on, and the one for validation if there is one.

    Raises UserError for the other order: the first is smaller, and the second's name or history is that of a training
    set, or neither is.
    """
    train, *dev = map(DataDir.read, paths)
    if dev and dev[0].seconds > train.seconds and not (is_trained_on(train.path) and not is_trained_on(dev[0].path)):
        raise UserError(
            f"the set to train on ({train.path}) is smaller than the one for validation ({dev[0].path})",
            "--in",
            "name the set to train on first",
        )
    return train, dev[0] if dev else None


def refuse_other_k(labels: Labels) -> None:
    """Raise UserError if labels claim another K than the codebook they were made by.

    It is looked for where their record says that it was; by now it may be gone, or be another one.
    """
    home = holder(labels.folder)
    for path in inputs_of(home, read_record(home)) if home else ():
        if not (path / ABOUT).is_file():
            continue
        codebook = Codebook.read(path)
        if codebook.hash == labels.codebook and codebook.k != labels.k:
            raise UserError(
                f"labels of {labels.k} units, but their codebook ({path}) has {codebook.k}",
                str(labels.folder),
                "make the labels again",
            )


class Training(Protocol):
    """The config of a run: of any kind of training on speech."""

    @property
    def model(self) -> HubertConfig: ...
    @property
    def data(self) -> DataConfig: ...
    @property
    def loop(self) -> LoopConfig: ...


class Sets(Protocol):
    """The inputs of a run, with labels if it learns from some."""

    @property
    def train(self) -> DataDir: ...
    @property
    def dev(self) -> DataDir | None: ...
    @property
    def labels(self) -> Labels | None: ...


class Speech:
    """Training set and dev set as the run sees them.

    Attributes:
        choice: what is not trained on because the config says so.
        sampler: which crops go into which step.
    """

    def __init__(self, config: Training, inputs: Sets, drop: Drop, bad_clips: BadClipsOfRun | None = None) -> None:
        """Args:
            drop: `drop(id, reason, detail)` hears of every utterance that cannot be used, as its tables tell.
            bad_clips: remembers those of which that shows when they are decoded; None: they raise AudioError.

        Raises UserError.
        """
        self._config, self._labels, self._drop, self._bad_clips = config, inputs.labels, drop, bad_clips
        self.choice = Choice(inputs.train.seconds)
        self._shares: list[str] = []
        usable = self._within_hours(inputs.train, self._usable(inputs.train, self.choice))
        self.train = self._opened(usable, inputs.train, True)
        self.sampler = self._sampler(inputs.train)
        reason = "shorter than the shortest crop" if config.data.lengths else "shorter than a frame"
        for row in self.sampler.short:
            drop(usable[int(row)].id, reason, f"{self.train.frames[row]} frames")
        dev = inputs.dev
        self.dev = self._opened(self._usable(dev, Choice(dev.seconds)), dev, False) if dev else None
        self.dev_crops = self._each_once(self.dev.frames) if self.dev else []

    def _opened(self, utterances: list[Utterance], part: DataDir, trained: bool) -> CroppedSpeech:
        bad = None
        if self._bad_clips:
            name, rules = "train" if trained else "dev", rules_of(part.path, trained)
            bad = self._bad_clips.of(name, len(utterances), rules, str(part.path))
            if self._labels:
                bad.foresee(self._labels.folder, {u.id for u in utterances})
        how = self._config.data.cache_mb, self._config.model.normalize_waveform, bad
        return LabelledSpeech(utterances, self._labels, *how) if self._labels else CroppedSpeech(utterances, *how)

    def _usable(self, part: DataDir, choice: Choice) -> list[Utterance]:
        """Utterances of a set that are not excluded, nor without labels where labels are learnt from."""
        data, chosen = self._config.data, part.utterances
        if data.exclude:
            groups = groups_of(part, data.table, "data.exclude")
            if choice is self.choice:  # a dev set need not have every group
                refuse_unknown(data.exclude, groups.values(), f"data.exclude ({part.path})")
            chosen = choice.keep(chosen, lambda u: groups[u.id] not in data.exclude, "exclude")
            if not chosen:
                raise UserError("not one utterance is left", f"data.exclude ({part.path})", "exclude less")
        return labelled(chosen, self._labels, self._drop, data.most_unlabelled) if self._labels else list(chosen)

    def _within_hours(self, part: DataDir, usable: list[Utterance]) -> list[Utterance]:
        """At most data.max_hours of those long enough for a crop; the others get their row in the ledger later."""
        data = self._config.data
        if not data.max_hours:
            return usable
        shortest = samples_of(frames_in(min(data.lengths, default=0)))
        seconds = {u.id: u.seconds for u in usable if round(u.seconds * RATE) >= shortest}
        # Plain recordings have no table, and its name is then nobody's mistake.
        whole = data.table not in part.tables and data.table == DataConfig.table
        strata = {} if whole else groups_of(part, data.table, "data.max_hours")
        chosen = within_hours(seconds, strata, data.max_hours, self._config.loop.seed)
        long = [u for u in usable if u.id in seconds]
        taken = [u for u in long if u.id in chosen]
        drawn = f"drawn from the whole: {part.path} has no table {data.table}"
        self._shares = [drawn] if whole else share_lines(long, taken, strata)
        return self.choice.keep(usable, lambda u: u.id in chosen or u.id not in seconds, "max_hours")

    def batch(self, step: int, number: int) -> dict[str, Any]:
        """Micro-batch `number` of step `step`: wave_BN, perhaps labels_BT, and `group` ("" if no shares are asked).

        As data.augment lets the student hear it.
        """
        crops = self.sampler.micro(step, number)
        config, seed = self._config, seed_of(self._config.loop.seed, "augment", step, number)
        heard = augmented(self.train.drawn(*crops), config.data.augment, config.model.hidden_size, seed)
        return {**without_lost(heard), "group": crops.group}

    def _each_once(self, frames: Integers) -> Sequence[Crops | Padded]:
        data = self._config.data
        if not data.lengths:
            return whole_once(frames, data.longest, data.micro_seconds)
        return each_once(frames, data.lengths, data.micro_seconds)

    def _sampler(self, part: DataDir) -> Buckets | SpeechQuota | Whole:
        data, seed = self._config.data, self._config.loop.seed
        if not data.lengths:
            return Whole(self.train.frames, data.longest, data.micro_seconds, data.micro_batches, seed)
        size = (self.train.frames, data.lengths, data.micro_seconds, data.micro_batches, seed)
        if not data.balance:
            return Buckets(*size)
        groups = groups_of(part, data.balance, "data.balance")
        return SpeechQuota(*size, groups=[groups[u.id] for u in self.train.utterances], shares=data.shares)

    @property
    def counts(self) -> dict[str, float]:
        """What is trained on, what is left out by choice, and the shares of the groups where shares are asked."""
        seen = np.delete(self.train.frames, self.sampler.short)
        kept = {"utterances": len(seen), "hours": round(float(seen.sum()) * HOP / RATE / 3600, 4)}
        shares = self.sampler.shares if isinstance(self.sampler, SpeechQuota) else {}
        return {**kept, **self.choice.counts, **{f"share_of_{name}": round(s, 6) for name, s in shares.items()}}

    @property
    def summary(self) -> str:
        """Lines to print before training: what is left out by choice, and how the groups share the audio."""
        lines = [self.choice.summary(self.counts["hours"]), *self._shares]
        if isinstance(self.sampler, SpeechQuota):
            lines += self.sampler.summary()
        if isinstance(self.sampler, Whole) and self.sampler.long:
            lines.append(f"of {self.sampler.long:,} utterances, which are longer than data.longest, pieces are heard")
        return "".join(f"{line}\n" for line in lines if line)
