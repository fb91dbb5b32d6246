"""Train, dev and test of our own, for corpora that have none: no speaker (or programme) is in two of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.step import Step
from ..split import odd_parts, shares_of, split_groups
from .segments import CorpusSegment, Published, Take


@dataclass(frozen=True)
class OwnSplitConfig:
    """How a corpus without official sets is split."""

    shares: tuple[str, ...] = ("train=0.7", "dev=0.1", "test=0.2")
    """sets to write and the share of the audio that each gets; no speaker (ANAD: no programme) is in two sets"""
    seed: int = 1
    """random seed of the split; another seed puts other speakers into the sets"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        shares_of(self.shares)


def sets_of(corpus: str, groups: Mapping[str, str], sizes: Mapping[str, int], config: OwnSplitConfig) -> dict[str, str]:
    """Group (a speaker, a programme) -> `<corpus>_<part>`. File sizes stand for seconds: no header is opened.

    Args:
        groups: file -> its group; sizes: file -> bytes.

    Raises UserError if there are fewer groups than parts.
    """
    weights: dict[str, float] = {}
    for file, group in groups.items():
        weights[group] = weights.get(group, 0.0) + sizes[file] + 1
    parts = split_groups(weights, shares_of(config.shares), config.seed)
    return {group: f"{corpus}_{part}" for group, part in parts.items()}


def tell(step: Step[Any], corpus: str, segments: Sequence[CorpusSegment], published: Published, group: str) -> None:
    """Print the corpus's counts against the published ones, odd sets, and sets that lack an emotion.

    Args:
        group: attribute of a segment that is in one set only: speaker or programme.
    """
    config: OwnSplitConfig = step.config
    shares = {f"{corpus}_{part}": share for part, share in shares_of(config.shares).items()}
    counts = {"utterances": len(segments), "speakers": len({s.speaker for s in segments})}
    for unit, got in counts.items():
        wanted = getattr(published, unit)
        if wanted is not None:
            step.counts[f"{unit}_published"] = wanted
            verdict = "as published" if got == wanted else f"against {wanted:,} published"
            print(f"{'' if got == wanted else 'WARNING: '}{corpus}: {got:,} {unit} in all, {verdict}")
    rows = {name: [(getattr(s, group), s.seconds) for s in segments if s.set == name] for name in shares}
    if math.fsum(seconds for part in rows.values() for _, seconds in part):
        for line in odd_parts(rows, shares):
            print(line.replace("speakers", f"{group}s") if group != "speaker" else line)
    emotions = {s.emotion for s in segments}
    for name in shares:
        if lacking := emotions - {s.emotion for s in segments if s.set == name}:
            print(f"WARNING: {name} has no {', '.join(sorted(lacking))}: too few {group}s for its share")
