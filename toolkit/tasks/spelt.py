"""What task types that spell by CTC (Graves et al., 2006) have in common: tokens, order of batches, greedy answers.

Shapes: N utterances.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .base import Collected, Example, Notes, TaskData, TaskType

if TYPE_CHECKING:
    import numpy as np

    from ..data.kaldi import Utterance
    from ..models.heads import Head
    from ..score.items import Items
    from ..text.tokens import Tokens
    from ..train.engine.objective import Batch
    from ..train.objectives.classify import Features, ProbeObjective
    from .base import Array, Prediction


@dataclass(frozen=True)
class Spelling(TaskData):
    """Transcripts, and the tokens that the head spells with."""

    tokens: Tokens


class SpeltType(TaskType):
    """A task type whose head spells. Its config has `stride`, `sorted_batches` and `mean`."""

    def text(self, label: Any, config: Any) -> str:
        """What the head learns to spell and is scored against, of a raw label."""
        raise NotImplementedError

    def tokens(self, name: str, config: Any, texts: tuple[str, ...]) -> Tokens:
        """What the head of task `name` spells with, from the texts of training."""
        raise NotImplementedError

    def read(self, name: str, config: Any, collected: Collected, rate: float, notes: Notes) -> Spelling:
        texts = {
            part: [(utterance, u, frames, self.text(label, config)) for utterance, u, frames, label in rows]
            for part, rows in collected.items()
        }
        tokens = self.tokens(name, config, tuple(text for *_, text in texts["train"]))
        parts = {part: spellable(name, config, part, rows, tokens, notes) for part, rows in texts.items()}
        return Spelling(name, config, parts, [], len(tokens), tokens)

    def objective(self, data: TaskData, features: Features, head: Head, feature_lr: float) -> ProbeObjective:
        from ..train.objectives.ctc import CTC

        return CTC(features, head, feature_lr, data.config.mean == "utterances")

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


def spellable(
    name: str, config: Any, part: str, rows: Sequence[tuple[Utterance, int, int, str]], tokens: Tokens, notes: Notes
) -> list[Example]:
    """The examples of a part whose text the head can spell. `notes` say what is left out.

    Args:
        rows: (utterance, its number among the set's features, frames, text).
    """
    import numpy as np

    from ..models.heads import shortened
    from ..train.objectives.ctc import frames_needed

    examples = []
    for utterance, u, frames, text in rows:
        known = tokens.known(text)
        unseen = tokens.size(text) - tokens.size(known)
        notes.count(f"{name}.{part}.{tokens.piece} unseen in training", unseen)
        target = np.array(tokens.encode(known), np.int64)
        if not text:
            detail = f"task {name}: nothing left of its transcript"
            notes.ledger.drop(utterance.id, f"no {config.table}", detail)
        elif part == "train" and frames_needed(target.tolist()) > shortened(frames, config.stride):
            detail = f"task {name}: {frames} frames, stride {config.stride}, for {len(target)} {tokens.unit}"
            notes.ledger.drop(utterance.id, "too short for its transcript", detail)
        else:
            examples.append(Example(utterance, u, target, text))
    return examples


def items_of(examples: Sequence[Example], answers: Mapping[str, str], counts: dict[str, Array]) -> Items:
    """The examples and what was spelt, as items with their counts."""
    from ..score.items import Items

    ids, speakers = [e.id for e in examples], [e.utterance.speaker for e in examples]
    return Items(ids, speakers, [e.reference for e in examples], [answers[id] for id in ids], counts)


def counted(examples: Sequence[Example], answers: Mapping[str, str], cut: Callable[[str], list[str]]) -> Array:
    """Edits and length [N, 2] of every example, of the pieces that `cut` makes of a text."""
    import numpy as np

    from ..score.wer import count_errors

    errors = [count_errors(cut(e.reference), cut(answers[e.id])) for e in examples]
    return np.array([(e.edits, e.length) for e in errors], float)


def neighbours(
    order: list[int], seconds: Sequence[float], size: int, batches: int, rng: np.random.Generator
) -> list[int]:
    """`order` with neighbours in length brought together within every `batches` batches of `size`, batches shuffled."""
    window = batches * size
    windows = (order[start : start + window] for start in range(0, len(order), window))
    near = [i for chunk in windows for i in (sorted(chunk, key=lambda i: seconds[i]) if batches > 1 else chunk)]
    groups = [near[start : start + size] for start in range(0, len(near), size)]
    return [i for g in rng.permutation(len(groups)) for i in groups[g]]
