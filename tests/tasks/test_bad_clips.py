"""Clips that stop decoding once features are computed, or are no speech: what heads learn from, and are scored on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tones import CONFIG, TASKS, results, tone_corpus

from toolkit.core.errors import UserError
from toolkit.core.record import read_ledger
from toolkit.core.step import Step
from toolkit.data.bad_clips import BadClipsOfRun
from toolkit.data.listen import WARNED
from toolkit.tasks import fit
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.feed import Feed
from toolkit.tasks.unit import Fit
from toolkit.tasks.work import Work
from toolkit.train.engine.loop import TrainingRun

DIALECT = replace(TASKS["dialect"], steps=6, lr=(3e-2,), validate_every=3)
PHONE = replace(TASKS["phone"], steps=6, lr=(1e-2,), validate_every=3)
CROPPED = {"rows": ("models",), "tasks": {"it": replace(DIALECT, crop_seconds=0.3)}}
TUNED = {"rows": ("models",), "tasks": {"it": DIALECT}, "freeze": False}
STREAMED = {"rows": ("models",), "tasks": {"it": PHONE}, "features": "stream"}
PADDED = {"rows": ("models",), "tasks": {"it": DIALECT}, "protocol": "superb-compat", "standardise": False}
WAYS = {"cropped": CROPPED, "tuned": TUNED, "streamed": STREAMED, "padded": PADDED}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "corpus").mkdir()
    return tone_corpus(tmp_path / "corpus")


def step_of(corpus: Path, out: Path, config: TasksConfig) -> Step[TasksConfig]:
    return Step(config, [corpus / "data", corpus / "exp/it1/base"], out, ["tasks.fit"])


class Fed(Exception):
    """Carries what feeds a head out of a run."""


@pytest.fixture
def feeds(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Feed, Feed]]:
    """Two feeds of the first unit: one that ends at a bad clip, one that remembers it."""

    def make(**changes: Any) -> tuple[Feed, Feed]:
        made: list[Feed] = []

        def caught(self: Fit) -> None:
            run = BadClipsOfRun(tmp_path / "bad")
            made.extend(Feed(self.config, self.data, self.feed.source, bad) for bad in (None, run))
            raise Fed

        monkeypatch.setattr(Fit, "run", caught)
        with pytest.raises(Fed):
            fit.run(step_of(corpus, tmp_path / "out", replace(CONFIG, **changes)))
        return made[0], made[1]

    return make


def arrays(batch: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    return ((name, value) for name, value in batch.items() if isinstance(value, np.ndarray))


def parts_of(batch: dict[str, Any], name: str) -> list[np.ndarray]:
    """What each example has of an array of a batch."""
    lengths = batch["samples_B"] if name == "wave_N" else batch["lengths_B"] if name == "states_NLD" else None
    if name == "targets" and len(batch["targets"]) > len(batch["examples"]):
        lengths = batch["lengths_B"]
    return np.split(batch[name], np.cumsum(lengths)[:-1] if lengths is not None else len(batch[name]))


@pytest.mark.parametrize("way", WAYS)
def test_the_other_examples_of_a_batch_are_the_same_bytes(way: str, corpus: Path, feeds: Callable[..., Any]) -> None:
    strict, lenient = feeds(**WAYS[way])
    whole = {step: strict.step(step, 0) for step in range(4)}
    (corpus / "audio/train-03.wav").unlink()
    lost = 0
    for step, before in whole.items():
        batch = lenient.step(step, 0)
        kept = [i for i, e in enumerate(before["examples"]) if e.id != "train-03"]
        lost += len(before["examples"]) - len(kept)
        assert [e.id for e in batch["examples"]] == [before["examples"][i].id for i in kept]
        for name, _ in arrays(before):
            if name != "live_B":
                ours, theirs = parts_of(batch, name), parts_of(before, name)
                assert [a.tobytes() for a in ours] == [theirs[i].tobytes() for i in kept], name
    assert lost >= 2
    with pytest.raises(UserError, match="could be read before and cannot now"):
        [strict.step(step, 0) for step in range(4)]


def test_a_test_example_that_cannot_be_decoded_any_more_is_an_error(corpus: Path, feeds: Callable[..., Any]) -> None:
    """All rows of a table are scored on the same utterances."""
    _, lenient = feeds(**TUNED)
    (corpus / "audio/test-03.wav").unlink()
    with pytest.raises(UserError, match="test-03 could be read before and cannot now: missing"):
        [lenient.batch("test", examples) for examples in lenient.evaluated("test")]


@pytest.mark.parametrize("way", ["tuned", "streamed"])
def test_a_unit_goes_on_without_clips_of_training_and_dev_and_the_same_after_a_stop(
    way: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, done = Work.make, TrainingRun.step

    def spoil_first(self: Work, unit: Any, path: Path) -> None:
        for id in ("train-03", "dev-02"):
            (corpus / f"audio/{id}.wav").write_bytes(b"RIFF")
        make(self, unit, path)

    def spoiled(out: Path, stop: int = 0) -> Step[TasksConfig]:
        def stopping(self: TrainingRun, *args: Any) -> None:
            if stop and self.state.step == stop:
                raise KeyboardInterrupt
            done(self, *args)

        monkeypatch.setattr(TrainingRun, "step", stopping)
        step = step_of(corpus, out, replace(CONFIG, checkpoint_every=2, **WAYS[way]))
        fit.run(step)
        return step

    wavs = {id: (corpus / f"audio/{id}.wav").read_bytes() for id in ("train-03", "dev-02")}
    monkeypatch.setattr(Work, "make", spoil_first)
    whole = spoiled(tmp_path / "whole")
    rows = {row[0]: row[2] for row in whole.ledger.rows}
    assert rows == {"test-05": "empty", "train-03": "unreadable", "dev-02": "unreadable"}
    for id, data in wavs.items():
        (corpus / f"audio/{id}.wav").write_bytes(data)
    with pytest.raises(KeyboardInterrupt):
        spoiled(tmp_path / "cut", stop=5)
    again = spoiled(tmp_path / "cut")
    assert again.ledger.rows == whole.ledger.rows
    row = "it1.base.tuned" if way == "tuned" else "it1.base"
    for name in ("it.json", "it.safetensors"):
        assert (tmp_path / "cut" / row / name).read_bytes() == (tmp_path / "whole" / row / name).read_bytes()
    assert results(tmp_path / "whole", row, "it").decides.n


def test_training_recordings_that_are_no_speech_are_rows_and_test_recordings_warnings(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for id in ("train-03", "test-03"):
        wave, _ = soundfile.read(corpus / f"audio/{id}.wav")
        soundfile.write(corpus / f"audio/{id}.wav", np.sign(wave), 16000)
    step = step_of(corpus, tmp_path / "out", replace(CONFIG, rows=("fbank",), tasks={"it": DIALECT}))
    fit.run(step)
    assert {row[0]: row[2] for row in step.ledger.rows} == {"test-05": "empty", "train-03": "clipped"}
    assert [(row[0], row[2]) for row in read_ledger(tmp_path / "out" / WARNED)] == [("test-03", "clipped")]
    assert "WARNING: test-03: clipped: 100.0% of the samples are at full scale" in capsys.readouterr().out
    assert results(tmp_path / "out", "fbank", "it").decides.n == 11


def test_a_set_with_too_many_broken_recordings_fails_its_row_with_their_list(corpus: Path, tmp_path: Path) -> None:
    for i in range(4):
        (corpus / f"audio/train-0{i}.wav").write_bytes(b"RIFF")
    step = step_of(corpus, tmp_path / "out", replace(CONFIG, rows=("fbank",), tasks={"it": DIALECT}))
    with pytest.raises(UserError, match=r"every task of every row failed: [\s\S]*4 of 24 clips cannot be used"):
        fit.run(step)
