"""An utterance of a data directory, and its audio, which must be as long as the tables say."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .audio import OVERSHOOT, AudioError, Recording, Wave, open_recording

DISAGREES = "make the tables anew, or have them mended: python3 -m toolkit.data.validate DIR --fix --out DIR2"


@dataclass(frozen=True, slots=True)
class Utterance:
    """A piece of audio: `start` to `end` seconds (None: to its end) of `path`, `seconds` long, said by `speaker`.

    `path` may be `file.ark:offset`; a relative one is relative to the folder the process runs in.

    Attributes:
        channel: "left" or "right" of several channels; "": their mean.
        table: the table that says how long it is; "": its header, or its times.
        recording_seconds: length of its recording by reco2dur; NaN: not stated.
    """

    id: str
    path: str
    start: float
    end: float | None
    speaker: str
    seconds: float
    channel: str = ""
    table: str = field(default="", compare=False)
    recording_seconds: float = field(default=math.nan, compare=False)

    def audio(self) -> Wave:
        """Samples [N], float32, mono, 16 kHz.

        Raises AudioError, also for a table that states another length than the audio has (other length).
        """
        with open_recording(self.path, allow_pipes=True) as r:  # DataDir.read has refused pipes
            return self.audio_of(r)

    def audio_of(self, r: Recording, start: float = 0.0, end: float | None = None) -> Wave:
        """As `audio`, of its recording that is open already; from `start` to `end` seconds of the utterance."""
        decodes, promised = r.frames / r.rate, r.promised / r.rate  # a table is from before a cut, or from after it
        lengths = [("reco2dur", self.recording_seconds, 0.0)]
        lengths += [(self.table, self.seconds, self.start)] if self.table else []
        for table, stated, start in () if r.cut else lengths:  # of a file that is cut off: `part` tells
            if min(abs(stated + start - decodes), abs(stated + start - promised)) > OVERSHOOT:  # never of NaN
                message = f"{self.id}: {table} says {stated:.2f} s, and the audio has {decodes - start:.2f} s"
                raise AudioError("other length", message, self.path, DISAGREES)
        r.channel = self.channel
        try:
            return r.part(self.start + start, self.end if end is None else self.start + end)
        except AudioError as e:
            if e.reason != "past end":
                raise
            raise AudioError(e.reason, f"{self.id}: {e.what}", e.where, e.remedy) from None
