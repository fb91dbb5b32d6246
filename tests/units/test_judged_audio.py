"""Whoever decodes judges: what is no speech leaves the units of a training set, and stays in those of a dev set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from toolkit.core.errors import UserError
from toolkit.core.record import read_ledger
from toolkit.data.labels import Labels
from toolkit.data.listen import WARNED
from toolkit.units import kmeans, label, quality, sample
from toolkit.units.config import UnitsConfig
from toolkit.units.label import LabelConfig
from toolkit.units.quality import QualityConfig

RATE = 16000


def spoil(data: Path) -> dict[str, str]:
    """Four recordings of a set that are no speech; id -> reason."""
    ids = sorted(line.split()[0] for line in (data / "wav.scp").read_text().splitlines())
    reasons = dict(zip(ids, ("silent", "clipped", "out of range", "silent"), strict=False))
    for id, kind in zip(reasons, ("zeros", "square", "integers", "scaled"), strict=True):
        path = data.parent / "audio" / f"{id}.wav"
        wave, _ = soundfile.read(path)
        spoilt = {"zeros": 0 * wave, "square": np.sign(wave), "integers": wave * 32768, "scaled": wave * 1e-4}[kind]
        soundfile.write(path, spoilt, RATE, "FLOAT")
    return reasons


@pytest.fixture
def spoilt(make_data: Callable[..., Path]) -> tuple[Path, Path, dict[str, str], dict[str, str]]:
    train, dev = make_data("train", 12), make_data("dev", 8)
    return train, dev, spoil(train), spoil(dev)


def files(out: Path) -> dict[str, bytes]:
    kept = (p for p in out.rglob("*") if p.is_file() and not {"log", "shards"} & set(p.relative_to(out).parts))
    return {str(p.relative_to(out)): p.read_bytes() for p in kept}


def test_sample_and_labels_leave_out_the_same_training_rows_and_warn_of_those_of_dev(
    spoilt: Any, run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a word to each other."""
    train, dev, of_train, of_dev = spoilt
    sampled = run_step(sample, UnitsConfig, [train], tmp_path / "s", small)
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", small)
    labelled = run_step(label, LabelConfig, [train, dev, tmp_path / "c"], tmp_path / "l")
    for step in (sampled, labelled):
        assert {row[0]: row[2] for row in step.ledger.rows} == of_train
    assert {row[0]: row[2] for row in read_ledger(tmp_path / "l" / WARNED)} == of_dev
    assert labelled.counts["warned"] == 4 and not (tmp_path / "s" / WARNED).exists()
    written = capsys.readouterr().out
    for id, reason in of_dev.items():
        assert f"WARNING: {id}: {reason}: " in written
    labels = Labels.open(tmp_path / "l")
    assert len(labels) == 12 - 4 + 8 and all(id in labels for id in of_dev)
    done = run_step(quality, QualityConfig, [train, tmp_path / "l"], tmp_path / "q")
    assert done.ledger.reasons() == {"no labels": 4}


def test_rows_and_warnings_do_not_depend_on_the_number_of_jobs(
    spoilt: Any, run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path
) -> None:
    train, dev, of_train, of_dev = spoilt
    run_step(sample, UnitsConfig, [train], tmp_path / "s", small)
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", small)
    for nj in ("1", "3"):
        argv = [sys.executable, "-m", "toolkit.units.label", "--in", str(train), str(dev), str(tmp_path / "c")]
        environment = {**os.environ, "SAWT_NJ": nj}
        done = subprocess.run([*argv, "--out", str(tmp_path / nj)], capture_output=True, text=True, env=environment)
        assert done.returncode == 0 and done.stdout.count("WARNING: spk0-dev") == len(of_dev), done.stderr
        assert {row[0] for row in read_ledger(tmp_path / nj / "dropped.tsv")} == of_train.keys()
    one, three = (files(tmp_path / nj) for nj in ("1", "3"))
    measured = {"record.json", "times.json", ".lock"}
    assert {n: b for n, b in one.items() if n not in measured} == {n: b for n, b in three.items() if n not in measured}
    assert WARNED in one and read_ledger(tmp_path / "1" / WARNED)


def test_good_audio_leaves_no_trace_of_having_been_judged(
    make_data: Callable[..., Path], run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path
) -> None:
    step = run_step(sample, UnitsConfig, [make_data()], tmp_path / "s", small)
    assert not step.ledger.rows and "warned" not in step.counts
    assert {p.name for p in (tmp_path / "s").iterdir() if p.name != "shards"} >= {"feats.scp", "features.json"}
    assert not list((tmp_path / "s").glob("*warned*"))


def test_too_many_recordings_that_cannot_be_read_end_labelling_with_their_list(
    make_data: Callable[..., Path], chain: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    made, whole = chain(), tmp_path / "whole"
    data = tmp_path / "train"
    shutil.copytree(tmp_path / "audio", whole)
    paths = sorted((tmp_path / "audio").glob("*train*"))[:4]
    for path in paths:
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="4 of 12 clips cannot be used, where 3 may be left out:") as e:
        run_step(label, LabelConfig, [data, made / "codebook"], tmp_path / "l")
    assert all(path.stem in e.value.what for path in paths) and e.value.where == str(data)
    shutil.copy(whole / paths[0].name, paths[0])
    step = run_step(label, LabelConfig, [data, made / "codebook"], tmp_path / "l")
    assert {row[0]: row[2] for row in step.ledger.rows} == dict.fromkeys([p.stem for p in paths[1:]], "truncated")
    assert len(Labels.open(tmp_path / "l")) == 9


def test_a_clip_that_stops_decoding_between_two_labellings_is_left_out_of_their_agreement(
    make_data: Callable[..., Path], chain: Callable[..., Path], run_step: Callable[..., Any], small: dict[str, Any],
    tmp_path: Path,
) -> None:  # fmt: skip
    made, data = chain(), tmp_path / "train"
    run_step(kmeans, UnitsConfig, [made / "sample"], tmp_path / "c2", {**small, "seed": 2})
    lost = sorted((tmp_path / "audio").glob("*train*"))[0]
    lost.unlink()
    run_step(label, LabelConfig, [data, tmp_path / "c2"], tmp_path / "l2")
    step = run_step(quality, QualityConfig, [data, made / "labels", tmp_path / "l2"], tmp_path / "q")
    assert [(row[0], row[2]) for row in step.ledger.rows if "twin" in row[2]] == [(lost.stem, "no labels of the twin")]
