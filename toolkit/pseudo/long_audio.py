"""Audio of any length in windows: each begins at the end of the last complete segment of the window before.

So does the next one if a window has more words than may be written for it. Silence is not decoded, and text whose whole
time is silent is left out (quiet.py).

Source: Radford et al. 2022, section 3.8; the released code's `transcribe`, without its heuristics for failed windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..models.log_mel import RATE, Wave
from ..models.vocabulary import Vocabulary
from ..score.hypotheses import HypothesisSegment
from .decoded import Decoded
from .quiet import Loudness

LEAST_SECONDS = 0.1  # a remainder this short holds no word
LEAST_STEP = 1.0  # seconds by which a window moves on at least
LATEST_START = 1.0  # seconds: a Whisper's first timestamp is no later, so silence before a window's speech is left out
ONSET = 0.1  # seconds of silence that stay before speech


@dataclass(frozen=True)
class Span:
    """Text tokens between two timestamps of a window, seconds; `end` is None without a closing timestamp."""

    start: float
    end: float | None
    tokens: tuple[int, ...]


def spans_of(tokens: Sequence[int], vocabulary: Vocabulary, seconds: float) -> tuple[list[Span], bool]:
    """(spans in the order of time, True if one more span was begun after them) of a window of `seconds`.

    Spans do not overlap and do not reach past the window, whatever timestamps were written.
    """
    spans: list[Span] = []
    start: float | None = None
    words: list[int] = []
    latest = 0.0
    for token in tokens:
        time = vocabulary.seconds(token)
        if time is None:
            words.append(token)
            continue
        time = min(max(time, latest), seconds)
        if start is None and not words:
            start = time
        else:
            spans.append(Span(latest if start is None else start, time, tuple(words)))
            start, words = None, []
        latest = time
    if words:
        spans.append(Span(latest if start is None else start, None, tuple(words)))
    return spans, start is not None and not words


def segments_of(
    tokens: Sequence[int], vocabulary: Vocabulary, seconds: float, ended: bool = True
) -> tuple[list[HypothesisSegment], float]:
    """(segments in the order of time, second up to which they reach) of a window of `seconds`.

    A segment without an end reaches to the end of the window. If a complete segment comes before it, the window reaches
    only to the end of that one: the next window then hears the open segment as a whole.

    Args:
        ended: False if the window has more text than was written: it reaches only to the end of its last complete
            segment, or nowhere without one.
    """
    spans, begun = spans_of(tokens, vocabulary, seconds)
    closed = [span.end for span in spans if span.end is not None]
    left_open = bool(spans) and spans[-1].end is None
    if left_open and closed:
        spans = spans[:-1]
    texts = [(span, vocabulary.decode(span.tokens)) for span in spans]
    segments = [
        HypothesisSegment(round(span.start, 2), round(seconds if span.end is None else span.end, 2), text)
        for span, text in texts
        if text
    ]
    if not ended:
        return segments, closed[-1] if closed else 0.0
    return segments, closed[-1] if closed and (left_open or begun) else seconds


@dataclass
class Listening:
    """One recording, transcribed window by window.

    Attributes:
        wave: the whole recording [N], 16 kHz.
        window: length of a window, seconds.
        timestamps: True to write timestamps; audio longer than a window always gets them.
        silent_dbfs: level up to which audio counts as silence, dB of full scale.
        language: Whisper's code of what is spoken; AUTO until it is detected.
        language_probability: of the language, where it was detected.
        ended: False if text was cut off.
    """

    wave: Wave
    window: float
    timestamps: bool
    silent_dbfs: float
    language: str
    language_probability: float | None = None
    at: int = 0
    tokens: list[int] = field(default_factory=list)
    segments: list[HypothesisSegment] = field(default_factory=list)
    decoded: list[Decoded] = field(default_factory=list)
    ended: bool = True

    def __post_init__(self) -> None:
        self.long = len(self.wave) > self.samples
        self.timestamps = self.timestamps or self.long
        self.loudness = Loudness(self.wave, self.silent_dbfs)
        self.silence = self.loudness.stretches()
        self._skip_silence()

    @property
    def samples(self) -> int:
        return round(self.window * RATE)

    @property
    def over(self) -> bool:
        rest = len(self.wave) - self.at
        return rest <= 0 or (self.at > 0 and rest < LEAST_SECONDS * RATE)

    def next(self) -> Wave:
        """Audio of the next window [N]."""
        return self.wave[self.at : self.at + self.samples]

    def take(self, decoded: Decoded, vocabulary: Vocabulary) -> None:
        """Take in the text of the window that `next` gave, and move on."""
        heard = len(self.next()) / RATE
        self.decoded.append(decoded)
        self.tokens += decoded.tokens
        if not self.timestamps:
            text, cut_off = vocabulary.decode(decoded.tokens), not decoded.ended
            self.segments += [HypothesisSegment(0.0, round(heard, 2), text, cut_off)] if text or cut_off else []
            self.at, self.ended = len(self.wave), decoded.ended
            return
        last = self.at + self.samples >= len(self.wave)
        segments, reached = segments_of(decoded.tokens, vocabulary, heard, decoded.ended)
        stuck = reached < min(LEAST_STEP, heard)  # it would hardly move
        if stuck or (last and decoded.ended):
            segments, _ = segments_of((*decoded.tokens, vocabulary.timestamp(heard)), vocabulary, heard)
            reached = heard
        if stuck and not decoded.ended:
            last_one = segments[-1] if segments else HypothesisSegment(0.0, round(heard, 2), "")
            segments, self.ended = [*segments[:-1], replace(last_one, cut_off=True)], False
        self._add(segments)
        self.at += round(reached * RATE)
        self._skip_silence()

    def _add(self, segments: Sequence[HypothesisSegment]) -> None:
        """Segments of the window at `at`, in seconds of the recording; not those that are silent from end to end."""
        offset = self.at / RATE
        for s in segments:
            start, end = s.start + offset, s.end + offset
            if self.loudness.any(start, end):
                self.segments.append(replace(s, start=round(start, 2), end=round(end, 2)))

    def _skip_silence(self) -> None:
        """Move on to the next speech: over a silent rest, and in long audio over silence before a window's speech."""
        speech = self.loudness.next(self.at)
        if speech == len(self.wave):
            self.at = len(self.wave)
        elif self.long and speech - self.at > LATEST_START * RATE:
            self.at = speech - round(ONSET * RATE)

    @property
    def text(self) -> str:
        return " ".join(s.text for s in self.segments if s.text)

    def mean(self, name: str) -> float | None:
        """Mean of `avg_logprob` or `entropy` over all tokens; None if the back-end does not give it."""
        pairs = [(getattr(d, name), len(d.tokens) + d.ended) for d in self.decoded]
        if any(value is None for value, _ in pairs):
            return None
        return sum(v * n for v, n in pairs) / max(sum(n for _, n in pairs), 1)
