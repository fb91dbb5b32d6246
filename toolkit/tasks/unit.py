"""One task on one row: batches, training at each learning rate, choice on dev, predictions on test.

Shapes: N frames of a batch, B utterances, L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..core.errors import UserError
from ..core.files import remove
from ..core.progress import Progress
from ..core.seed import seed_of
from ..models.heads import LayerMix
from ..train.engine.config import LoopConfig, OptimConfig
from ..train.engine.loop import Diverged, train
from ..train.engine.objective import Batch
from ..train.engine.ranks import World
from ..train.objectives.classify import Features, ProbeObjective
from .base import Example, Fitted, TaskData
from .config import TasksConfig
from .features import SetFeatures

if TYPE_CHECKING:
    from .base import Array, Prediction


@dataclass(frozen=True)
class Source:
    """Where a row's features come from.

    Attributes:
        sets: cached features of each data directory.
        tuned: makes a fresh network to train with the head; None where the upstream is frozen.
    """

    sets: Mapping[str, SetFeatures]
    tuned: Callable[[], Features] | None = None


class Fit:
    """Training of one task on one row; everything but `folder` and `label` is part of what comes out."""

    def __init__(
        self, config: TasksConfig, data: TaskData, source: Source, folder: Path, label: str, device: torch.device
    ) -> None:
        self.config, self.data, self.source = config, data, source
        self.folder, self.label, self.device = folder, label, device
        self.type = data.config.implementation
        self.pooled = self.type.needs == "means" and source.tuned is None
        self.means = self.pooled and config.by_means(data.config)
        self.order = lru_cache(4)(self._order)

    def run(self) -> Fitted:
        """Train at every rate; the best on dev (the first of equals) predicts the test set.

        A rate with which training diverges is worse than any other. Raises UserError where all are such.
        """
        asked = len(self.data.config.lr) > 1 or self.config.layer_wise  # layers too must be chosen on dev
        dev: dict[float, float] = {}
        diverged: list[float] = []
        best: tuple[float, ProbeObjective] | None = None
        for k, lr in enumerate(self.data.config.lr):
            try:
                objective = self._train(lr, self.folder / f"lr{k}")
            except Diverged as e:
                print(f"{self.label}: lr {lr:g} is left out: {e.what}", flush=True)
                diverged.append(lr)
                continue
            if asked:
                dev[lr] = self.type.figure(self.data.parts["dev"], self.predict(objective, "dev"))
            if best is None or self.type.metric.improves(dev[lr], dev[best[0]]):
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
            None if self.config.layer_wise else self._further(objective),
            tuple(diverged),
        )

    def forget(self) -> None:
        """Remove the checkpoints."""
        remove(self.folder)

    def objective(self) -> ProbeObjective:
        """A head as it is before training: the same for every rate and every row of one shape."""
        generator = torch.Generator().manual_seed(seed_of(self.config.seed, self.data.name))
        mix = LayerMix(*map(torch.from_numpy, self._moments()))
        head = self.type.head(self.data, mix, generator)
        features = self.source.tuned() if self.source.tuned else Features()
        return self.type.objective(features, head, self.config.encoder_lr)

    def batch(self, part: str, examples: Sequence[Example]) -> dict[str, Any]:
        """Features (or waveforms, where the upstream trains) and targets of `examples`."""
        batch: dict[str, Any] = self.type.targets(examples)
        if self.source.tuned:
            waves = [e.utterance.audio() for e in examples]
            return {**batch, "wave_N": np.concatenate(waves), "samples_B": np.array([len(w) for w in waves])}
        features = self.source.sets[self.data.config.sets.of(part)]
        if self.means:
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
            made = self.type.predict(self.data, chunk, objective, batch)
            predictions |= {example.id: prediction for example, prediction in zip(chunk, made, strict=True)}
        return predictions

    def _batches(self, part: str, how: str = "on") -> Iterator[tuple[list[Example], Batch]]:
        """A part in its order; the bar says how much of it has been used."""
        examples, size = self.data.parts[part], self.data.config.batch
        with Progress(f"{self.label} {how} {part}", len(examples), "utterances") as bar:
            for start in range(0, len(examples), size):
                chunk, to = examples[start : start + size], self.device
                yield chunk, {name: torch.from_numpy(values).to(to) for name, values in self.batch(part, chunk).items()}
                bar.add(len(chunk))

    def _further(self, objective: ProbeObjective) -> Any:
        return self.type.further(self.data, objective, partial(self._batches, how="further on"), self.folder)

    def _train(self, lr: float, folder: Path) -> ProbeObjective:
        config, task = self.config, self.config.resolved(self.data.config)
        assert task.optimizer and task.warmup is not None and task.weight_decay is not None  # by the run, if not by it
        assert task.clip is not None and task.betas is not None
        optim = OptimConfig(
            name=task.optimizer,
            peak_lr=lr,
            warmup=task.warmup,
            weight_decay=task.weight_decay,
            clip=task.clip,
            betas=task.betas,
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
        order: list[int] = rng.permutation(len(self.data.parts["train"])).tolist()
        return self.type.order(self.data, order, rng)

    def _moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation [L, D] in training: of frames, or of utterances' means where those are enough.

        So a head that needs means alone learns the same from means and from frames.
        """
        features = self.source.sets[self.data.config.sets.train]
        if not self.pooled:
            return features.moments()
        means_ULD = features.means_ULD[[e.u for e in self.data.parts["train"]]].astype(np.float64)
        return means_ULD.mean(0), means_ULD.std(0)
