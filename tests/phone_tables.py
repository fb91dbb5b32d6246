"""A data directory with the phones of its utterances, whose times may be wrong in a stated way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from toolkit.data.kaldi import write_data_dir

PHONES = ("ب", "ا", "ت", "ʕ")
SIL = "sil"
Span = tuple[float, float, str]  # start, duration, phone
Spans = list[Span]
Change = Callable[[Spans, float, float], Spans]  # (spans, where the utterance begins in its recording, its length)


def true_spans(utterances: int = 30, silences: bool = True, longest: float = 3) -> list[tuple[float, float, Spans]]:
    """(beginning in its recording, seconds, phones) of utterances of 2 s to `longest`.

    They have 0.2 to 0.5 s of silence around them.
    """
    rng = np.random.default_rng(3)
    made = []
    for i in range(utterances):
        seconds = round(float(rng.uniform(2, longest)), 2)
        before, behind = (round(float(s), 2) for s in rng.uniform(0.2, 0.5, 2))
        spans = [(0.0, before, SIL)] if silences else []
        at = before
        while seconds - behind - at > 0.005:
            duration = min(round(float(rng.uniform(0.06, 0.16)), 2), round(seconds - behind - at, 2))
            spans.append((at, duration, PHONES[int(rng.integers(len(PHONES)))]))
            at = round(at + duration, 2)
        spans += [(at, behind, SIL)] if silences else []
        made.append((10.0 + (longest + 1) * (i % 10), seconds, spans))
    return made


def as_given(spans: Spans, start: float, seconds: float) -> Spans:
    return spans


def times(factor: float) -> Change:
    """Times in another unit, of which `factor` are a second."""
    return lambda spans, start, seconds: [(round(s * factor), round(d * factor), p) for s, d, p in spans]


def later(shift: float) -> Change:
    return lambda spans, start, seconds: [(s + shift, d, p) for s, d, p in spans]


def later_and_cut(shift: float) -> Change:
    """Times that are late, and cut to fit the utterance."""

    def change(spans: Spans, start: float, seconds: float) -> Spans:
        return [(s, min(d, seconds - s), p) for s, d, p in later(shift)(spans, start, seconds) if s < seconds]

    return change


def of_recording(spans: Spans, start: float, seconds: float) -> Spans:
    return [(s + start, d, p) for s, d, p in spans]


WRONG = {  # table -> (how its times are wrong, what is said of it)
    "half a second late": (later(0.5), "they fit as late by about 0.50 s"),
    "from the recording's beginning": (of_recording, "from the beginning of the recording, not of the utterance"),
    "frames of 10 ms": (times(100), "they fit as frames of 10 ms, not seconds"),
    "frames of 20 ms": (times(50), "they fit as frames of 20 ms, not seconds"),
    "milliseconds": (times(1000), "they fit as milliseconds, not seconds"),
    "samples": (times(16000), "they fit as samples at 16 kHz, not seconds"),
}


def write_corpus(
    folder: Path,
    change: Change = as_given,
    utterances: int = 30,
    silences: bool = True,
    prefix: str = "متكلم",
    longest: float = 3,
) -> Path:
    """A data directory with segments and phones.ctm; its recordings are empty files."""
    rows = true_spans(utterances, silences, longest)
    ids = [f"{prefix}-{i:02}" for i in range(utterances)]
    recordings = {f"{prefix}-r{i // 10}": str(folder.parent / f"{prefix}-r{i // 10}.wav") for i in range(utterances)}
    folder.parent.mkdir(parents=True, exist_ok=True)
    for path in recordings.values():
        Path(path).touch()
    cuts = {id: f"{prefix}-r{i // 10} {rows[i][0]:.2f} {rows[i][0] + rows[i][1]:.2f}" for i, id in enumerate(ids)}
    tables = {
        "wav.scp": recordings,
        "segments": cuts,
        "reco2dur": dict.fromkeys(recordings, "200"),
        "utt2spk": dict.fromkeys(ids, prefix),
    }
    write_data_dir(folder, tables)
    write_phones(folder, {id: change(spans, start, s) for id, (start, s, spans) in zip(ids, rows, strict=True)})
    return folder


def write_phones(folder: Path, spans: dict[str, Spans]) -> None:
    lines = (f"{id} 1 {s:.3f} {d:.3f} {p}\n" for id, of in spans.items() for s, d, p in of)
    (folder / "phones.ctm").write_text("".join(lines), encoding="utf-8")
