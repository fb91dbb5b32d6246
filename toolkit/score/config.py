"""Configs of the steps of this room. Imports neither torch nor scipy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..text.normalise import profile
from .categories import Thresholds
from .superb_scores import MEASURES


@dataclass(frozen=True)
class CompareConfig:
    """Seed of the comparison."""

    seed: int = 1
    "random seed of the bootstrap, 0 or more; another seed changes intervals and p-values slightly"

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")


@dataclass(frozen=True)
class PublishedRow:
    """A row of a published table."""

    values: dict[str, float]
    "measure of the benchmark: its value as printed, e.g. `PR: 5.41`"
    teacher: str = ""
    "row of the encoder that it was distilled from"
    overall: float | None = None
    "Overall as printed"
    generalizability: float | None = None
    "Generalizability as printed"
    parameters: float | None = None
    "millions of parameters"
    gmacs: float | None = None
    "multiply-accumulate operations over the benchmark's 32 clips, thousand millions"
    note: str = ""
    "what must be known of this row"


@dataclass(frozen=True)
class SuperbConfig:
    """Which tasks are those of the benchmark, and published rows."""

    measures: dict[str, str] = field(default_factory=dict)
    """measure of the benchmark (PR, ASR, KS, QbE, SID, ASV, SD, IC, SF F1, SF CER, ER, SE PESQ, SE STOI): the task of
    this run that it is, and its metric where that is not the one that decides, e.g. `ASR: asr wer`"""
    published: dict[str, PublishedRow] = field(default_factory=dict)
    "rows of published tables, by the name that tables show"
    banks: str = "FBANK"
    "published row of filter banks: a figure worse than theirs is told to be doubtful; empty: none"

    def __post_init__(self) -> None:
        named = {"measures": list(self.measures)}
        named |= {f"published.{name}": list(row.values) for name, row in self.published.items()}
        for place, names in named.items():
            if unknown := [name for name in names if name not in MEASURES]:
                raise ValueError(f"{place}: no measure {unknown[0]}; there are {', '.join(MEASURES)}")
        for name, row in self.published.items():
            if row.teacher and row.teacher not in self.published:
                raise ValueError(f"published.{name}.teacher: there is no row {row.teacher}")


@dataclass(frozen=True)
class ClaimConfig:
    """A direction that was published."""

    better: str = ""
    "way of this run that is said to be better: the name of its config, `both at 10 %`, or a teacher's row; empty: none"
    worse: str = ""
    "way of this run that is said to be worse"
    task: str = ""
    "task that it is said of; empty: the mean over all tasks"
    measure: Literal["figure", "until", "change", "rank"] = "figure"
    """what is compared; figure: the figures as they are; until: steps after which `better` is as good as `worse` is at
    `at` % of its steps; change: what is gained from there to the end; rank: the mean rank over all tasks"""
    at: float = 50.0
    "for until and change: percent of the steps"
    printed: str = ""
    "figures that say so, as printed"
    note: str = ""
    "what else must be known of it"

    def __post_init__(self) -> None:
        if bool(self.better) != bool(self.worse):
            raise ValueError("claims: name both `better` and `worse`, or neither")
        if not 0 < self.at < 100:
            raise ValueError(f"claims: at {self.at:g} is not between 0 and 100")


@dataclass(frozen=True)
class WaysConfig:
    """Directions that were published, and the seed of the comparison."""

    claims: dict[str, ClaimConfig] = field(default_factory=dict)
    "what was published, in a few words: which way is said to be better than which"
    paired: bool = False
    """how a claim takes seeds into account; false: variance of single figures, pooled over all ways; true: differences
    of the two ways' systems of one seed, and no verdict with one seed"""
    seed: int = 1
    "random seed of the bootstrap, 0 or more; another seed changes intervals slightly"

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")


@dataclass(frozen=True)
class InspectConfig:
    """Utterances on the page of alignments, and thresholds of the error categories."""

    worst: int = 100
    "number of utterances with the most edits on the page, 0 to 5000"
    drawn: int = 100
    "number of other utterances on the page, drawn by seed, 0 to 5000"
    seed: int = 1
    "random seed that draws the other utterances"
    rules: Thresholds = field(default_factory=Thresholds)
    "where the rules draw their lines"

    def __post_init__(self) -> None:
        for name in ("worst", "drawn"):
            if not 0 <= getattr(self, name) <= 5000:
                raise ValueError(f"{name} must be 0 to 5000, not {getattr(self, name)}")


@dataclass(frozen=True)
class SystemsConfig:
    """How systems are scored and compared."""

    profiles: tuple[str, ...] = ("orthographic", "sawt")
    "text normalisations; each gives a WER of its own; `to-distill` is the paper's"
    reference: str = "teacher"
    "name of the system that every other system is compared with in paired tests and in agreement, usually the teacher"
    floor: str = ""
    """name of the undistilled student; each student's share of the gap from it to `reference` is reported; empty: no
    shares"""
    aside: tuple[str, ...] = ()
    "systems without a share of the gap, e.g. the unadapted teacher"
    pairs: dict[str, str] = field(default_factory=dict)
    """more paired tests, system: systems to compare it with, separated by spaces, e.g. `filtered: unfiltered truth`.
    Here and in `floor`, if systems are called A.filtered, B.filtered, ..., `filtered` means each of them, compared
    within A, within B, ..."""
    order: tuple[str, ...] = ()
    """order of the systems in tables; systems not named follow in the order of the inputs; names without a system are
    ignored"""
    min_speakers: int = 5
    """smallest number of speakers in a set for resampling speakers in the bootstrap; sets with fewer resample
    utterances; at least 2"""
    missing: Literal["refuse", "empty"] = "refuse"
    """utterance without a hypothesis of one system, but with one of another; refuse: stop with an error; empty: count
    all its words as deletions"""
    category_profile: str = "sawt"
    "text normalisation under which errors are sorted into categories"
    rules: Thresholds = field(default_factory=Thresholds)
    "where the rules of the categories draw their lines"
    examples: int = 3
    "number of utterances per set, drawn by seed, whose texts the report shows"
    worst: int = 20
    "number of utterances with the most edits on each page of alignments, 0 to 5000"
    drawn: int = 20
    "number of other utterances, drawn by seed, on each page of alignments, 0 to 5000"
    seed: int = 1
    "random seed of the bootstrap and of the drawn utterances, 0 or more"

    def __post_init__(self) -> None:
        if not self.profiles:
            raise ValueError("profiles must name at least one")
        for name in (*self.profiles, self.category_profile):
            profile(name)
        for name in ("examples", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        if self.min_speakers < 2:
            raise ValueError(f"min_speakers must be at least 2, not {self.min_speakers}: one block has no spread")
        self.pages()

    def pages(self) -> InspectConfig:
        return InspectConfig(self.worst, self.drawn, self.seed, self.rules)


@dataclass(frozen=True)
class AnswersConfig:
    """How answers of audio LLMs are scored."""

    profiles: tuple[str, ...] = ("sawt", "orthographic")
    """text normalisations; the first is that of the deciding WER, of ROUGE and of chrF; each further one gives a WER
    and a CER of its own"""
    min_speakers: int = 5
    """smallest number of speakers for resampling speakers in the bootstrap; sets with fewer resample items; at least
    2"""
    seed: int = 1
    "random seed of the bootstrap, 0 or more"

    def __post_init__(self) -> None:
        if not self.profiles:
            raise ValueError("profiles must name at least one")
        for name in self.profiles:
            profile(name)
        if self.min_speakers < 2 or self.seed < 0:
            raise ValueError("min_speakers must be at least 2, and seed at least 0")
