"""Recordings of several channels in a data directory: what is read of them, where that is not what it should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .channels import NAMES, SIDE_OF, Mix
from .kaldi import CHANNEL_OF, WAV, sides_of_one_file
from .tables import CHANNELS, Problem
from .utterance import ONE_CHANNEL

REASON = "channels"


def shared_files(tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Recording -> all recordings that are sides of its file, where there are several."""
    sides = {name: CHANNEL_OF.get(value.split()[-1], "") for name, value in tables.get(CHANNELS, {}).items()}
    return sides_of_one_file(tables[WAV], sides)


def channel_problems(
    rec: str, channels: int, mix: Mix | None, tables: Mapping[str, Mapping[str, str]], shared: Mapping[str, str]
) -> list[Problem]:
    """Problems of a recording's channels.

    A warning if what is read of them is for the user to decide, or no table says what it is; or if a line of
    reco2file_and_channel names another channel than the first of a recording that has one. An error if lines name
    two sides of it.

    Args:
        mix: what should be read of its channels; None if they were not compared.
        shared: as shared_files tells.
    """
    named = tables.get(CHANNELS, {})
    if rec in named and channels == 1:
        if rec in shared:
            message = f"{rec}: {shared[rec]} are sides of one file, which has one channel: {tables[WAV][rec]}"
            return [Problem(CHANNELS, 0, REASON, message, ONE_CHANNEL, id=rec)]
        if CHANNEL_OF.get(named[rec].split()[-1]) == "left":  # as Kaldi's recipes write of every recording
            return []
        message = f"{rec}: a recording of one channel, which is read as it is"
        return [Problem(CHANNELS, 0, REASON, message, "take the line out, unless it is right", "warning", id=rec)]
    if rec in named or mix is None or mix.channels == ("",):
        return []
    heard = [name for name in NAMES[: mix.of] if name not in mix.silent]
    side = " or ".join(SIDE_OF[name] for name in mix.channels or heard)
    is_read = f"{mix.channels[0]} is read of it" if mix.channels else "the mean of its channels is read"
    message = f"{rec}: {mix.detail}; {is_read}"
    return [Problem(WAV, 0, REASON, message, f"write `{rec} FILE {side}` into {CHANNELS}", "warning", id=rec)]


def not_compared(recs: Iterable[str]) -> Iterator[Problem]:
    """A warning of recordings of several channels of which only the headers were read, and no table names one."""
    if several := sorted(recs):
        message = f"{len(several):,} recordings of several channels that {CHANNELS} does not name, {several[0]} for one"
        yield Problem(WAV, 0, REASON, message, "--audio compares them, and says what is read", "warning")
