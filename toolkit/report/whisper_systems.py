"""systems.json and cost.json, which score.systems leaves, as the report asks them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .resultfile import ResultFile
from .tables import Estimate, listed

SYSTEMS, COST = "systems.json", "cost.json"
ALL, MACRO = "all sets", "macro over sets"
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
    whole = ResultFile.read(folder / SYSTEMS)
    rates: dict[Key, Estimate] = {
        (line.text("system"), line.text("set"), str(line.tree.get("dialect") or ""), profile, line.text("measure")): e
        for line in whole.sections("lines")
        for profile, e in _estimates(line)
    }
    alike: dict[Key, Estimate] = {
        (line.text("system"), line.text("set"), profile): e
        for line in whole.sections("agreement")
        for profile, e in _estimates(line)
    }
    return Scores(
        reference=whole.text("reference"),
        floors={system: whole.section("floors").text(system) for system in whole.section("floors").tree},
        aside=[str(name) for name in whole.listed("aside")],
        profiles=[str(name) for name in whole.listed("profiles")],
        replicates=whole.whole("replicates"),
        confidence=whole.number("confidence"),
        category_profile=whole.text("category_profile"),
        category_names=[str(name) for name in whole.listed("category_names")],
        systems=[
            System(s.text("system"), s.text("model"), s.whole("parameters"), s.tree.get("random_weights") is True)
            for s in whole.sections("systems")
        ],
        sets=[_set(s) for s in whole.sections("sets")],
        rates=rates,
        agreement=alike,
        contests=[_contest(c) for c in whole.sections("pairs")],
        gaps={
            (g.text("system"), g.text("set"), g.text("profile")): Gap(_estimate(g), g.text("why"))
            for g in whole.sections("gaps")
        },
        categories={(c.text("system"), c.text("set")): _categories(c) for c in whole.sections("categories")},
        examples=[dict(e.tree) for e in whole.sections("examples")],
        lacking=[tuple(map(str, pair)) for pair in whole.listed("lacking")],
        costs=_costs(folder),
    )


def _set(said: ResultFile) -> TestSet:
    dialects = said.section("dialects")
    counts = {dialect: dialects.whole(dialect) for dialect in dialects.tree}
    return TestSet(said.text("set"), said.whole("utterances"), said.text("blocks"), counts)


def _estimates(line: ResultFile) -> list[tuple[str, Estimate]]:
    scores = line.section("scores")
    found = [(profile, _estimate(scores.section(profile))) for profile in scores.tree]
    return [(profile, e) for profile, e in found if e is not None]


def _estimate(said: ResultFile) -> Estimate | None:
    """None where there is no figure."""
    value = said.maybe("percent")
    agreeing = said.tree.get("agreeing") is True
    return None if value is None else Estimate(value, said.maybe("low"), said.maybe("high"), agreeing=agreeing)


def _contest(said: ResultFile) -> Contest:
    boot, segments = said.section("bootstrap"), said.section("mapsswe")
    return Contest(
        said.text("system"),
        said.text("other"),
        said.text("set"),
        said.text("profile"),
        Estimate(boot.number("percent"), boot.maybe("low"), boot.maybe("high")),
        boot.number("p"),
        boot.number("p_holm"),
        segments.whole("segments"),
        segments.number("p"),
        segments.number("p_holm"),
    )


def _categories(said: ResultFile) -> dict[str, tuple[int, float]]:
    utterances = max(1, said.whole("utterances"))
    of = said.section("micro").section("categories")
    found = {name: (of.section(name).whole("count"), of.section(name).number("percent")) for name in of.tree}
    return found | {name: (said.whole(name), 100 * said.whole(name) / utterances) for name in COUNTED}


def _costs(folder: Path) -> dict[Key, Cost]:
    if not (folder / COST).is_file():
        return {}
    found: dict[Key, Cost] = {}
    for row in ResultFile.read_list(folder / COST):
        device, threads = row.tree.get("device"), row.maybe("threads")
        words = [str(device or ""), f"{threads:g} thread{'s' * (threads != 1)}" if threads else ""]
        machine = ", ".join(filter(None, words))
        found[row.text("system"), row.text("set")] = Cost(row.maybe("rtf"), row.maybe("peak_memory_mb"), machine)
    return found
