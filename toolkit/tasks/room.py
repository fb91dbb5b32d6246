"""Disk that frames of features take, and which rows' frames are stored where not all of them fit.

Shapes: L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..core.errors import UserError
from ..core.plan import free_mb

RATE = 50.0  # frames per second of filter banks and of networks
BYTES = 2  # float16
AUTO_SHARE = 0.8  # of the free disk, which `features: auto` fills at most


def frames_mb(seconds: float, states: int, dim: int) -> float:
    """MB that the frames [T, L, D] of so many seconds of audio take."""
    return RATE * seconds * states * dim * BYTES / 1e6


def stored_rows(wanted: Mapping[str, float], must: bool, out: Path) -> set[str]:
    """Rows whose frames are stored, of those that want so many MB; the others are streamed, which is printed.

    Raises UserError where not all fit although they must.
    """
    free = free_mb(str(out))
    if must and sum(wanted.values()) > free:
        raise UserError(
            f"the features need about {sum(wanted.values()):,.0f} MB, {free:,.0f} are free",
            f"{out}, {len(wanted)} row(s)",
            "choose features: auto or stream, name fewer states in cache_layers, or name a larger disk (--exp)",
        )
    left = free if must else AUTO_SHARE * free
    stored = set()
    for row, mb in wanted.items():
        if mb <= left:
            stored.add(row)
            left -= mb
        else:
            print(
                f"features of {row} are computed again for each batch, which is slow: their frames would take "
                f"{mb:,.0f} MB and {free:,.0f} are free. Name fewer states in cache_layers, or a larger disk (--exp)",
                flush=True,
            )
    return stored
