"""What the scoring of a SUPERB run writes and the report reads: `superb.json`, a SuperbResult."""

from __future__ import annotations

from dataclasses import dataclass

SUPERB = "superb.json"


@dataclass(frozen=True)
class SuperbRow:
    """An encoder on the tasks of the benchmark.

    Attributes:
        system: a system of this run, or the name of a published row.
        values: measure -> its value as the benchmark prints it: percent, MTWV as a fraction.
        overall, generalizability: of a published row as printed; None for one that lacks a task of the benchmark.
        ranking: mean rank over the tasks among the rows that it stands with, 1 the best; None for a row that lacks one
            of their tasks.
        doubts: what does not agree within a published row, or cannot be.
        note: what else must be known of a published row.
        parameters, gmacs: millions of parameters, thousand millions of MACs: as published, or as the benchmark counts.
    """

    system: str
    values: dict[str, float]
    overall: float | None = None
    generalizability: float | None = None
    ranking: float | None = None
    doubts: tuple[str, ...] = ()
    note: str = ""
    parameters: float | None = None
    gmacs: float | None = None


@dataclass(frozen=True)
class SuperbResult:
    """The rows of this run, and published ones, which are ranked among themselves.

    Attributes:
        measures: of this run; published_measures: of the published rows. Both in the benchmark's order.
        protocol: how rates and checkpoints were chosen: "strict" on dev alone.
    """

    measures: tuple[str, ...]
    published_measures: tuple[str, ...]
    rows: tuple[SuperbRow, ...]
    published: tuple[SuperbRow, ...] = ()
    protocol: str = "strict"
