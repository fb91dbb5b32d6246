"""Recordings of several channels in a data directory: what is read of them, where that is not what it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .channels import SIDE_OF, Mix
from .kaldi import WAV
from .tables import CHANNELS, Problem

REASON = "channels"


def channel_problems(rec: str, channels: int, mix: Mix, named: Mapping[str, str]) -> Iterator[Problem]:
    """A warning of a recording whose mean is read although its channels differ, cancel, or are silent but for one.

    Or of a line of reco2file_and_channel for a recording of one channel.

    Args:
        mix: what should be read of its channels; named: the lines of reco2file_and_channel.
    """
    if rec in named and channels == 1:
        message = f"{rec}: a recording of one channel, which is read as it is"
        yield Problem(CHANNELS, 0, REASON, message, "take the line out, unless it is right", "warning", id=rec)
    elif rec not in named and mix.channels != ("",):
        side = SIDE_OF[mix.channels[0]] if mix.channels else "A or B"
        message = f"{rec}: {mix.detail}; the mean of its channels is read"
        yield Problem(WAV, 0, REASON, message, f"write `{rec} FILE {side}` into {CHANNELS}", "warning", id=rec)
