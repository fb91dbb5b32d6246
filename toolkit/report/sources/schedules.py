"""schedule.json and loss.tsv, which train.instruct leaves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...core.schedule_results import SCHEDULE, ScheduleResult
from ...core.schema import read
from .resultfile import broken
from .training import LOSS, read_curves

_SEED = re.compile(r"s\d+")
_OF_SEED = re.compile(r"\.s\d+(?=\.|$)")  # in names of rows
Curve = tuple[list[float], list[float]]


@dataclass(frozen=True)
class ScheduledRun:
    """A training by a schedule.

    Attributes:
        name: as its row of tables is called: exp/ads/s1 -> ads.s1, exp/base -> base.
        curves: (steps, values) of each column of loss.tsv.
    """

    name: str
    result: ScheduleResult
    curves: dict[str, Curve]

    @property
    def arm(self) -> str:
        """The name without its seed: ads of ads.s1, single.asr of single.s1.asr."""
        return _OF_SEED.sub("", self.name)


def read_schedule(folder: Path) -> ScheduledRun | None:
    """None for a training without a schedule. Raises UserError for a broken file."""
    if not (folder / SCHEDULE).is_file():
        return None
    result = read(ScheduleResult, folder / SCHEDULE, broken)
    return ScheduledRun(_name(folder), result, read_curves(folder / LOSS)[0])


def _name(folder: Path) -> str:
    """exp/ads/s1 -> ads.s1, exp/single/s1/asr -> single.s1.asr, exp/base -> base."""
    *_, above, parent, own = ("", *folder.absolute().parts)
    if _SEED.fullmatch(own):
        return f"{parent}.{own}"
    return f"{above}.{parent}.{own}" if _SEED.fullmatch(parent) else own
