"""Split speakers into parts, each speaker in one part only, with the parts near their shares of the audio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..core.errors import UserError
from ..core.files import TEMPORARY
from ..core.record import BOOKKEEPING
from ..core.seed import seed_of
from .ids import fault

FEW_SPEAKERS, FEW_UTTERANCES, FAR_POINTS = (
    5,
    20,
    10.0,
)  # limits below or beyond which a part is warned of


def shares_of(words: Sequence[str]) -> dict[str, float]:
    """`("train=0.8", "dev=0.1", "test=0.1")` -> {"train": 0.8, ...}; a share of 0 leaves its part out.

    Raises ValueError unless the names can name folders and the shares add up to 1.
    """
    shares: dict[str, float] = {}
    for word in words:
        name, _, number = word.partition("=")
        try:
            share = float(number)
        except ValueError:
            raise ValueError(f"shares: {word!r} is not name=share, e.g. train=0.8") from None
        if fault(name) or name in shares or not 0 <= share <= 1:
            raise ValueError(f"shares: {word!r}: give each part one name and a share of 0 to 1")
        if name in BOOKKEEPING or name.endswith(TEMPORARY):
            raise ValueError(f"shares: {name!r} is a name that the step itself uses in its folder: choose another")
        shares[name] = share
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(f"shares add up to {sum(shares.values()):g}, not to 1: {' '.join(words)}")
    return {name: share for name, share in shares.items() if share}


def odd_parts(parts: Mapping[str, Sequence[tuple[str, float]]], shares: Mapping[str, float]) -> list[str]:
    """A warning for each part that is too small to measure on, or far from its share of the audio.

    Args:
        parts: part -> (speaker, seconds) of each of its utterances.
    """
    total = math.fsum(s for rows in parts.values() for _, s in rows)
    lines: list[str] = []
    for name, rows in parts.items():
        speakers, got = len({speaker for speaker, _ in rows}), 100 * math.fsum(s for _, s in rows) / total
        asked = 100 * shares[name]
        why = ["little to learn from or measure on"] * (speakers < FEW_SPEAKERS or len(rows) < FEW_UTTERANCES)
        why += ["far from its share, since speakers stay whole"] * (abs(got - asked) > FAR_POINTS)
        if why:
            counts = f"{speakers} speakers, {len(rows)} utterances, {got:.0f} % of the audio ({asked:.0f} % asked)"
            lines.append(f"WARNING: {name}: {counts}: {'; '.join(why)}")
    return lines


def split_groups(seconds: Mapping[str, float], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Group (e.g. a speaker) -> part.

    The largest part takes the groups that the others leave. Each of the others, the smallest first, goes through the
    groups in an order drawn from `seed` and takes those that bring it nearer to its share; if it takes none, it gets
    the smallest group. A group's place in that order depends on its name and the seed alone.

    Raises UserError if there are fewer groups than parts.
    """
    if len(seconds) < len(shares):
        raise UserError(
            f"{len(seconds)} speakers cannot be split into {len(shares)} parts", "shares", "ask for fewer parts"
        )
    total = sum(seconds[group] for group in sorted(seconds))
    order = sorted(seconds, key=lambda group: (seed_of(seed, "split", group), group))
    rest = max(shares, key=lambda name: shares[name])
    parts: dict[str, str] = {}
    waiting = sorted((name for name in shares if name != rest), key=lambda name: shares[name])
    for after, name in enumerate(waiting, 1):
        wanted, taken = shares[name] * total, 0.0
        free = [group for group in order if group not in parts]
        still = len(waiting) - after + 1  # remaining parts, each of which needs a group
        mine = 0
        for group in free[:]:
            if len(free) > still and taken + seconds[group] / 2 <= wanted:
                parts[group] = name
                taken += seconds[group]
                mine += 1
                free.remove(group)
        if not mine:
            parts[min(free, key=lambda group: (seconds[group], order.index(group)))] = name
    return {group: parts.get(group, rest) for group in sorted(seconds)}
