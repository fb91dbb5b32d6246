"""Phones over time (phones.ctm) and the phone of each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.errors import UserError
from ..data.kaldi import PHONES, DataDir
from ..data.malformed import Malformed
from ..data.phone_lines import phone_lines
from ..data.phone_times import PhoneTimes

HALF_WINDOW = 0.0125  # s; a frame looks at 25 ms of audio, from t / rate on
Span = tuple[float, float, str]  # start and end in seconds, phone


def read_phones(path: Path, times: PhoneTimes | None = None) -> dict[str, list[Span]]:
    """Lines `utterance 1 start duration phone` -> utterance -> spans in order of time.

    Args:
        times: the rules for these times, which get every line.

    Raises UserError naming an invalid line.
    """
    phones: dict[str, list[Span]] = {}
    for row in phone_lines(path):
        if isinstance(row, Malformed):
            raise row.error(path)
        phones.setdefault(row.id, []).append((row.start, row.end, row.phone))
        if times:
            times.add(row)
    return {id: sorted(spans) for id, spans in phones.items()}


def phones_of(data: DataDir, table: str = PHONES) -> tuple[dict[str, list[Span]], list[str]]:
    """(utterance -> spans in order of time, what speaks against them) of the phone table of a data directory.

    Raises UserError for an invalid line, and for times that cannot be those of its utterances: no figure that is
    measured against them means anything.
    """
    times = PhoneTimes.of(data, table)
    spans, doubts = read_phones(data.path / table, times), []
    for problem in times.problems():
        if problem.level == "error":
            raise UserError(problem.message, str(data.path / table), problem.remedy)
        doubts.append(f"{problem.message}; {problem.remedy}")
    return spans, doubts


def phone_frames(spans: Sequence[Span], frames: int, rate: float) -> list[str]:
    """Phone at the centre of each frame, t / rate + 12.5 ms; "" if no span covers it."""
    if not spans:
        return [""] * frames
    centres = np.arange(frames) / rate + HALF_WINDOW
    starts, ends = np.array([s for s, _, _ in spans]), np.array([e for _, e, _ in spans])
    at = np.searchsorted(starts, centres, "right") - 1
    inside = (at >= 0) & (centres < ends[at])
    return [spans[i][2] if hit else "" for i, hit in zip(at, inside, strict=True)]
