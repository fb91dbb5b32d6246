"""The loss of an audio LLM: cross-entropy of the tokens of answers, and of nothing else.

Logits are computed at the positions of answer tokens alone: for a vocabulary of 152,064 and 2,000 tokens the others
would take 1.2 GB. The label of a position is the token after it, shifted once, here.

Shapes: B items, T tokens of the longest, A tokens of all answers, S states of all clips, D width of the tower.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...core.results import Metric
from ...models.omni import Omni
from ..engine.objective import At, Batch, Objective, Output, Term

ANSWER, OF_TASK = "answer", "loss_"  # name of the term; prefix of the column of a task, in nats per token


class Answers(Objective):
    """Batches have ids_BT, states_SD (or mels, if the tower is heard anew), and of each answer token its row, its
    position, its id and its weight.
    """

    metrics = (Metric("loss", "nats", "low"),)

    def __init__(
        self,
        omni: Omni,
        trained: Any,
        recompute: bool = False,
        live: bool = False,
        hears: bool = False,
    ) -> None:
        """Args:
        trained: the module whose parameters with a gradient are trained: peft's, or the model.
        recompute: compute blocks again in the backward pass.
        live: the tower hears each micro-batch.
        hears: the tower is trained too; a micro-batch without audio leaves its weights without a gradient.
        """
        super().__init__()
        self.trained = trained
        self._omni, self.live, self.hears = [omni], live, hears
        self.leaves_out = hears
        if recompute:
            omni.text.gradient_checkpointing_enable({"use_reentrant": False})

    @property
    def omni(self) -> Omni:
        return self._omni[0]  # in a list: it is no submodule of its own

    def groups(self) -> list[dict[str, Any]]:
        return [{"params": [p for p in self.trained.parameters() if p.requires_grad], "lr_scale": 1.0}]

    def train(self, mode: bool = True) -> Answers:
        """The tower stays in eval mode."""
        super().train(mode)
        self.omni.tower.eval()
        return self

    def states(self, batch: Batch) -> Tensor:
        """States [S, D] of the clips of a micro-batch: those that are kept, or heard now."""
        if not self.live or not len(batch["mels"]):
            states: Tensor = batch["states_SD"]
            return states
        with torch.set_grad_enabled(self.hears and torch.is_grad_enabled()):
            return self.omni.states(batch["mels"])

    def weights(self, batch: Batch, at: At) -> dict[str, float]:
        return {ANSWER: float(batch["weight_A"].sum())}

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        if not len(batch["ids_BT"]):  # of a rank that has no more items in this step
            return {ANSWER: Term(torch.zeros((), device=self.omni.device), 0.0)}
        embedded = self.omni.embed(batch["ids_BT"], self.states(batch))
        hidden_BTD = self.omni.hidden(embedded).last_hidden_state
        logits_AV = self.omni.head(hidden_BTD[batch["row_A"], batch["position_A"]]).float()
        nats_A = F.cross_entropy(logits_AV, batch["target_A"], reduction="none")
        weight_A = batch["weight_A"]
        of_task = Term(nats_A.detach().sum(), float(len(nats_A)), 0.0)
        return {ANSWER: Term((nats_A * weight_A).sum(), weight_A.sum()), OF_TASK + batch["group"]: of_task}

    def predict(self, batch: Batch) -> dict[str, Output]:
        raise NotImplementedError("answers are scored after training: pseudo.answer, score.answers")
