"""One task on one row: batches, training at each learning rate, choice on dev, predictions on test.

Shapes: N frames of a batch, B utterances, L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import remove
from ..core.progress import Progress
from ..core.seed import seed_of
from ..models.heads import CTCHead, FrameHead, Head, LayerMix, PooledHead
from ..score.wer import characters, count_errors, error_rate
from .engine.config import LoopConfig, OptimConfig
from .engine.loop import Diverged, train
from .engine.objective import Batch
from .engine.ranks import World
from .objectives.classify import Classify, Features, ProbeObjective
from .objectives.ctc import CTC
from .probe_beam import Searched, search
from .probe_cache import SetFeatures
from .probe_config import ProbeConfig
from .probe_tasks import Example, TaskData

Array = np.ndarray[Any, np.dtype[Any]]
Prediction = Array | str  # classes of the frames [T] or of the utterance [1]; a transcript


@dataclass(frozen=True)
class Source:
    """Where a row's features come from.

    Attributes:
        sets: cached features of each data directory.
        tuned: makes a fresh network to train with the head; None where the upstream is frozen.
    """

    sets: Mapping[str, SetFeatures]
    tuned: Callable[[], Features] | None = None


@dataclass(frozen=True)
class Fitted:
    """A trained task.

    Attributes:
        dev: learning rate -> figure on dev (percent), for those that were tried.
        predictions: of the test set, by utterance id.
        layer_weights: share of each state in the mix.
        weights: state of the trained head, and of the upstream where it was trained too.
        searched: what a beam search makes of the test set, where one is asked for.
        diverged: learning rates with which training did not end well; they have no figure.
    """

    lr: float
    dev: dict[float, float]
    predictions: dict[str, Prediction]
    layer_weights: list[float]
    weights: dict[str, Tensor]
    searched: Searched | None = None
    diverged: tuple[float, ...] = ()


class Fit:
    """Training of one task on one row; everything but `folder` and `label` is part of what comes out."""

    def __init__(
        self, config: ProbeConfig, data: TaskData, source: Source, folder: Path, label: str, device: torch.device
    ) -> None:
        self.config, self.data, self.source = config, data, source
        self.folder, self.label, self.device = folder, label, device
        self.pooled = data.config.kind == "classify" and source.tuned is None
        self.order = lru_cache(4)(self._order)

    def run(self) -> Fitted:
        """Train at every rate; the best on dev (the first of equals) predicts the test set.

        A rate with which training diverges is worse than any other. Raises UserError where all are such.
        """
        asked = len(self.data.config.lr) > 1 or self.config.layer_wise  # layers too must be chosen on dev
        dev: dict[float, float] = {}
        diverged: list[float] = []
        best: tuple[float, ProbeObjective] | None = None
        higher = self.data.config.kind != "ctc"
        for k, lr in enumerate(self.data.config.lr):
            try:
                objective = self._train(lr, self.folder / f"lr{k}")
            except Diverged as e:
                print(f"{self.label}: lr {lr:g} is left out: {e.what}", flush=True)
                diverged.append(lr)
                continue
            if asked:
                dev[lr] = self._figure(self.data.parts["dev"], self.predict(objective, "dev"))
            if best is None or (dev[lr] > dev[best[0]] if higher else dev[lr] < dev[best[0]]):
                best = lr, objective
        if best is None:
            where = f"tasks.{self.data.name}.lr ({', '.join(f'{lr:g}' for lr in diverged)})"
            raise UserError(f"{self.label}: training diverged at every learning rate", where, "name a lower one")
        lr, objective = best
        return Fitted(
            lr,
            dev,
            self.predict(objective, "test"),
            objective.head.mix.shares_L.tolist(),
            {name: t.detach().cpu().contiguous() for name, t in objective.state_dict().items()},
            self._searched(objective) if self.data.config.decode == "beam" and not self.config.layer_wise else None,
            tuple(diverged),
        )

    def forget(self) -> None:
        """Remove the checkpoints."""
        remove(self.folder)

    def objective(self) -> ProbeObjective:
        """A head as it is before training: the same for every rate and every row of one shape."""
        task, generator = self.data.config, torch.Generator().manual_seed(seed_of(self.config.seed, self.data.name))
        mix = LayerMix(*map(torch.from_numpy, self._moments()))
        head: Head
        if task.kind == "phone":
            head = FrameHead(mix, self.data.classes, generator)
        elif task.kind == "classify":
            head = PooledHead(mix, task.hidden, self.data.classes, generator)
        else:
            head = CTCHead(mix, task.hidden, task.layers, self.data.classes, task.dropout, task.stride, generator)
        kind = CTC if task.kind == "ctc" else Classify
        features = self.source.tuned() if self.source.tuned else Features()
        return kind(features, head, self.config.encoder_lr)

    def batch(self, part: str, examples: Sequence[Example]) -> dict[str, Any]:
        """Features (or waveforms, where the upstream trains) and targets of `examples`."""
        lengths = np.array([len(e.target) for e in examples])
        batch: dict[str, Any] = {"targets": np.concatenate([e.target for e in examples])}
        if self.data.config.kind == "ctc":
            batch["target_lengths_B"] = lengths
        if self.source.tuned:
            waves = [e.utterance.audio() for e in examples]
            return {**batch, "wave_N": np.concatenate(waves), "samples_B": np.array([len(w) for w in waves])}
        features = self.source.sets[self.data.config.sets.of(part)]
        if self.pooled:
            return {
                **batch,
                "states_NLD": features.means_ULD[[e.u for e in examples]],
                "lengths_B": np.ones(len(examples), np.int64),
            }
        states = [features.states(e.u) for e in examples]
        return {
            **batch,
            "states_NLD": np.concatenate(states).astype(np.float32),
            "lengths_B": np.array([len(s) for s in states]),
        }

    def predict(self, objective: ProbeObjective, part: str) -> dict[str, Prediction]:
        """Predictions of a part, in its order; how utterances are grouped does not matter to any of them."""
        objective.eval()
        predictions: dict[str, Prediction] = {}
        for chunk, batch in self._batches(part):
            if isinstance(objective, CTC):
                assert self.data.tokens
                for e, spelt in zip(chunk, objective.spelt(batch), strict=True):
                    predictions[e.id] = self.data.tokens.decode(spelt)
            else:
                assert isinstance(objective, Classify)
                flat = objective.classes(batch).cpu()
                for e, classes in zip(chunk, flat.split([len(e.target) for e in chunk]), strict=True):
                    predictions[e.id] = classes.numpy()
        return predictions

    def _batches(self, part: str, how: str = "on") -> Iterator[tuple[list[Example], Batch]]:
        """A part in its order; the bar says how much of it has been used."""
        examples, size = self.data.parts[part], self.data.config.batch
        with Progress(f"{self.label} {how} {part}", len(examples), "utterances") as bar:
            for start in range(0, len(examples), size):
                chunk, to = examples[start : start + size], self.device
                yield chunk, {name: torch.from_numpy(values).to(to) for name, values in self.batch(part, chunk).items()}
                bar.add(len(chunk))

    def _searched(self, objective: ProbeObjective) -> Searched | None:
        if not isinstance(objective, CTC):
            return None

        def heard(part: str) -> Iterator[tuple[Example, Array]]:
            objective.eval()
            for chunk, batch in self._batches(part, "beam on"):
                yield from zip(chunk, objective.log_probs(batch), strict=True)

        return search(self.data, heard, self.folder)

    def _train(self, lr: float, folder: Path) -> ProbeObjective:
        config, task = self.config, self.data.config
        optim = OptimConfig(
            peak_lr=lr, warmup=config.warmup, weight_decay=config.weight_decay, clip=config.clip, betas=(0.9, 0.98)
        )
        loop = LoopConfig(
            total_steps=task.steps,
            seed=seed_of(config.seed, self.data.name, "training"),
            precision="fp32",
            log_every=max(task.steps // 20, 1),
            checkpoint_every=config.checkpoint_every,
            keep=1,
            threads=config.threads,
            prefetch=1,
            tensorboard=False,
        )
        objective = self.objective()
        train(
            objective,
            self._step,
            optim,
            loop,
            folder,
            label=f"{self.label} lr {lr:g}",
            world=World.alone(str(self.device)),
            smaller=f"lower tasks.{self.data.name}.batch",
        )
        return objective

    def _step(self, step: int, _: int) -> dict[str, Any]:
        """Batch of a step: the training set in a new order every time round, without a seam between two rounds."""
        examples, size = self.data.parts["train"], self.data.config.batch
        places = range(step * size, (step + 1) * size)
        return self.batch("train", [examples[self.order(p // len(examples))[p % len(examples)]] for p in places])

    def _order(self, round: int) -> list[int]:
        rng = np.random.default_rng(seed_of(self.config.seed, self.data.name, "order", round))
        examples, size = self.data.parts["train"], self.data.config.batch
        order: list[int] = rng.permutation(len(examples)).tolist()
        if self.data.config.kind != "ctc":
            return order
        seconds = [example.utterance.seconds for example in examples]
        return neighbours(order, seconds, size, self.data.config.sorted_batches, rng)

    def _moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation [L, D] in training: of frames, or of utterances' means where heads see those."""
        features = self.source.sets[self.data.config.sets.train]
        if not self.pooled:
            return features.moments()
        means_ULD = features.means_ULD[[e.u for e in self.data.parts["train"]]].astype(np.float64)
        return means_ULD.mean(0), means_ULD.std(0)

    def _figure(self, examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> float:
        """Character error rate, or accuracy, in percent."""
        if self.data.config.kind == "ctc":
            return error_rate(
                count_errors(characters(e.reference), characters(str(predictions[e.id]))) for e in examples
            )
        right, counted = right_and_counted(examples, predictions)
        return 100.0 * right.sum() / counted.sum()


def right_and_counted(examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> tuple[Array, Array]:
    """Right classes and labelled ones of each utterance."""
    right = np.array([np.sum(np.asarray(predictions[e.id]) == e.target) for e in examples], np.float64)
    return right, np.array([np.sum(e.target >= 0) for e in examples], np.float64)


def neighbours(
    order: list[int], seconds: Sequence[float], size: int, batches: int, rng: np.random.Generator
) -> list[int]:
    """`order` with neighbours in length brought together within every `batches` batches of `size`, batches shuffled.

    A BLSTM takes as long as the longest of its batch.
    """
    window = batches * size
    windows = (order[start : start + window] for start in range(0, len(order), window))
    near = [i for chunk in windows for i in (sorted(chunk, key=lambda i: seconds[i]) if batches > 1 else chunk)]
    groups = [near[start : start + size] for start in range(0, len(near), size)]
    return [i for g in rng.permutation(len(groups)) for i in groups[g]]
