"""A set of utterances of known lengths, its pseudo-labels and its selections, for tests of packing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from toolkit.core.files import remove
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.kaldi import Utterance, write_data_dir
from toolkit.pseudo.pack import PackConfig, run
from toolkit.pseudo.windows import Window, read_windows
from toolkit.score.hypotheses import Header, Hypothesis, HypothesisSegment, write_hypotheses


@dataclass(frozen=True)
class Spoken:
    """An utterance of a test; `at` is where its recording has it, where there are segments."""

    id: str
    speaker: str
    seconds: float
    text: str = "كلمة"
    segments: tuple[tuple[float, float, str], ...] = ()
    language: str = "ar"
    ended: bool = True
    recording: str = ""
    at: float = 0.0


def write_set(folder: Path, spoken: Sequence[Spoken], text: Mapping[str, str] | None = None) -> Path:
    """A data directory; with segments where utterances name recordings. The audio is what `heard` gives."""
    tables: dict[str, Mapping[str, str]] = {"utt2spk": {u.id: u.speaker for u in spoken}}
    if any(u.recording for u in spoken):
        tables["wav.scp"] = {u.recording: "x.wav" for u in spoken}
        tables["segments"] = {u.id: f"{u.recording} {u.at:.4f} {u.at + u.seconds:.4f}" for u in spoken}
    else:
        tables["wav.scp"] = {u.id: "x.wav" for u in spoken}
        tables["utt2dur"] = {u.id: f"{u.seconds:.4f}" for u in spoken}
    tables["text"] = {u.id: u.text for u in spoken} if text is None else text
    write_data_dir(folder, tables)
    return folder


def write_labels(folder: Path, spoken: Iterable[Spoken]) -> Path:
    rows = [
        Hypothesis(
            id=u.id,
            text=u.text,
            seconds=u.seconds,
            language=u.language,
            segments=tuple(HypothesisSegment(*s) for s in u.segments),
            ended=u.ended,
        )
        for u in sorted(spoken, key=lambda u: u.id)
    ]
    write_hypotheses(folder, rows, Header("tiny", "0" * 16, 1, "train"))
    return folder


def write_kept(folder: Path, name: str, ids: Iterable[str]) -> Path:
    (folder / "kept").mkdir(parents=True, exist_ok=True)
    (folder / "kept" / f"{name}.txt").write_text("".join(f"{id}\n" for id in sorted(ids)), encoding="utf-8")
    return folder


@dataclass
class Packed:
    windows: list[Window]
    dropped: dict[str, str]
    counts: dict[str, float]
    out: Path

    @property
    def ids(self) -> list[str]:
        return [piece.id for window in self.windows for piece in window.utterances]


NOISE = np.random.default_rng(0).uniform(-0.1, 0.1, 45 * 16000).astype(np.float32)


def heard(utterance: Utterance) -> np.ndarray:
    """As long as the tables say; hours of audio are not written for a test."""
    return NOISE[: round(utterance.seconds * 16000)]


def pack(out: Path, config: PackConfig, *ins: Path) -> Packed:
    step = Step(config, list(ins), out, ["pseudo.pack"], ledger=Ledger("pseudo.pack"))
    out.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Utterance, "audio", heard)
        run(step)
    remove(out / "shards")  # as the step does once it is done
    return Packed(read_windows(out), {row[0]: row[2] for row in step.ledger.rows}, step.counts, out)
