"""Results: what whoever measures writes and whoever reports reads (core/schema.py takes them to JSON and back).

A run of tasks has `tasks.json`, their names in order, and a folder for each system: `row.json` is its System,
`cost.json` its Cost, `<task>.json` a TaskResult, `<task>.items.tsv` the items that the result was counted over. A run
layer by layer has `layers.json`, LayerResults. `pairs.json` is a list of Pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ROW, COST, LAYERS, PAIRS = "row.json", "cost.json", "layers.json", "pairs.json"
TASKS = "tasks.json"  # names of the tasks of a run, in the order of its config
ITEMS = ".items.tsv"  # after the name of the task
ABOUT = ("utterance", "speaker", "reference", "answer")  # columns of every table of items
OF = ".of"  # heading of a metric's second count, after that of its first
LEFT_OUT = "task left out"  # reason of a ledger's row that names a task, not an utterance
FAILED = "task failed"  # reason of a ledger's row that names `<row>/<task>`; its detail is the error
UNHEARD = "heard by no system"  # reason of a row of a test utterance that has no score; its detail is `set <name>`
ON_TEST = "on-test"  # protocol of a result whose rate or step was chosen on utterances that are scored
SIGNED = ("mean", "z")  # figures of a paired test that change sign when its systems change places


@dataclass(frozen=True)
class Metric:
    """A figure that can be compared.

    Attributes:
        name: e.g. "wer"; column of an items' table, and of loss.tsv.
        unit: e.g. "%", "nats", "fraction".
        better: "high" if a larger value is the better one, "low" if a smaller one is.
        title: heading in a table; empty: the name.
        statistic: what the items of a set are reduced to: "ratio" of the sums of two counts, "macro_f1" or
            "weighted_f1" of labels; "folds": the mean of the figures of folds, which items alone do not give.
        minor: true for a figure that the table of systems leaves to the details.
    """

    name: str
    unit: str
    better: Literal["high", "low"]
    title: str = ""
    statistic: Literal["ratio", "macro_f1", "weighted_f1", "folds"] = "ratio"
    minor: bool = False

    @property
    def heading(self) -> str:
        return self.title or self.name

    @property
    def sign(self) -> int:
        """1 if a larger value is better, -1 if a smaller one is."""
        return 1 if self.better == "high" else -1

    def improves(self, value: float, best: float | None) -> bool:
        """True if `value` is strictly better than `best`; None: nothing was measured before."""
        return best is None or (value > best if self.better == "high" else value < best)


@dataclass(frozen=True)
class Figure:
    """A measured value with its interval, in the unit of the metric.

    Attributes:
        low, high: ends of the interval at `confidence` percent; None where there is none.
        agreeing: true if all blocks score the same: a bootstrap sees no spread there, so the ends are a bound.
        n, unit_of_n: what was counted: 280 utterances, 34,835 frames.
        blocks, block_count: what the bootstrap draws: 8 of "speaker", or of "utterance".
        profile: normalisation of the texts; empty: none, or the task's own.
        group: part of the set that it is of, e.g. a dialect; empty: all of it.
    """

    metric: Metric
    value: float
    low: float | None
    high: float | None
    n: int
    unit_of_n: str
    blocks: str
    block_count: int
    confidence: float = 95.0
    agreeing: bool = False
    profile: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{self.metric.name}: low is above high")

    @property
    def has_interval(self) -> bool:
        return self.low is not None and self.high is not None


@dataclass(frozen=True)
class System:
    """A row of the table of systems.

    Attributes:
        name: its folder, and its key in every file.
        title: how a table calls it.
        arm: "trained"; "random": a network that nobody trained; "features": no network, such as filter banks.
        model: the network that it is, or whose shape it has; None for features.
        seed: of its training or its random weights; None: not known.
        share: of its training's steps, 1.0 for the end.
        frozen: false if it was trained together with each task's head.
        macs_products, macs_benchmark: multiply-accumulate operations over the 32 clips of the SUPERB leaderboard, by
            two conventions: products of matrices alone, and as the leaderboard counts; None: not counted.
    """

    name: str
    title: str
    arm: Literal["trained", "random", "features"]
    model: str | None = None
    seed: int | None = None
    share: float = 1.0
    frozen: bool = True
    parameters: int | None = None
    layers: int | None = None
    dim: int | None = None
    macs_products: int | None = None
    macs_benchmark: int | None = None

    @property
    def group(self) -> str:
        """Its model, else itself: a model, its random twin and its fine-tuned self stand together."""
        return self.model or self.name


@dataclass(frozen=True)
class Cost:
    """What a system costs, measured on one machine; None: not measured.

    Attributes:
        rtf: seconds of computing per second of audio.
        latency_ms: for a clip of `clip_seconds`.
        peak_mb: memory.
        seconds_of_audio: that `rtf` was measured on.
    """

    rtf: float | None
    latency_ms: float | None
    peak_mb: float | None
    device: str = ""
    threads: int | None = None
    seconds_of_audio: float | None = None
    clip_seconds: float | None = None


@dataclass(frozen=True)
class Confusion:
    """Answers by label: counts[label][answer]."""

    labels: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if {len(self.labels)} != {len(self.counts), *map(len, self.counts)}:
            raise ValueError(f"confusion: counts is not a square of the {len(self.labels)} labels")


@dataclass(frozen=True)
class Chosen:
    """What was chosen on dev.

    Attributes:
        lr: learning rate; None: nothing was trained.
        dev: learning rate -> figure on dev, of those that were tried; empty: there was one.
        diverged: learning rates that did not end well.
        layer_weights: share of each hidden state in the mix, from the input of the first block on; None: one state.
        settings: e.g. beam, weight of a language model.
    """

    lr: float | None = None
    dev: dict[str, float] = field(default_factory=dict)
    diverged: tuple[float, ...] = ()
    layer_weights: tuple[float, ...] | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        return max(1, len(self.dev) + len(self.diverged))


@dataclass(frozen=True)
class Fold:
    """A part of the data that was left out of training and tested on.

    Attributes:
        lr: learning rate that its dev set chose.
        value: deciding figure of the part alone.
    """

    left_out: str
    lr: float
    value: float | None = None


@dataclass(frozen=True)
class TaskResult:
    """A task as one system did it.

    Attributes:
        title: how a table calls the task.
        figures: the first decides; metrics of one task differ in name, profile or group.
        references: digest of the labels or texts of the items.
        conditions: the classes, the sets, the tokens: two results of which one differs are of two tasks.
        protocol: what may be chosen on what: "strict" chooses everything on dev.
        chance: the deciding figure of always giving the most frequent answer of training.
        steps: optimiser steps of each learning rate.
        states: hidden states that the head got, if not all of the run.
        folds: parts that were tested in turn, their answers scored as one set; empty: one test set.
    """

    system: str
    task: str
    title: str
    type: str
    figures: tuple[Figure, ...]
    references: str
    conditions: dict[str, Any] = field(default_factory=dict)
    protocol: str = "strict"
    chosen: Chosen = field(default_factory=Chosen)
    chance: float | None = None
    confusion: Confusion | None = None
    steps: int | None = None
    folds: tuple[Fold, ...] = ()
    states: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.figures:
            raise ValueError(f"{self.task}: a result without a figure")

    @property
    def decides(self) -> Figure:
        return self.figures[0]

    def figure(self, metric: str, profile: str = "", group: str = "") -> Figure | None:
        """The figure of that name, profile and group; None where it was not measured."""
        wanted = metric, profile, group
        return next((f for f in self.figures if (f.metric.name, f.profile, f.group) == wanted), None)


@dataclass(frozen=True)
class LayerFigures:
    """A task read off single hidden states: state 0 is the input of the first block.

    Attributes:
        test: figure of each state on the test set.
        dev: figure of each state on the dev set, by which one would be chosen.
    """

    task: str
    title: str
    test: dict[int, Figure]
    dev: dict[int, float]
    chance: float | None = None

    def __post_init__(self) -> None:
        if not self.test or self.test.keys() != self.dev.keys():
            raise ValueError(f"{self.task}: test and dev must have the same states, and at least one")

    @property
    def metric(self) -> Metric:
        return next(iter(self.test.values())).metric

    @property
    def best(self) -> int:
        """The state that dev chooses, the lowest of equals."""
        return min(self.dev, key=lambda layer: (-self.metric.sign * self.dev[layer], layer))


@dataclass(frozen=True)
class LayerResults:
    """A system, probed layer by layer."""

    system: System
    tasks: tuple[LayerFigures, ...]


@dataclass(frozen=True)
class Pair:
    """A paired test: what `system` has more than `against`, on the same items.

    Attributes:
        difference: system - against, in the unit of the metric; n is of the items that both have.
        p, p_holm: of the bootstrap, and corrected over the tasks; None where no p was computed.
        further: other tests, by name: {"mapsswe": {"segments": …, "p": …}}; "mean" and "z" are of system - against too.
    """

    task: str
    system: str
    against: str
    difference: Figure
    p: float | None = None
    p_holm: float | None = None
    further: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def outcome(self) -> Literal["ahead", "behind", "not told apart"]:
        """ "ahead" or "behind" where the interval of the difference lies on one side of 0."""
        low, high = self.difference.low, self.difference.high
        if low is None or high is None or low <= 0 <= high:
            return "not told apart"
        return "ahead" if low * self.difference.metric.sign > 0 else "behind"

    @property
    def turned(self) -> Pair:
        """The same test from the other side."""
        d = self.difference
        low, high = (None if end is None else -end for end in (d.high, d.low))
        difference = Figure(**{**vars(d), "value": -d.value, "low": low, "high": high})
        further = {
            test: {name: -value if name in SIGNED else value for name, value in of_test.items()}
            for test, of_test in self.further.items()
        }
        return Pair(self.task, self.against, self.system, difference, self.p, self.p_holm, further)


def percent(metric: Metric, ends: Mapping[str, Any], **about: Any) -> Figure:
    """A figure from {"percent", "low", "high"} and, where all blocks score the same, "agreeing"."""
    return Figure(metric, ends["percent"], ends["low"], ends["high"], agreeing=bool(ends.get("agreeing")), **about)
