"""An utterance of a data directory, and its audio, which must be as long as the tables say."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .audio import OVERSHOOT, AudioError, Recording, Wave, open_recording
from .channels import channel_read

OTHER_LENGTH = "other length"
DISAGREES = "make the tables anew, or have them mended: python3 -m toolkit.data.validate DIR --fix --out DIR2"
ONE_CHANNEL = "name the file of two channels, or keep one of these recordings"


@dataclass(frozen=True, slots=True)
class Utterance:
    """A piece of audio: `start` to `end` seconds (None: to its end) of `path`, `seconds` long, said by `speaker`.

    `path` may be `file.ark:offset`; a relative one is relative to the folder the process runs in.

    Attributes:
        channel: "left", "right", "3", ... of several channels; "": their mean, or what is decided (channels.py).
        decided: of several channels of which no table names one their mean is read: a data stage has decided it.
        shared: the ids of recordings that tables say are sides of one file; "": of this alone.
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
    decided: bool = field(default=False, compare=False)
    shared: str = field(default="", compare=False)

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
                raise AudioError(OTHER_LENGTH, message, self.path, DISAGREES)
        if r.channels == 1 and self.shared:
            message = f"{self.id}: {self.shared} are sides of one file, which has one channel"
            raise AudioError("channels", message, self.path, ONE_CHANNEL)
        r.channel = self.channel or ("" if self.decided else channel_read(r))
        try:
            return r.part(self.start + start, self.end if end is None else self.start + end)
        except AudioError as e:
            if e.reason not in ("past end", "channels"):
                raise
            raise AudioError(e.reason, f"{self.id}: {e.what}", e.where or self.path, e.remedy) from None
