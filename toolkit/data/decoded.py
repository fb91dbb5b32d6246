"""Recordings decoded to their ends: what a header promises is no proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core.each import each
from .audio import NON_FINITE, AudioError, open_recording
from .decoder import FETCH


@dataclass(frozen=True)
class Decoded:
    """What decodes of a recording.

    Attributes:
        seconds: from its beginning; 0 if nothing does.
        reason, message, remedy: why it is no whole recording, as in AudioError; empty if it is one.
        notes: oddities that do no harm.
    """

    seconds: float
    reason: str = ""
    message: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()


def decode(source: str, allow_pipes: bool = False) -> Decoded:
    """Decode all of a recording, a block in memory at a time. Never raises for a bad recording."""
    seconds = 0.0
    notes: tuple[str, ...] = ()
    try:
        with open_recording(source, allow_pipes) as r:
            notes = r.notes
            for wave_N in r.blocks():
                if not np.isfinite(wave_N).all():
                    return Decoded(seconds, *NON_FINITE, notes)
                seconds += len(wave_N) / r.rate
            seconds = r.frames / r.rate
            return Decoded(seconds, "truncated", r.lacks, FETCH, notes) if r.lacks else Decoded(seconds, notes=notes)
    except AudioError as e:
        return Decoded(seconds, e.reason, e.what, e.remedy, notes)


def decode_each(sources: Sequence[str], nj: int, allow_pipes: bool = False) -> list[Decoded]:
    """`decode` of every recording, in order, in `nj` processes, with a progress bar.

    Raises UserError if a process was killed.
    """
    return each(partial(decode, allow_pipes=allow_pipes), sources, nj, "decode", "recordings")
