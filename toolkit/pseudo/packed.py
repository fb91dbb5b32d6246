"""Several utterances of a speaker in one window; the timestamps that the network writes separate their texts.

An encoder's window costs the same whether it holds two seconds of speech or thirty. Successive
utterances of one speaker and language, in the order of ids, share a window, with silence between them. Each segment
goes to the utterance that holds its middle. Utterances that the timestamps do not separate are decoded again alone: one
without a segment, those that a segment reaches into by more than half the silence, and the one at which a text was cut
off. Neighbouring sentences change the text that a network writes: measure how much.

avg_logprob, entropy and no_speech of such an utterance are those of its whole window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..data.audio import AudioError
from ..data.listen import Listener
from ..models.log_mel import RATE, Wave
from ..models.vocabulary import Vocabulary
from ..score.hypotheses import Hypothesis, HypothesisSegment
from ..score.repetition import repetition
from .decoded import Decoded
from .long_audio import Span, spans_of
from .quiet import Loudness
from .transcriber import Job, Transcriber, rounded


class Place(NamedTuple):
    """Start and end of an utterance in its window, seconds."""

    start: float
    end: float


def windows_of(jobs: Sequence[Job], seconds: float, gap: float) -> list[list[int]]:
    """Indices in `jobs` that share a window, in order; gaps are only between utterances."""
    windows: list[list[int]] = []
    pause = round(gap * RATE)
    room, last = 0, None
    for i, job in enumerate(jobs):
        kind, takes = (job.utterance.speaker, job.language), round(job.utterance.seconds * RATE) + pause
        if kind == last and takes <= room:
            windows[-1].append(i)
        else:
            windows.append([i])
            room = round(seconds * RATE) + pause
        room, last = room - takes, kind
    return windows


def joined(waves: Sequence[Wave], gap: float) -> tuple[Wave, list[Place]]:
    """(the waves joined with silence between them, the place of each)."""
    silence = np.zeros(round(gap * RATE), np.float32)
    parts: list[Wave] = []
    places: list[Place] = []
    at = 0
    for wave in waves:
        if parts:
            parts.append(silence)
            at += len(silence)
        places.append(Place(at / RATE, (at + len(wave)) / RATE))
        parts.append(wave)
        at += len(wave)
    return np.concatenate(parts), places


def told_apart(
    decoded: Decoded, places: Sequence[Place], gap: float, vocabulary: Vocabulary
) -> list[list[Span] | None]:
    """Spans of each utterance, in seconds of the window; None for one that must be decoded alone."""
    spans, _ = spans_of(decoded.tokens, vocabulary, places[-1].end)
    spans = [span for span in spans if vocabulary.decode(span.tokens)]
    borders = [(a.end + b.start) / 2 for a, b in pairwise(places)]
    spans_by_place: list[list[Span]] = [[] for _ in places]
    alone: set[int] = set()
    for n, span in enumerate(spans):
        end = places[-1].end if span.end is None else span.end
        owner = sum((span.start + end) / 2 >= border for border in borders)
        spans_by_place[owner].append(span)
        reached = {i for i, place in enumerate(places) if min(end, place.end) - max(span.start, place.start) > gap / 2}
        if len(reached) > 1:
            alone |= reached | {owner}
        if not decoded.ended and n == len(spans) - 1:
            alone |= {owner}
    return [None if not part or i in alone else part for i, part in enumerate(spans_by_place)]


def transcribe_packed(
    transcriber: Transcriber,
    windows: Sequence[Sequence[Job]],
    drop: Callable[[str, str, str], None],
    batch: int,
    listener: Listener,
) -> list[Hypothesis]:
    """Like Transcriber.transcribe for all jobs of the windows, in order; a window has one language."""
    config, vocabulary = transcriber.config, transcriber.vocabulary
    heard: dict[str, Hypothesis] = {}
    packs: list[tuple[list[Job], Wave, list[Place]]] = []
    for window in windows:
        jobs, waves = _loud(window, listener, config.silent_dbfs) if len(window) > 1 else ([], [])
        if len(jobs) > 1:
            wave, places = joined(waves, config.packed_gap)
            if places[-1].end <= transcriber.seconds:  # a table may give a shorter length than the audio has
                packs.append((jobs, wave, places))
    waves = [wave for _, wave, _ in packs]
    written = transcriber.decode(waves, packs[0][0][0].language, True, batch) if packs else []
    for (jobs, _, places), decoded in zip(packs, written, strict=True):
        apart = told_apart(decoded, places, config.packed_gap, vocabulary)
        for job, place, spans in zip(jobs, places, apart, strict=True):
            if spans is not None:
                heard[job.utterance.id] = _hypothesis(job, place, spans, decoded, transcriber)
    order = [job for window in windows for job in window]
    rest = [job for job in order if job.utterance.id not in heard]
    heard |= {row.id: row for row in transcriber.transcribe(rest, drop, batch, listener)}
    return [heard[job.utterance.id] for job in order if job.utterance.id in heard]


def _loud(window: Sequence[Job], listener: Listener, silent_dbfs: float) -> tuple[list[Job], list[Wave]]:
    """The jobs whose audio can be read and is not silent; decoding alone handles and reports the others."""
    jobs: list[Job] = []
    waves: list[Wave] = []
    for job in window:
        try:
            wave = listener.hear(job.utterance)
        except AudioError:
            continue  # read again when decoded alone, and reported there
        if Loudness(wave, silent_dbfs).loud_F.any():
            jobs.append(job)
            waves.append(wave)
    return jobs, waves


def _hypothesis(
    job: Job, place: Place, spans: Sequence[Span], decoded: Decoded, transcriber: Transcriber
) -> Hypothesis:
    """The hypothesis of one utterance, in its own seconds; with timestamp tokens if they were asked for."""
    vocabulary, seconds = transcriber.vocabulary, place.end - place.start
    tokens: list[int] = []
    segments: list[HypothesisSegment] = []
    for span in spans:
        end = place.end if span.end is None else span.end
        times = [min(max(time - place.start, 0.0), seconds) for time in (span.start, end)]
        segments.append(HypothesisSegment(round(times[0], 2), round(times[1], 2), vocabulary.decode(span.tokens)))
        marks = [vocabulary.timestamp(time) for time in times]
        tokens += [marks[0], *span.tokens, marks[1]] if transcriber.config.timestamps else span.tokens
    if not transcriber.config.timestamps:  # as for an utterance decoded alone
        segments = [HypothesisSegment(0.0, round(seconds, 2), " ".join(s.text for s in segments))]
    text = " ".join(s.text for s in segments)
    return Hypothesis(
        job.utterance.id,
        text,
        round(seconds, 4),
        job.language,
        tuple(tokens),
        tuple(segments),
        rounded(decoded.avg_logprob),
        rounded(decoded.entropy),
        rounded(decoded.no_speech),
        round(repetition(text).letter_ratio, 4),
        True,
    )
