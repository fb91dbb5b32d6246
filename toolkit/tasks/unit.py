"""One task on one row: training at each learning rate, choice on dev, predictions on test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..core.errors import UserError
from ..core.files import remove
from ..core.progress import Progress
from ..core.seed import seed_of
from ..data.bad_clips import BadClipsOfRun
from ..data.batches import is_empty
from ..models.heads import LayerMix
from ..train.engine.config import LoopConfig, OptimConfig
from ..train.engine.gradient import on
from ..train.engine.loop import Diverged, Trained, train
from ..train.engine.objective import Batch, Outputs
from ..train.engine.ranks import World
from ..train.engine.validation import Validation
from ..train.objectives.classify import ProbeObjective
from .base import Example, Fitted, TaskData
from .config import TasksConfig
from .feed import Feed, Source

if TYPE_CHECKING:
    from .base import Prediction


class Fit:
    """Training of one task on one row; everything but `folder` and `label` is part of what comes out."""

    def __init__(
        self,
        config: TasksConfig,
        data: TaskData,
        source: Source,
        folder: Path,
        label: str,
        device: torch.device,
        bad_clips: BadClipsOfRun | None = None,
    ) -> None:
        """`bad_clips`: remembers those of training and dev; None: the first one raises AudioError."""
        self.config, self.data = config, data
        self.folder, self.label, self.device = folder, label, device
        self.type, self.feed = data.config.implementation, Feed(config, data, source, bad_clips)

    def run(self) -> Fitted:
        """Train at every rate; the best on dev (the first of equals) predicts the test set.

        A rate with which training diverges is worse than any other. Raises UserError where all are such.
        """
        asked = len(self.data.config.lr) > 1 or self.config.layer_wise  # layers too must be chosen on dev
        dev: dict[float, float] = {}
        diverged: list[float] = []
        best: tuple[float, ProbeObjective, Trained] | None = None
        for k, lr in enumerate(self.data.config.lr):
            try:
                objective, trained = self._train(lr, self.folder / f"lr{k}")
            except Diverged as e:
                print(f"{self.label}: lr {lr:g} is left out: {e.what}", flush=True)
                diverged.append(lr)
                continue
            if asked:
                dev[lr] = self._on_dev(self.predict(objective, "dev"))
            if best is None or self.type.metric.improves(dev[lr], dev[best[0]]):
                best = lr, objective, trained
        if best is None:
            where = f"tasks.{self.data.name}.lr ({', '.join(f'{lr:g}' for lr in diverged)})"
            raise UserError(f"{self.label}: training diverged at every learning rate", where, "name a lower one")
        lr, objective, trained = best
        return Fitted(
            lr,
            dev,
            self.predict(objective, "test"),
            objective.head.mix.shares_L.tolist(),
            {name: t.detach().cpu().contiguous() for name, t in objective.state_dict().items()},
            None if self.config.layer_wise else self._further(objective),
            tuple(diverged),
            int(trained.best["step"]) if trained.best else None,
        )

    def _on_dev(self, outputs: Outputs) -> float:
        """The figure that decides, of all examples of dev that could be heard."""
        heard = [example for example in self.data.parts["dev"] if example.id in outputs]
        return self.type.figure(self.data, heard, outputs)

    def forget(self) -> None:
        """Remove the checkpoints."""
        remove(self.folder)

    def objective(self) -> ProbeObjective:
        """A head as it is before training: the same for every rate and every row of one shape."""
        generator = torch.Generator().manual_seed(seed_of(self.config.seed, self.data.name))
        mix = LayerMix(*map(torch.from_numpy, self.feed.moments()))
        head = self.type.head(self.data, mix, generator)
        return self.type.objective(self.data, self.feed.features(), head, self.config.encoder_lr)

    def predict(self, objective: ProbeObjective, part: str) -> dict[str, Prediction]:
        """Predictions of a part, in its order."""
        objective.eval()
        predictions: dict[str, Prediction] = {}
        for _, batch in self._batches(part):
            predictions |= self._read(objective, batch)
        return predictions

    def _read(self, objective: ProbeObjective, batch: Batch) -> dict[str, Prediction]:
        """Predictions of a batch, by example id."""
        examples = batch["examples"]
        made = self.type.predict(self.data, examples, objective, batch)
        return {example.id: prediction for example, prediction in zip(examples, made, strict=True)}

    def _batches(self, part: str, how: str = "on") -> Iterator[tuple[Sequence[Example], Batch]]:
        """A part in its order; the bar says how much of it has been used."""
        with Progress(f"{self.label} {how} {part}", len(self.data.parts[part]), "utterances") as bar:
            for examples in self.feed.evaluated(part):
                batch = self.feed.batch(part, examples)
                if not is_empty(batch):
                    yield batch["examples"], on(batch, self.device)
                bar.add(len(examples))

    def _further(self, objective: ProbeObjective) -> Any:
        return self.type.further(self.data, objective, partial(self._batches, how="further on"), self.folder)

    def _train(self, lr: float, folder: Path) -> tuple[ProbeObjective, Trained]:
        """The objective with the weights of the best step on dev, or of the last."""
        objective = self.objective()
        objective.reader = partial(self._read, objective)
        trained = train(
            objective,
            self.feed.step,
            self._optim(lr),
            self._loop(),
            folder,
            micro_batches=lambda step: len(self.feed.pieces(step)),
            validation=self._validation() if self.data.config.validate_every else None,
            label=f"{self.label} lr {lr:g}",
            world=World.alone(str(self.device)),
            smaller=f"lower tasks.{self.data.name}.piece_seconds or batch",
        )
        return objective, trained

    def _validation(self) -> Validation:
        """Dev, scored as a set by the figure that decides."""
        batches, metric = self.feed.evaluated("dev"), self.type.metric

        def score(outputs: Outputs) -> dict[str, float]:
            return {metric.name: self._on_dev(outputs)}

        return Validation(lambda i: self.feed.batch("dev", batches[i]), len(batches), score, (metric,))

    def _optim(self, lr: float) -> OptimConfig:
        task = self.config.resolved(self.data.config)
        assert task.optimizer and task.schedule and task.betas is not None  # by the run, if not by the task
        assert task.warmup is not None and task.weight_decay is not None and task.clip is not None and task.eps
        return OptimConfig(
            name=task.optimizer,
            peak_lr=lr,
            warmup=task.warmup,
            schedule=task.schedule,
            betas=task.betas,
            eps=task.eps,
            weight_decay=task.weight_decay,
            clip=task.clip,
        )

    def _loop(self) -> LoopConfig:
        config, task = self.config, self.data.config
        return LoopConfig(
            total_steps=task.steps,
            seed=seed_of(config.seed, self.data.name, "training"),
            precision="fp32",
            log_every=max(task.steps // 20, 1),
            validate_every=task.validate_every,
            best=self.type.metric.name if task.validate_every else "",
            checkpoint_every=config.checkpoint_every,
            keep=1,
            threads=config.threads,
            prefetch=0
            if self.feed.means and not self.feed.live
            else 1,  # a thread would cost more than a look at means
            tensorboard=False,
        )
