"""Disk of scores, for --plan."""

from __future__ import annotations

from ..core.plan import Disk, Planned

SET_MB = 0.15  # of a system on a set: items, replicates of its intervals, the page of its worst utterances


def systems_disk(planned: Planned) -> Disk:
    """Disk of score.systems, whose inputs are test sets and what each system wrote for them."""
    return Disk(SET_MB * len(planned.ins), by_audio=False)
