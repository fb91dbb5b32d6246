"""Task type `phones`: the phones that were said, in order, by CTC: Linear, Linear, phones; PER, greedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...core.results import Metric
from ..base import Example, Fitted, Scores, TaskData
from ..spelt import SpeltType, counted, items_of
from ..task_config import TaskConfig

if TYPE_CHECKING:
    import torch

    from ...data.kaldi import DataDir
    from ...models.heads import Head, LayerMix
    from ...text.tokens import Tokens
    from ..base import Prediction

TIMES = ".ctm"  # such a table has times: `utterance 1 start duration phone`


@dataclass(frozen=True)
class PhonesTask(TaskConfig):
    """`label` names a table with the phones of each utterance, parted by spaces, or a .ctm with their times."""

    TABLE: ClassVar[str] = "phones.ctm"
    LARGEST: ClassVar[dict[str, int]] = {**TaskConfig.LARGEST, "hidden": 65536}

    hidden: int = 256
    "width of the projection"
    stride: int = 1
    "frames that the projection sees side by side as one step: 2 halves its time, and spells half as many phones"
    mean: Literal["tokens", "utterances"] = "tokens"
    "what counts alike in the loss: tokens, so that long utterances weigh more, or utterances, as in SUPERB"
    sorted_batches: int = 8
    "how many batches are sorted by length together; a larger value is faster and learns a little less; 1: random order"

    def __post_init__(self) -> None:
        self.check_least("hidden", "stride", "sorted_batches")
        super().__post_init__()


class Phones(SpeltType):
    """Phone recognition as SUPERB does it: linear heads, no language model."""

    config = PhonesTask
    metric = Metric("per", "%", "low", "PER")

    def labels(self, config: PhonesTask, data: DataDir) -> Mapping[str, Any]:
        from ...units.phones import phones_of

        if not config.table.endswith(TIMES):
            return data.tables.get(config.table, {})
        spans, _ = phones_of(data, config.table)
        return {id: " ".join(phone for *_, phone in of_utterance) for id, of_utterance in spans.items()}

    def doubts(self, config: PhonesTask, data: DataDir) -> list[str]:
        from ...units.phones import phones_of

        return phones_of(data, config.table)[1] if config.table.endswith(TIMES) else []

    def names(self, label: Any) -> Iterable[str]:
        return str(label).split()

    def text(self, label: Any, config: PhonesTask) -> str:
        return " ".join(phone for phone in str(label).split() if phone not in config.exclude)

    def tokens(self, name: str, config: PhonesTask, texts: tuple[str, ...]) -> Tokens:
        from ...text.tokens import Words

        return Words(texts, "phones")

    def head(self, data: TaskData, mix: LayerMix, generator: torch.Generator) -> Head:
        from ...models.heads import CTCHead

        return CTCHead(mix, data.config.hidden, 0, data.classes, 0.0, data.config.stride, generator)

    def figure(self, data: TaskData, examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> float:
        edits, length = counted(examples, {id: str(p) for id, p in predictions.items()}, str.split).sum(0)
        return float(100 * edits / length)

    def score(self, data: Any, fitted: Fitted, by_speaker: bool, seed: int) -> Scores:
        from ...score.items import figure

        examples = data.parts["test"]
        answers = {e.id: str(fitted.predictions[e.id]) for e in examples}
        items = items_of(examples, answers, {self.metric.name: counted(examples, answers, str.split)})
        return Scores(
            (figure(self.metric, items, (), by_speaker, seed),),
            items,
            conditions={"tokens": data.tokens.name},
            files=data.tokens.files(data.name),
        )


TYPE = Phones()
