"""Task type `ctc`: a transcript, spelt by Linear, BLSTM, tokens (Graves et al., 2006); CER, WER."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...core.results import Metric
from ..base import Batches, Example, Fitted, Scores, TaskData, lines_of
from ..spelt import SpeltType, counted, items_of
from ..task_config import TaskConfig

if TYPE_CHECKING:
    import torch

    from ...models.heads import Head, LayerMix
    from ...text.tokens import Tokens
    from ..base import Array, Prediction


CER, WER = Metric("cer", "%", "low", "CER"), Metric("wer", "%", "low", "WER")
CER_BEAM = Metric("cer_beam", "%", "low", "CER by beam search", minor=True)
WER_BEAM = Metric("wer_beam", "%", "low", "WER by beam search", minor=True)
METRICS = (CER, WER, CER_BEAM, WER_BEAM)


@dataclass(frozen=True)
class SpecAugmentConfig:
    """SpecAugment on the mixed features; more and wider masks make the training harder."""

    warp: int = 0
    "largest shift of the point at which time is bent, frames; 0: none"
    time_masks: int = 0
    "masks over frames"
    time_width: int = 40
    "each is shorter than this, frames"
    feature_masks: int = 0
    "masks over dimensions"
    feature_width: int = 50
    "each is narrower than this, dimensions"

    def __post_init__(self) -> None:
        for name in ("warp", "time_masks", "feature_masks"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        if min(self.time_width, self.feature_width) < 1:
            raise ValueError("time_width and feature_width must be at least 1")


@dataclass(frozen=True)
class CtcTask(TaskConfig):
    """Spells the transcripts of the table `text`."""

    TABLE: ClassVar[str] = "text"
    LARGEST: ClassVar[dict[str, int]] = {**TaskConfig.LARGEST, "hidden": 65536, "layers": 64}

    hidden: int = 128
    "width of the projection, and of each direction of the BLSTM"
    layers: int = 1
    "BLSTM layers"
    stride: int = 1
    "frames that the BLSTM sees side by side as one step: 2 halves its time, and spells half as many tokens"
    mean: Literal["tokens", "utterances"] = "tokens"
    "what counts alike in the loss: tokens, so that long utterances weigh more, or utterances, as in SUPERB"
    sorted_batches: int = 8
    "how many batches are sorted by length together; a larger value is faster and learns a little less; 1: random order"
    dropout: float = 0.0
    "dropout after each layer of the BLSTM and, unless `plain`, before it"
    plain: bool = False
    "true: nothing between the projection and the BLSTM, as in SUPERB; false: ReLU and dropout"
    spec_augment: SpecAugmentConfig = field(default_factory=SpecAugmentConfig)
    "masks over the features in training; none by default"
    strip_diacritics: bool = True
    "take Arabic vowel signs, Quranic marks and tatweel out of the transcripts"
    strip_punctuation: bool = True
    "take punctuation, which nobody says, out of the transcripts"
    tokens: Literal["characters", "sentencepiece"] = "characters"
    "what the head spells with; the pieces of sentencepiece (unigram) are learnt from the training transcripts"
    pieces: int = 200
    "tokens of sentencepiece, single characters among them"
    decode: Literal["greedy", "beam"] = "greedy"
    "beam: beside the greedy figures, those of a prefix beam search with an n-gram model"
    beam: int = 16
    "prefixes that the beam search keeps after each frame"
    lm_order: int = 4
    "tokens in an n-gram of the language model"
    lm_text: str = ""
    """text file, a sentence per line, that the language model learns from; empty: the training transcripts. A change
    inside the file does not make results stale"""
    lm_weight: tuple[float, ...] = (0.0, 0.3, 0.6)
    "weights of the language model to try; the best on dev, by CER, decodes test"
    insertion: tuple[float, ...] = (0.0, 0.5, 1.0)
    "bonuses in nats for each token to try; likewise"

    def __post_init__(self) -> None:
        self.check_least("hidden", "layers", "stride", "sorted_batches", "pieces", "beam", "lm_order")
        super().__post_init__()
        if not self.lm_weight or min(self.lm_weight) < 0 or not self.insertion:
            raise ValueError("lm_weight must be one or several weights of at least 0, insertion one or several bonuses")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, not {self.dropout}")
        if self.exclude:
            raise ValueError("exclude leaves out labels, and a task of type ctc has none: leave it empty")
        if self.folds and (self.tokens, self.decode) != ("characters", "greedy"):
            raise ValueError("folds of a task of type ctc need tokens: characters and decode: greedy")


class Ctc(SpeltType):
    """Connectionist temporal classification."""

    config = CtcTask
    metric = CER

    def text(self, label: Any, config: CtcTask) -> str:
        from ..spelling import transcript

        return transcript(label, config)

    def tokens(self, name: str, config: CtcTask, texts: tuple[str, ...]) -> Tokens:
        from ..spelling import tokens_of

        return tokens_of(name, config, texts)

    def head(self, data: TaskData, mix: LayerMix, generator: torch.Generator) -> Head:
        from ...models.heads import CTCHead
        from ...models.spec_augment import SpecAugment

        task, masks = data.config, data.config.spec_augment
        augment = None
        if masks.warp or masks.time_masks or masks.feature_masks:
            augment = SpecAugment(**vars(masks))
        sizes = task.hidden, task.layers, data.classes, task.dropout, task.stride
        return CTCHead(mix, *sizes, generator, task.plain, augment)

    def figure(self, data: TaskData, examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> float:
        from ...score.wer import characters, count_errors, error_rate

        return error_rate(count_errors(characters(e.reference), characters(str(predictions[e.id]))) for e in examples)

    def further(self, data: Any, objective: Any, batches: Batches, folder: Path) -> Any:
        """What a beam search makes of the test set, where one is asked for."""
        if data.config.decode != "beam":
            return None
        from ..beam import search

        return search(
            data,
            lambda part: (
                pair
                for examples, batch in batches(part)
                for pair in zip(examples, objective.log_probs(batch), strict=True)
            ),
            folder,
        )

    def score(self, data: Any, fitted: Fitted, by_speaker: bool, seed: int) -> Scores:
        from ...score.items import figure

        examples, tokens, searched = data.parts["test"], data.tokens, fitted.further
        greedy = {e.id: str(fitted.predictions[e.id]) for e in examples}
        counts = dict(_counts(examples, greedy, CER, WER))
        files = tokens.files(data.name)
        if searched:
            counts |= _counts(examples, searched.transcripts, CER_BEAM, WER_BEAM)
            files[f"{data.name}.beam.hyp"] = lines_of(examples, [searched.transcripts[e.id] for e in examples]).encode()
        items = items_of(examples, greedy, counts)
        return Scores(
            tuple(figure(metric, items, (), by_speaker, seed) for metric in METRICS if metric.name in counts),
            items,
            conditions={"tokens": tokens.name},
            settings=searched.decoding if searched else {},
            files=files,
        )


def _counts(
    examples: Sequence[Example], transcripts: Mapping[str, str], cer: Metric, wer: Metric
) -> Iterator[tuple[str, Array]]:
    """Edits and length [N, 2] of every example, by name of the metric."""
    from ...score.wer import characters, words

    for metric, cut in ((cer, characters), (wer, words)):
        yield metric.name, counted(examples, transcripts, cut)


TYPE = Ctc()
