"""Audio of any length in windows: each begins at the end of the last complete segment of the window before.

Source: Radford et al. 2022, section 3.8; the released code's `transcribe`, without its heuristics for failed windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..models.log_mel import RATE, Wave
from ..models.vocabulary import Vocabulary
from ..score.hypotheses import HypothesisSegment
from .decoded import Decoded

LEAST_SECONDS = 0.1  # a remainder this short holds no word


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


def segments_of(tokens: Sequence[int], vocabulary: Vocabulary, seconds: float) -> tuple[list[HypothesisSegment], float]:
    """(segments in the order of time, second up to which they reach) of a window of `seconds`.

    A segment without an end reaches to the end of the window. If a complete segment comes before it, the window reaches
    only to the end of that one: the next window then hears the open segment as a whole.
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
    return segments, closed[-1] if closed and (left_open or begun) else seconds


@dataclass
class Listening:
    """One recording, transcribed window by window.

    Attributes:
        wave: the whole recording [N], 16 kHz.
        window: length of a window, seconds.
        timestamps: True to write timestamps; audio longer than a window always gets them.
    """

    wave: Wave
    window: float
    timestamps: bool
    at: int = 0
    tokens: list[int] = field(default_factory=list)
    segments: list[HypothesisSegment] = field(default_factory=list)
    decoded: list[Decoded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.timestamps = self.timestamps or len(self.wave) > self.samples

    @property
    def samples(self) -> int:
        return round(self.window * RATE)

    @property
    def over(self) -> bool:
        return self.at > 0 and len(self.wave) - self.at < LEAST_SECONDS * RATE

    def next(self) -> Wave:
        """Audio of the next window [N]."""
        return self.wave[self.at : self.at + self.samples]

    def take(self, decoded: Decoded, vocabulary: Vocabulary) -> None:
        """Take in the text of the window that `next` gave, and move on."""
        heard = len(self.next()) / RATE
        offset = self.at / RATE
        last = self.at + self.samples >= len(self.wave)
        self.decoded.append(decoded)
        if not self.timestamps:
            text = vocabulary.decode(decoded.tokens)
            self.segments += [HypothesisSegment(0.0, round(heard, 2), text)] if text else []
            self.tokens += decoded.tokens
            self.at = len(self.wave)
            return
        segments, reached = segments_of(decoded.tokens, vocabulary, heard)
        if last or reached < 1.0:  # the end, or a window that would hardly move
            whole, _ = segments_of((*decoded.tokens, vocabulary.timestamp(heard)), vocabulary, heard)
            segments, reached = whole, heard
        self.segments += [
            HypothesisSegment(round(s.start + offset, 2), round(s.end + offset, 2), s.text) for s in segments
        ]
        self.tokens += decoded.tokens
        self.at += round(reached * RATE)

    @property
    def text(self) -> str:
        return " ".join(s.text for s in self.segments)

    def mean(self, name: str) -> float | None:
        """Mean of `avg_logprob` or `entropy` over all tokens; None if the back-end does not give it."""
        pairs = [(getattr(d, name), len(d.tokens) + d.ended) for d in self.decoded]
        if any(value is None for value, _ in pairs):
            return None
        return sum(v * n for v, n in pairs) / max(sum(n for _, n in pairs), 1)
