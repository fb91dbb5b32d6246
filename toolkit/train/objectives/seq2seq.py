"""The sequence-to-sequence objective: a Whisper that learns from labels, and from a teacher if it has one.

Loss of a token: ce · CE against the label + kl · T² · KL(teacher ‖ student at temperature T), over positions with
a label; optionally + mse · the mean square between hidden states of the blocks that a student took over.

Source: "To Distill or Not to Distill", 2024, after Gandhi et al., "Distil-Whisper", 2023. The paper gives the weights
KL 0.8 and labels 1.0, its command line the reverse: both are presets.

Shapes: B windows, M mels, T mel frames, S encoder states, L tokens, N positions with a label, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...core.results import Metric
from ...models.whisper import Whisper
from ..engine.objective import At, Batch, Objective, Output, Term
from .config import Seq2SeqConfig
from .soft_targets import Likeliest, soft_targets

IGNORED = -100  # label of a position without loss

Transcriber = Callable[[Whisper, Tensor, Batch], dict[str, Output]]


class Seq2Seq(Objective):
    """A student, and perhaps its teacher (`frozen["teacher"]`), which is not trained."""

    metrics: tuple[Metric, ...] = (
        Metric("loss", "nats per token", "low"),
        Metric("ce", "nats per token", "low"),
        Metric("kl", "nats per token", "low"),
        Metric("accuracy", "share of tokens", "high"),
    )

    def __init__(
        self,
        student: Whisper,
        config: Seq2SeqConfig,
        teacher: Whisper | None = None,
        picks: tuple[Sequence[int], Sequence[int]] = ((), ()),
        transcriber: Transcriber | None = None,
    ) -> None:
        """Args:
        picks: the teacher's blocks, from 0, that the blocks of the student's encoder and decoder are compared with.
        transcriber: predictions for a dev batch, from the student, the encoder's states [B, S, D] and the batch.

        Raises ValueError if KL or MSE is asked for and no teacher, or no picks, are given.
        """
        super().__init__()
        self.config, self.student, self.picks, self.transcriber = config, student, picks, transcriber
        ce, self.kl = config.weights
        self.ce = ce
        if teacher is None or not self.kl:  # only the training set has soft labels
            self.metrics = tuple(metric for metric in self.metrics if metric.name != "kl")
        if teacher is None and ((self.kl and not config.top) or config.mse):
            raise ValueError(f"objective.preset {config.preset} learns from a teacher, and there is none")
        if config.mse and not all(picks):
            raise ValueError("objective.mse needs a student that says which blocks of its teacher it has")
        if config.mse and teacher is not None and not _blocks_fit(student, teacher, picks):
            raise ValueError("objective.mse: the blocks that the student says it has are of another network")
        self.encoder_frozen = config.encoder == "frozen"  # the student's encoder does not learn
        student.requires_grad_(True)
        student.encoder.requires_grad_(not self.encoder_frozen)
        student.encoder.embed_positions.requires_grad_(False)
        if config.freeze_embeddings:
            student.decoder.embed_tokens.requires_grad_(False)
            student.decoder.embed_positions.requires_grad_(False)
        student.encoder.recompute = student.decoder.recompute = config.recompute
        self.shares = self.encoder_frozen and teacher is not None and _same(teacher.encoder, student.encoder)
        if self.shares and teacher is not None:
            teacher.encoder = student.encoder  # one of two equal encoders is enough
        if teacher is not None:
            self.frozen["teacher"] = teacher.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Seq2Seq:
        """A frozen encoder stays in eval mode."""
        super().train(mode)
        if self.encoder_frozen:
            self.student.encoder.eval()
        return self

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        """Loss of mel_BMT (or states_BSD) and tokens_BL against labels_BL (IGNORED: nothing is learnt), nats per token.

        states_BSD: stored outputs of a frozen encoder. top_tokens_NK and top_logprobs_NK: a teacher's soft labels at
        the positions with a label, in order; a dev batch has none, and no KL.
        """
        return self._terms(batch, self._heard(batch))

    def predict(self, batch: Batch) -> dict[str, Output]:
        """Predictions of `transcriber` for each window."""
        return self._written(batch, self._heard(batch)[0])

    def examine(self, batch: Batch, at: At, predicts: bool) -> tuple[dict[str, Term], dict[str, Output]]:
        """Both from one pass of the encoder."""
        heard = self._heard(batch)
        return self._terms(batch, heard), self._written(batch, heard[0]) if predicts else {}

    def _written(self, batch: Batch, states_BSD: Tensor) -> dict[str, Output]:
        if self.transcriber is None:
            raise ValueError("a Seq2Seq without a transcriber predicts nothing")
        return self.transcriber(self.student, states_BSD, batch)

    def _heard(self, batch: Batch) -> tuple[Tensor, list[Tensor] | None]:
        """(states [B, S, D] of the student's encoder, its blocks' states if the loss needs them)."""
        mel_BMT = batch.get("mel_BMT")
        heard: list[Tensor] | None = [] if self.config.mse and not self.encoder_frozen else None
        return batch["states_BSD"] if mel_BMT is None else self.student.encoder(mel_BMT, heard), heard

    def _terms(self, batch: Batch, hearing: tuple[Tensor, list[Tensor] | None]) -> dict[str, Term]:
        states_BSD, heard = hearing
        mel_BMT, tokens_BL, labels_BL = batch.get("mel_BMT"), batch["tokens_BL"], batch["labels_BL"]
        written: list[Tensor] | None = [] if self.config.mse else None
        hidden_BLD = self.student.decoder(tokens_BL, states_BSD, written)
        places = (labels_BL != IGNORED).flatten().nonzero().flatten()
        labels_N = labels_BL.flatten()[places]
        likeliest = Likeliest(batch["top_tokens_NK"], batch["top_logprobs_NK"]) if "top_tokens_NK" in batch else None
        theirs, mse = self._teach(mel_BMT, tokens_BL, states_BSD, heard, written, places)
        loss, ce, kl, right = soft_targets(
            _at(hidden_BLD, places),
            self.student.decoder.embed_tokens.weight,
            labels_N,
            *theirs,
            likeliest=likeliest,
            ce_weight=self.ce,
            kl_weight=self.kl,
            temperature=self.config.temperature,
        )
        weight = len(labels_N)
        logged = {"ce": Term(ce, weight, 0), "accuracy": Term(right, weight, 0)}
        if self.kl and (likeliest or theirs[0] is not None):
            logged["kl"] = Term(kl, weight, 0)
        if mse is not None:
            loss = loss + self.config.mse * weight * mse
            logged["mse"] = Term(mse.detach() * weight, weight, 0)
        return {"loss": Term(loss, weight), **logged}

    @property
    def teacher(self) -> Whisper | None:
        return cast("Whisper | None", self.frozen.get("teacher"))

    @property
    def hears_once(self) -> bool:
        """True if stored states may replace the mel: the encoder of the student (and of a teacher) never changes."""
        listens = self.teacher is not None and bool(self.kl or self.config.mse)
        return self.encoder_frozen and (self.shares or not listens)

    def _teach(
        self,
        mel_BMT: Tensor | None,
        tokens_BL: Tensor,
        states_BSD: Tensor,
        heard: list[Tensor] | None,
        written: list[Tensor] | None,
        places: Tensor,
    ) -> tuple[tuple[Tensor | None, Tensor | None], Tensor | None]:
        """((teacher's states at the places, its output layer), mean square error of hidden states)."""
        teacher = self.teacher
        if teacher is None or not (self.kl or self.config.mse):
            return (None, None), None
        their_heard: list[Tensor] | None = None if heard is None else []
        their_written: list[Tensor] | None = None if written is None else []
        assert self.shares or mel_BMT is not None, "a teacher with an encoder of its own has heard nothing"
        # Not under no_grad: nothing here wants a gradient, and Linear is then as fast as for the student (linear.py).
        their_states = states_BSD if self.shares or mel_BMT is None else teacher.encoder(mel_BMT, their_heard)
        hidden_BLD = teacher.decoder(tokens_BL, their_states, their_written)
        mse = None
        if written is not None and their_written is not None:
            terms = [
                F.mse_loss(_at(ours, places), _at(their_written[pick + 1], places))
                for ours, pick in zip(written[1:], self.picks[1], strict=True)
            ]
            if heard is not None and their_heard is not None:
                terms += [F.mse_loss(x, their_heard[p + 1]) for x, p in zip(heard[1:], self.picks[0], strict=True)]
            mse = torch.stack(terms).mean()
        return (_at(hidden_BLD, places), teacher.decoder.embed_tokens.weight), mse


def _at(states_BLD: Tensor, places: Tensor) -> Tensor:
    return states_BLD.flatten(0, 1).index_select(0, places)


def _blocks_fit(student: Whisper, teacher: Whisper, picks: tuple[Sequence[int], Sequence[int]]) -> bool:
    """True if each block of the student names one of the teacher's, of its own width."""
    ours, theirs = student.config, teacher.config
    shapes = ((ours.encoder_layers, theirs.encoder_layers), (ours.decoder_layers, theirs.decoder_layers))
    numbers = all(len(p) == mine and max(p) < has for p, (mine, has) in zip(picks, shapes, strict=True))
    return numbers and ours.d_model == theirs.d_model


def _same(one: torch.nn.Module, second: torch.nn.Module) -> bool:
    """True if two modules have the same weights, to the bit."""
    ours, theirs = one.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(
        ours[name].shape == theirs[name].shape and torch.equal(ours[name], theirs[name]) for name in ours
    )


def label_row(prompt: Sequence[int], content: Sequence[int], end: int, previous: Sequence[int] = ()) -> Any:
    """(tokens, labels) [L] of one window: the decoder's input, and the token it should write next.

    Args:
        prompt: start, language, task, perhaps no timestamps; what follows the start is learnt too, as published.
        content: text and timestamps.
        previous: <|startofprev|> and the text before; it is input without loss.
    """
    whole = np.array([*previous, *prompt, *content, end], np.int64)
    labels = whole[1:].copy()
    labels[: len(previous)] = IGNORED
    return whole[:-1], labels
