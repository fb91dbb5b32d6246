"""Which utterances of a set a run trains on by choice: groups left out, and a stated number of hours.

What is left out here is counted and not listed: nothing is wrong with it, and it may be millions of utterances.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..core.errors import UserError
from ..core.seed import seed_of
from ..data.kaldi import UNKNOWN, DataDir, Utterance


def groups_of(data: DataDir, name: str, asked_by: str) -> dict[str, str]:
    """Utterance id -> its group in table `name` ("unknown" where that is silent).

    Raises UserError, naming config field `asked_by`, where the data directory has no such table.
    """
    if name not in data.tables:
        there = ", ".join(sorted(t for t in data.tables if t.startswith("utt2"))) or "none"
        raise UserError(
            f"no table {name} to tell groups by, which {asked_by} asks for",
            str(data.path),
            f"name one that is there ({there}), or leave {asked_by} empty",
        )
    table = data.tables[name]
    return {u.id: table.get(u.id, UNKNOWN) for u in data.utterances}


def refuse_unknown(asked: Iterable[str], groups: Iterable[str], where: str) -> None:
    """Raise UserError for a group asked for in config field `where` that none of `groups`, of each utterance, is."""
    counts = Counter(groups)
    if strange := [name for name in asked if name not in counts]:
        raise UserError(f"no utterance is of group {', '.join(strange)}", where, f"there are {census(counts)}")


def census(counts: Mapping[str, int]) -> str:
    """`ARB (900), ENG (150)`"""
    return ", ".join(f"{name} ({counts[name]:,})" for name in sorted(counts))


class Choice:
    """What a run leaves out because its config says so, and how much that is."""

    def __init__(self, seconds: float) -> None:
        """`seconds` of audio are there to choose from."""
        self.seconds = seconds
        self.left_out: dict[str, tuple[int, float]] = {}  # config field -> utterances and seconds

    def keep(self, utterances: Sequence[Utterance], wanted: Callable[[Utterance], bool], field: str) -> list[Utterance]:
        """Those that are wanted; the others are counted as left out by data.`field`."""
        kept = [u for u in utterances if wanted(u)]
        seconds = math.fsum(u.seconds for u in utterances) - math.fsum(u.seconds for u in kept)
        self.left_out[field] = (len(utterances) - len(kept), seconds)
        return kept

    @property
    def counts(self) -> dict[str, float]:
        """For the record: utterances and hours left out, by config field."""
        found: dict[str, float] = {}
        for field, (utterances, seconds) in self.left_out.items():
            found |= {
                f"utterances_left_out_by_{field}": utterances,
                f"hours_left_out_by_{field}": round(seconds / 3600, 4),
            }
        return found

    def said(self, hours: float) -> str:
        """`training on 50.0 of 1,100.2 h (4.5 %); left out: 900 utterances, 1,050.2 h, by data.max_hours`.

        Args:
            hours: what is trained on.

        Empty where the config leaves nothing out.
        """
        if not self.left_out:
            return ""
        there = self.seconds / 3600
        parts = [f"{n:,} utterances, {hours_of(s)}, by data.{field}" for field, (n, s) in self.left_out.items()]
        share = f"{hours_of(3600 * hours).removesuffix(' h')} of {hours_of(self.seconds)} ({100 * hours / there:.1f} %)"
        return f"training on {share}; left out: {'; '.join(parts)}"


def hours_of(seconds: float) -> str:
    """`1,100.2 h`; three digits where there are few: `0.0147 h`."""
    hours = seconds / 3600
    return f"{hours:,.1f} h" if hours >= 10 else f"{hours:.3g} h"


def within_hours(
    seconds: Mapping[str, float], strata: Mapping[str, str], hours: float, seed: int, field: str = "data.max_hours"
) -> set[str]:
    """Ids of utterances that make up `hours`, or a little less: of each stratum the same share of its audio.

    Each stratum is gone through in an order that depends on ids and seed alone, as long as its share is not full. So
    a choice of fewer hours is a part of a choice of more, of this set.

    Args:
        seconds: utterance id -> its length.
        strata: utterance id -> stratum; those it does not name are one stratum.

    Raises UserError where not one utterance is as short as that.
    """
    groups: dict[str, list[str]] = {}
    for id in seconds:
        groups.setdefault(strata.get(id, UNKNOWN), []).append(id)
    share = hours * 3600 / math.fsum(seconds.values()) if seconds else 1.0
    if share >= 1:
        return set(seconds)
    chosen: set[str] = set()
    for ids in groups.values():
        room, taken = share * math.fsum(seconds[id] for id in ids), 0.0
        for id in sorted(ids, key=lambda id: (seed_of(seed, "subset", id), id)):
            taken += seconds[id]
            if taken > room:
                break
            chosen.add(id)
    if not chosen:
        raise UserError(f"{hours:g} h are less than one utterance", field, "raise it")
    return chosen
