"""What is raced of ours with STaR: a step of the training loop on Gram matrices."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from toolkit.core.config import load_config
from toolkit.models.encoder import load_encoder
from toolkit.models.hugging_face import load_pretrained
from toolkit.train.engine.loop import TrainingRun
from toolkit.train.engine.objective import At
from toolkit.train.engine.ranks import World
from toolkit.train.objectives.star import Star
from toolkit.train.star_config import StarTraining

from .arrays import RATE
from .star_inputs import CONFIGS, batches_of


class Step:
    """Updates of the published student; a round is one on the next of the batches. Output: loss of the first [1]."""

    def __init__(self, waves: str, teacher: str, student: str, threads: int, states_mb: float = 0) -> None:
        """`states_mb`: memory for what the teacher makes of the clips, heard once before the race; 0: heard in it."""
        fields = {"loop.threads": str(threads), "objective.states_mb": str(states_mb)}
        config = load_config(StarTraining, CONFIGS, fields)
        batches = enumerate(batches_of(waves))
        self.batches: list[dict[str, Any]] = [
            {"wave_BN": wave_BN, "keys": [(str(n), row, 0) for row in range(len(wave_BN))]} for n, wave_BN in batches
        ]
        world, self.settings = World.alone(), ExitStack()
        self.settings.enter_context(world.computing(threads, config.loop.deterministic))
        self.star = Star(load_pretrained(Path(student)), load_encoder(teacher), config.objective, config.loop.seed)
        self.loop = TrainingRun(self.star, config.optim, config.loop, Path("nowhere"), world, "")
        losses = [self._loss(batch) for batch in self.batches]  # of all: then the teacher has heard all
        self.loss = losses[0]

    def _loss(self, batch: dict[str, Any]) -> float:
        with torch.no_grad():
            terms = self.star({**batch, "wave_BN": torch.from_numpy(batch["wave_BN"])}, At(1, 0, 1))
        return sum(float(term.sum) / float(term.weight) for term in terms.values())

    def run(self) -> dict[str, Any]:
        batch = self.batches[self.loop.state.step % len(self.batches)]
        self.loop.step([batch], range(1))
        return {"audio_seconds": batch["wave_BN"].size / RATE}

    def output(self) -> np.ndarray:
        return np.array([self.loss])


class Arithmetic:
    """What no way can do without: the teacher's forward pass, the student's forward and backward."""

    def __init__(self, waves: str, teacher: str, student: str, threads: int, hears: bool = True) -> None:
        """`hears`: false without the teacher."""
        self.settings = ExitStack()
        self.settings.enter_context(World.alone().computing(threads, False))
        self.batches = [torch.from_numpy(wave_BN) for wave_BN in batches_of(waves)]
        self.teacher = load_encoder(teacher) if hears else None
        self.student = load_pretrained(Path(student)).train()
        self.done = 0

    def run(self) -> dict[str, Any]:
        wave_BN = self.batches[self.done % len(self.batches)]
        self.done += 1
        if self.teacher:
            with torch.no_grad():
                self.teacher.states(wave_BN, normalize=False)
        self.student(wave_BN)[0].sum().backward()
        self.student.zero_grad(set_to_none=True)
        return {"audio_seconds": wave_BN.numel() / RATE}

    def output(self) -> np.ndarray:
        return np.empty(0)
