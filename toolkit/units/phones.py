"""Phones over time (phones.ctm) and the phone of each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.errors import UserError

PHONES = "phones.ctm"
HALF_WINDOW = 0.0125  # s; a frame looks at 25 ms of audio, from t / rate on
Span = tuple[float, float, str]  # start and end in seconds, phone


def read_phones(path: Path) -> dict[str, list[Span]]:
    """Lines `utterance 1 start duration phone` -> utterance -> spans in order of time.

    Raises UserError naming an invalid line.
    """
    phones: dict[str, list[Span]] = {}
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        for number, line in enumerate(f, 1):
            try:
                line.encode()  # refuses what is no UTF-8
                id, _, start, duration, phone = line.split()
                phones.setdefault(id, []).append((float(start), float(start) + float(duration), phone))
            except ValueError:
                raise UserError(
                    "not `utterance 1 start duration phone`", f"{path}:{number}", "mend the line, or make it again"
                ) from None
    return {id: sorted(spans) for id, spans in phones.items()}


def phone_frames(spans: Sequence[Span], frames: int, rate: float) -> list[str]:
    """Phone at the centre of each frame, t / rate + 12.5 ms; "" if no span covers it."""
    if not spans:
        return [""] * frames
    centres = np.arange(frames) / rate + HALF_WINDOW
    starts, ends = np.array([s for s, _, _ in spans]), np.array([e for _, e, _ in spans])
    at = np.searchsorted(starts, centres, "right") - 1
    inside = (at >= 0) & (centres < ends[at])
    return [spans[i][2] if hit else "" for i, hit in zip(at, inside, strict=True)]
