"""What score.systems writes and the report reads: recognisers on test sets, in systems.json and cost.json.

A test set is a task. `systems.json` is a SystemsResult, `cost.json` a list of SystemCost, and
`<system>/<set>.items.tsv` the utterances that a result was counted over. Two tasks span all test sets: ALL is all
utterances as one set, MACRO is the unweighted mean of the sets' figures. MACRO is also the group of a figure that is
the unweighted mean over the dialects of a set. No set and no dialect can have one of these names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .results import Cost, Metric, Pair, System, TaskResult

SYSTEMS, COSTS = "systems.json", "cost.json"
ALL, MACRO = "*all", "*macro"
NOT_KNOWN = "unknown"  # in the place of a dialect: utterances of which nobody says it; in no mean over dialects
WER, CER = Metric("wer", "%", "low", "WER"), Metric("cer", "%", "low", "CER", minor=True)
AGREEMENT = Metric(
    "agreement", "%", "high", "Agreement", minor=True
)  # 100 - WER against the reference system's words; may be < 0
GAP_CLOSED = Metric(
    "gap_closed", "%", "high", "Gap closed", minor=True
)  # 0: as the floor, 100: as the reference system
MAPSSWE = "mapsswe"  # in Pair.further: segments, mean, deviation, z, p, p_holm


@dataclass(frozen=True)
class TestSet:
    """A task of the table of systems.

    Attributes:
        name: the task of its results.
        title: how a table calls it.
        kind: "set": one test set; "all": all of them as one; "macro": their mean.
        blocks: what the bootstrap draws: "speaker", "utterance", or "speaker or utterance" where sets differ.
        speakers: how many; None where the bootstrap draws utterances.
        dialects: dialect -> utterances; empty for a set of one dialect.
    """

    __test__ = False  # pytest: no tests in here

    name: str
    title: str
    kind: Literal["set", "all", "macro"]
    utterances: int
    blocks: str
    speakers: int | None = None
    dialects: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Recogniser:
    """The network of a system and how it decoded.

    Attributes:
        model_hash: of its weights.
        settings: set -> hash of the settings that it was decoded with.
    """

    system: str
    model_hash: str
    settings: dict[str, str]


@dataclass(frozen=True)
class EditCounts:
    """The edits behind a figure, summed over the utterances.

    Attributes:
        length: words of the references for WER, characters for CER.
        mean_of_utterances: mean of the utterances' own rates in percent; None where no reference has a word.
    """

    system: str
    task: str
    metric: str
    profile: str
    group: str
    substitutions: int
    deletions: int
    insertions: int
    length: int
    mean_of_utterances: float | None


@dataclass(frozen=True)
class Unmeasured:
    """Why a system has no figure of a metric on a task."""

    system: str
    task: str
    metric: str
    profile: str
    why: str


@dataclass(frozen=True)
class Share:
    """So many utterances, and their percentage."""

    count: int
    percent: float


@dataclass(frozen=True)
class CategoryCounts:
    """Utterances by category of error.

    Attributes:
        judged_for_dialect: utterances whose dialect the rules could judge.
        words: of the references; edits: of the hypotheses against them.
        wer_percent: None where the references have no word.
        categories: category -> its share of the utterances.
    """

    utterances: int
    empty_references: int
    empty_hypotheses: int
    judged_for_dialect: int
    words: int
    edits: int
    wer_percent: float | None
    categories: dict[str, Share]


@dataclass(frozen=True)
class Categories:
    """What a system got wrong on a set.

    Attributes:
        whole: of all utterances.
        groups: of each dialect.
        macro_percent: category -> unweighted mean of the known dialects' percentages; empty if none is known.
        repeating: hypotheses that repeat themselves, whatever the reference says.
        empty: empty hypotheses.
        cut_off: hypotheses that end at the limit of tokens.
    """

    system: str
    task: str
    whole: CategoryCounts
    groups: dict[str, CategoryCounts]
    macro_percent: dict[str, float]
    repeating: int
    empty: int
    cut_off: int
    utterances: int


@dataclass(frozen=True)
class Example:
    """An utterance drawn by seed: its texts, as they are in the files. `hypotheses`: system -> text."""

    task: str
    id: str
    dialect: str
    reference: str
    hypotheses: dict[str, str]


@dataclass(frozen=True)
class SetFinding:
    """Utterances that are not as expected: how many, and the ids of the first ones."""

    system: str
    task: str
    finding: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Lacking:
    """A set that a system did not transcribe."""

    system: str
    task: str


@dataclass(frozen=True)
class SystemCost:
    """What a system took to decode a set, on one machine."""

    system: str
    task: str
    decode_seconds: float
    cost: Cost


@dataclass(frozen=True)
class SystemsResult:
    """Systems on test sets.

    Attributes:
        reference: the system that all are compared with, e.g. the teacher.
        floors: system -> the undistilled student that it began as.
        aside: systems that are no students and have no share of a gap, e.g. the unadapted teacher.
        profiles: normalisations of the texts, by id; the last one decides and is the one of the items' tables.
        rules: thresholds of the categories.
        systems, tests: in the order in which they are shown.
        results: of each system on each task. Figures: WER and CER of every profile, also by dialect (Figure.group);
            AGREEMENT with the reference system; GAP_CLOSED between floor and reference system.
            Of a macro mean, n counts its parts ("sets", "dialects") and block_count is of the part with the fewest.
        counts: edits of the figures of WER and CER that are no macro means.
        pairs: paired tests by WER, a profile (difference.profile) at a time: system - other.
        unmeasured: why there is no share of a gap.
    """

    reference: str
    floors: dict[str, str]
    aside: tuple[str, ...]
    profiles: tuple[str, ...]
    replicates: int
    confidence: float
    seed: int
    category_profile: str
    category_names: tuple[str, ...]
    rules: dict[str, Any]
    systems: tuple[System, ...]
    recognisers: tuple[Recogniser, ...]
    tests: tuple[TestSet, ...]
    results: tuple[TaskResult, ...]
    counts: tuple[EditCounts, ...]
    pairs: tuple[Pair, ...]
    unmeasured: tuple[Unmeasured, ...]
    categories: tuple[Categories, ...]
    examples: tuple[Example, ...]
    findings: tuple[SetFinding, ...]
    lacking: tuple[Lacking, ...]

    @property
    def profile(self) -> str:
        """The normalisation that decides."""
        return self.profiles[-1]

    def result(self, system: str, task: str) -> TaskResult | None:
        """None where the system has no figure of the task."""
        return next((r for r in self.results if (r.system, r.task) == (system, task)), None)

    def pair(self, system: str, against: str, task: str, profile: str) -> Pair | None:
        """None where the two were not compared on the task."""
        wanted = system, against, task, profile
        return next((p for p in self.pairs if (p.system, p.against, p.task, p.difference.profile) == wanted), None)
