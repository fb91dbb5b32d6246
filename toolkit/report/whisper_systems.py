"""systems.json and cost.json, which score.systems leaves, as the report asks them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.results import Figure, Pair
from ..core.schema import read, read_list
from ..core.systems_results import (
    AGREEMENT,
    CER,
    COSTS,
    GAP_CLOSED,
    MAPSSWE,
    WER,
    Categories,
    SystemCost,
    SystemsResult,
)
from ..core.systems_results import MACRO as MEAN
from ..core.systems_results import SYSTEMS as SYSTEMS
from .resultfile import broken
from .tables import Estimate, listed

ALL, MACRO, DIALECTS = "all sets", "macro over sets", "macro over dialects"
COUNTED = ("repeating", "empty", "cut_off")  # hypotheses that repeat themselves, are empty, end at the limit of tokens
Key = tuple[str, ...]


@dataclass(frozen=True)
class System:
    """One row of the tables. `random_weights`: whether nobody ever trained it, as its hypotheses say."""

    name: str
    model: str
    parameters: int
    random_weights: bool = False


@dataclass(frozen=True)
class TestSet:
    """A set that systems were tried on: `blocks` is what the bootstrap drew, `dialects` counts utterances."""

    __test__ = False  # pytest: no tests in here

    name: str
    utterances: int
    blocks: str
    dialects: dict[str, int]


@dataclass(frozen=True)
class Contest:
    """A paired test: `difference` is system − other in points of WER.

    Attributes:
        p, p_holm: of the bootstrap; segments_p, segments_p_holm: of MAPSSWE; both corrected over the sets.
        segments: that MAPSSWE had.
    """

    system: str
    other: str
    set: str
    profile: str
    difference: Estimate
    p: float
    p_holm: float
    segments: int
    segments_p: float
    segments_p_holm: float


@dataclass(frozen=True)
class Cost:
    """What a system took for a set, as measured: real-time factor, peak memory, where; None where it does not say."""

    rtf: float | None
    memory_mb: float | None
    machine: str


@dataclass(frozen=True)
class Gap:
    """Share of the gap that a system closes, in percent; None with the reason."""

    share: Estimate | None
    why: str


@dataclass(frozen=True)
class Scores:
    """Everything of a folder of score.systems. Keys are (system, set, profile) or beginnings of that.

    Attributes:
        floors: system -> the undistilled student that it began as.
        profiles: ids; the last one is what sentences and pictures speak of.
        rates: (system, set, dialect or "", profile, WER or CER) -> percent, also for ALL and MACRO.
        agreement: (system, set, profile) -> percent.
        categories: (system, set) -> category -> (count, percent); beside them COUNTED.
    """

    reference: str
    floors: dict[str, str]
    aside: list[str]
    profiles: list[str]
    replicates: int
    confidence: float
    category_profile: str
    category_names: list[str]
    systems: list[System]
    sets: list[TestSet]
    rates: dict[Key, Estimate]
    agreement: dict[Key, Estimate]
    contests: list[Contest]
    gaps: dict[Key, Gap]
    categories: dict[Key, dict[str, tuple[int, float]]]
    examples: list[dict[str, Any]]
    lacking: list[Key]
    costs: dict[Key, Cost] = field(default_factory=dict)

    @property
    def profile(self) -> str:
        return self.profiles[-1]

    @property
    def students(self) -> list[System]:
        """Systems that were distilled: neither the reference nor a floor, nor set aside."""
        others = {self.reference, *self.floors.values(), *self.aside}
        return [s for s in self.systems if s.name not in others]

    @property
    def floor(self) -> str:
        """The undistilled students, in words; empty where there is none."""
        return listed(dict.fromkeys(self.floors.values()))

    def rate(self, system: str, where: str, measure: str = "WER", dialect: str = "") -> Estimate | None:
        """In the profile that the report speaks of."""
        return self.rates.get((system, where, dialect, self.profile, measure))

    def contest(self, system: str, other: str, where: str, profile: str) -> Contest | None:
        wanted = (system, other, where, profile)
        return next((c for c in self.contests if (c.system, c.other, c.set, c.profile) == wanted), None)


def read_scores(folder: Path) -> Scores:
    """Scores of a folder with systems.json; cost.json may be missing. Raises UserError for a broken file."""
    whole = read(SystemsResult, folder / SYSTEMS, broken)
    titles = {test.name: {"all": ALL, "macro": MACRO}.get(test.kind, test.name) for test in whole.tests}
    figures = [(r.system, titles.get(r.task, r.task), f) for r in whole.results for f in r.figures]
    return Scores(
        reference=whole.reference,
        floors=whole.floors,
        aside=list(whole.aside),
        profiles=list(whole.profiles),
        replicates=whole.replicates,
        confidence=whole.confidence,
        category_profile=whole.category_profile,
        category_names=list(whole.category_names),
        systems=[System(s.name, s.model or "", s.parameters or 0, s.arm == "random") for s in whole.systems],
        sets=[TestSet(t.name, t.utterances, t.blocks, t.dialects) for t in whole.tests if t.kind == "set"],
        rates={
            (system, where, DIALECTS if f.group == MEAN else f.group, f.profile, f.metric.heading): _estimate(f)
            for system, where, f in figures
            if f.metric.name in (WER.name, CER.name)
        },
        agreement={
            (system, where, f.profile): _estimate(f) for system, where, f in figures if f.metric.name == AGREEMENT.name
        },
        contests=[_contest(pair, folder / SYSTEMS) for pair in whole.pairs],
        gaps={
            **{
                (system, where, f.profile): Gap(_estimate(f), "")
                for system, where, f in figures
                if f.metric.name == GAP_CLOSED.name
            },
            **{(u.system, titles.get(u.task, u.task), u.profile): Gap(None, u.why) for u in whole.unmeasured},
        },
        categories={(c.system, c.task): _categories(c) for c in whole.categories},
        examples=[{"set": e.task, **{k: v for k, v in vars(e).items() if k != "task"}} for e in whole.examples],
        lacking=[(entry.system, entry.task) for entry in whole.lacking],
        costs=_costs(folder),
    )


def _estimate(figure: Figure) -> Estimate:
    return Estimate(figure.value, figure.low, figure.high, agreeing=figure.agreeing)


def _contest(pair: Pair, path: Path) -> Contest:
    test, difference = pair.further.get(MAPSSWE, {}), pair.difference
    if pair.p is None or pair.p_holm is None or not {"segments", "p", "p_holm"} <= test.keys():
        raise broken(path, f"the pair of {pair.system} and {pair.other} on {pair.task} lacks one of its tests")
    ends = Estimate(difference.value, difference.low, difference.high)
    about = pair.system, pair.other, pair.task, difference.profile
    return Contest(*about, ends, pair.p, pair.p_holm, int(test["segments"]), test["p"], test["p_holm"])


def _categories(counted: Categories) -> dict[str, tuple[int, float]]:
    utterances = max(1, counted.utterances)
    shares = {name: (share.count, share.percent) for name, share in counted.whole.categories.items()}
    counts = {name: getattr(counted, name) for name in COUNTED}
    return shares | {name: (count, 100 * count / utterances) for name, count in counts.items()}


def _costs(folder: Path) -> dict[Key, Cost]:
    if not (folder / COSTS).is_file():
        return {}
    costs: dict[Key, Cost] = {}
    for row in read_list(SystemCost, folder / COSTS, broken):
        device, threads = row.cost.device, row.cost.threads
        machine = ", ".join(filter(None, [device, f"{threads} thread{'s' * (threads != 1)}" if threads else ""]))
        costs[row.system, row.task] = Cost(row.cost.rtf, row.cost.peak_mb, machine)
    return costs
