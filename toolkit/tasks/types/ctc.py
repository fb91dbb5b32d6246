"""Task type `ctc`: a transcript, spelt by Linear, BLSTM, tokens (Graves et al., 2006); CER, WER."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...core.results import Metric
from ..base import Batches, Collected, Example, Fitted, Notes, Scores, TaskData, TaskType, lines_of
from ..config import TaskConfig

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...models.heads import Head, LayerMix
    from ...text.tokens import Tokens
    from ...train.engine.objective import Batch
    from ...train.objectives.classify import Features, ProbeObjective
    from ..base import Array, Prediction


CER, WER = Metric("cer", "%", "low", "CER"), Metric("wer", "%", "low", "WER")
CER_BEAM = Metric("cer_beam", "%", "low", "CER by beam search", minor=True)
WER_BEAM = Metric("wer_beam", "%", "low", "WER by beam search", minor=True)
METRICS = (CER, WER, CER_BEAM, WER_BEAM)


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
    sorted_batches: int = 8
    "how many batches are sorted by length together; a larger value is faster and learns a little less; 1: random order"
    dropout: float = 0.0
    "dropout before and after the BLSTM"
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


@dataclass(frozen=True)
class Spelling(TaskData):
    """Transcripts, and the tokens that the head spells with."""

    tokens: Tokens


class Ctc(TaskType):
    """Connectionist temporal classification."""

    config = CtcTask
    metric = CER

    def read(self, name: str, config: CtcTask, collected: Collected, rate: float, notes: Notes) -> Spelling:
        import numpy as np

        from ...models.heads import shortened
        from ...train.objectives.ctc import frames_needed
        from ..spelling import tokens_of, transcript

        spelt = {
            part: [(utterance, u, frames, transcript(text, config)) for utterance, u, frames, text in rows]
            for part, rows in collected.items()
        }
        tokens = tokens_of(name, config, tuple(text for *_, text in spelt["train"]))
        parts: dict[str, list[Example]] = {}
        for part, rows in spelt.items():
            parts[part] = []
            for utterance, u, frames, text in rows:
                known = [c for c in text if c in tokens.alphabet]
                notes.count(f"{name}.{part}.character unseen in training", len(text) - len(known))
                target = np.array(tokens.encode("".join(known)), np.int64)
                if not text:
                    detail = f"task {name}: nothing left of its transcript"
                    notes.ledger.drop(utterance.id, f"no {config.table}", detail)
                elif part == "train" and frames_needed(target.tolist()) > shortened(frames, config.stride):
                    detail = f"task {name}: {frames} frames, stride {config.stride}, for {len(target)} {tokens.unit}"
                    notes.ledger.drop(utterance.id, "too short for its transcript", detail)
                else:
                    parts[part].append(Example(utterance, u, target, text))
        return Spelling(name, config, parts, [], len(tokens), tokens)

    def head(self, data: TaskData, mix: LayerMix, generator: torch.Generator) -> Head:
        from ...models.heads import CTCHead

        task = data.config
        return CTCHead(mix, task.hidden, task.layers, data.classes, task.dropout, task.stride, generator)

    def objective(self, features: Features, head: Head, feature_lr: float) -> ProbeObjective:
        from ...train.objectives.ctc import CTC

        return CTC(features, head, feature_lr)

    def targets(self, examples: Sequence[Example]) -> dict[str, Array]:
        import numpy as np

        lengths_B = np.array([len(example.target) for example in examples])
        return {**super().targets(examples), "target_lengths_B": lengths_B}

    def order(self, data: TaskData, order: list[int], rng: np.random.Generator) -> list[int]:
        """Neighbours in length together: a BLSTM takes as long as the longest of its batch."""
        seconds = [example.utterance.seconds for example in data.parts["train"]]
        return neighbours(order, seconds, data.config.batch, data.config.sorted_batches, rng)

    def predict(self, data: Any, examples: Sequence[Example], objective: Any, batch: Batch) -> list[Prediction]:
        """Transcripts, spelt greedily."""
        return [data.tokens.decode(spelt) for spelt in objective.spelt(batch)]

    def figure(self, examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> float:
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
        from ...score.items import Items, figure

        examples, tokens, searched = data.parts["test"], data.tokens, fitted.further
        greedy = {e.id: str(fitted.predictions[e.id]) for e in examples}
        counts = dict(_counts(examples, greedy, CER, WER))
        files = tokens.files(data.name)
        if searched:
            counts |= _counts(examples, searched.transcripts, CER_BEAM, WER_BEAM)
            files[f"{data.name}.beam.hyp"] = lines_of(examples, [searched.transcripts[e.id] for e in examples]).encode()
        speakers, references = [e.utterance.speaker for e in examples], [e.reference for e in examples]
        items = Items(list(greedy), speakers, references, list(greedy.values()), counts)
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
    import numpy as np

    from ...score.wer import characters, count_errors, words

    for metric, cut in ((cer, characters), (wer, words)):
        errors = [count_errors(cut(e.reference), cut(transcripts[e.id])) for e in examples]
        yield metric.name, np.array([(e.edits, e.length) for e in errors], float)


def neighbours(
    order: list[int], seconds: Sequence[float], size: int, batches: int, rng: np.random.Generator
) -> list[int]:
    """`order` with neighbours in length brought together within every `batches` batches of `size`, batches shuffled."""
    window = batches * size
    windows = (order[start : start + window] for start in range(0, len(order), window))
    near = [i for chunk in windows for i in (sorted(chunk, key=lambda i: seconds[i]) if batches > 1 else chunk)]
    groups = [near[start : start + size] for start in range(0, len(near), size)]
    return [i for g in rng.permutation(len(groups)) for i in groups[g]]


TYPE = Ctc()
