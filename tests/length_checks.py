"""How long a recording is by every way to it, and how it is refused by every way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from odd_audio import levels

from toolkit.data.audio import AudioError, audio_info, read_audio
from toolkit.data.check import check_audio


def check_length(
    path: Path, seconds: float, tones: Sequence[float], notes: Sequence[str] = (), within: float = 0.0
) -> None:
    """Every way to the recording tells `seconds`, and gives the tones, one for each second; parts are slices."""
    verdict = check_audio(path)
    assert (verdict.reason, verdict.notes) == ("", tuple(notes))
    whole = read_audio(path)
    assert levels(whole, 1.0) == tones
    for length in (verdict.seconds, audio_info(path).seconds, len(whole) / 16000):
        assert abs(length - seconds) <= within + 1e-9
    assert audio_info(path).lacks == ""
    for start in np.linspace(0, seconds - 0.5, 9):
        first, last = round(start * 16000), round((start + 0.4) * 16000)
        part = read_audio(path, start, start + 0.4)
        np.testing.assert_allclose(part, whole[first:last], atol=2e-5)


def check_refused(path: Path, reason: str, message: str = "") -> None:
    """Every way to the recording refuses it, with this reason."""
    verdict = check_audio(path)
    assert verdict.reason == reason and message in verdict.detail
    for call in (read_audio, audio_info):
        with pytest.raises(AudioError) as e:
            call(path)
        assert e.value.reason == reason and message in e.value.what and e.value.remedy and e.value.where == str(path)
