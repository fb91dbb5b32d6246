"""Which utterances of a set a run trains on by choice: groups left out, and a stated number of hours.

What is left out here is counted and not listed: nothing is wrong with it, and it may be millions of utterances.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, takewhile

from ..core.errors import UserError
from ..core.seed import seed_of
from ..data.kaldi import UNKNOWN, DataDir, Utterance

SHOWN = 12  # groups that a line names


def groups_of(data: DataDir, name: str, asked_by: str) -> dict[str, str]:
    """Utterance id -> its group in table `name` ("unknown" where that is silent).

    Raises UserError, naming config field `asked_by`, if the data directory has no such table.
    """
    if name not in data.tables:
        tables = ", ".join(sorted(t for t in data.tables if t.startswith("utt2"))) or "none"
        raise UserError(
            f"no table {name} to tell groups by, which {asked_by} asks for",
            str(data.path),
            f"name one that is there ({tables}), or take {asked_by} out",
        )
    table = data.tables[name]
    return {u.id: table.get(u.id, UNKNOWN) for u in data.utterances}


def refuse_unknown(asked: Iterable[str], groups: Iterable[str], where: str, noun: str = "utterance") -> None:
    """Raise UserError for a group that config field `where` asks for and that is not in `groups`, one per `noun`."""
    counts = Counter(groups)
    if unknown := [name for name in asked if name not in counts]:
        raise UserError(f"no {noun} is of group {', '.join(unknown)}", where, f"there are {census(counts)}")


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
        counts: dict[str, float] = {}
        for field, (utterances, seconds) in self.left_out.items():
            counts |= {
                f"utterances_left_out_by_{field}": utterances,
                f"hours_left_out_by_{field}": round(seconds / 3600, 4),
            }
        return counts

    def summary(self, hours: float) -> str:
        """`training on 50.0 of 1,100.2 h (4.5 %); left out: 900 utterances, 1,050.2 h, by data.max_hours`.

        Args:
            hours: what is trained on.

        Empty where the config leaves nothing out.
        """
        if not self.left_out:
            return ""
        parts = [f"{n:,} utterances, {hours_of(s)}, by data.{field}" for field, (n, s) in self.left_out.items()]
        percent = 100 * hours / (self.seconds / 3600)
        share = f"{hours_of(3600 * hours).removesuffix(' h')} of {hours_of(self.seconds)} ({percent:.1f} %)"
        return f"training on {share}; left out: {'; '.join(parts)}"


def share_lines(utterances: Sequence[Utterance], taken: Sequence[Utterance], groups: Mapping[str, str]) -> list[str]:
    """How the audio taken of `utterances` is shared by their groups: `of it ARB 60.0 %, ENG 40.0 %`.

    Args:
        groups: utterance id -> group.

    And a warning that names the groups of which nothing is taken. Of many groups the largest are named.
    """
    audio = dict.fromkeys((groups[u.id] for u in utterances), 0.0)
    for u in taken:
        audio[groups[u.id]] += u.seconds
    total, ranked = sum(audio.values()), sorted(audio, key=lambda name: (-audio[name], name))
    shares = [f"{name} {100 * audio[name] / total:.1f} %" for name in ranked if audio[name]]
    without = [name for name in ranked if not audio[name]]
    lines = [f"of it {_named(shares)}"]
    return [*lines, f"warning: nothing of {_named(without)}: so few hours leave them out"] if without else lines


def _named(names: Sequence[str]) -> str:
    rest = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest


def hours_of(seconds: float) -> str:
    """`1,100.2 h`; three digits where there are few: `0.0147 h`."""
    hours = seconds / 3600
    return f"{hours:,.1f} h" if hours >= 10 else f"{hours:.3g} h"


def within_hours(
    seconds: Mapping[str, float], strata: Mapping[str, str], hours: float, seed: int, field: str = "data.max_hours"
) -> set[str]:
    """Ids of utterances that make up `hours`, or a little less: of each stratum about the same share of its audio.

    Within a stratum utterances come in an order that depends on ids and seed alone. The next one is always of the
    stratum of which the smallest share is taken by then (at first, of the largest that has none), until one is too
    many. So every stratum has what it is due to within an utterance, none goes without while another has two, and a
    choice of fewer hours is a part of a choice of more, of this set.

    Args:
        seconds: utterance id -> its length.
        strata: utterance id -> stratum; those it does not name are one stratum.

    Raises UserError if the first utterance is longer than that.
    """
    if not seconds or hours * 3600 >= math.fsum(seconds.values()):
        return set(seconds)
    groups: dict[str, list[str]] = {}
    for id in sorted(seconds, key=lambda id: (seed_of(seed, "subset", id), id)):
        groups.setdefault(strata.get(id, UNKNOWN), []).append(id)
    turns: list[tuple[float, float, str, str]] = []  # share taken before, size of the stratum (largest first), names
    for name, ids in groups.items():
        before = [0.0, *accumulate(seconds[id] for id in ids)]
        turns += [(taken / before[-1], -before[-1], name, id) for id, taken in zip(ids, before)]
    order = [id for *_, id in sorted(turns, key=lambda turn: turn[:3])]
    taken = accumulate(seconds[id] for id in order)
    chosen = {id for id, _ in takewhile(lambda pair: pair[1] <= hours * 3600, zip(order, taken))}
    if not chosen:
        raise UserError(f"{hours:g} h are less than one utterance", field, "raise it")
    return chosen
