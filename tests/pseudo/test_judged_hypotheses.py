"""Transcripts of recordings that are no speech: kept, with a warning that names the value, and not learnt from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.core.record import Ledger, read_ledger
from toolkit.core.step import Step
from toolkit.data.listen import WARNED
from toolkit.pseudo.pack import PackConfig, run
from toolkit.pseudo.transcribe_files import command
from toolkit.pseudo.windows import read_windows

from .packs import Spoken, write_labels
from .recordings import RATE, noise, transcribe, write_set

WAVES = {
    "ليلى-1": noise(1, 1),
    "ليلى-2": np.zeros(RATE, np.float32),
    "سامي-1": np.sign(noise(1, 3)),
    "سامي-2": noise(1, 4),
}
REASONS = {"ليلى-2": "silent", "سامي-1": "clipped"}


def warned(out: Path) -> dict[str, str]:
    return {row[0]: row[2] for row in read_ledger(out / WARNED)} if (out / WARNED).is_file() else {}


@pytest.mark.parametrize("name", ["train", "test"])
def test_every_utterance_has_its_row_and_what_is_no_speech_a_warning_each_time(
    name: str, whisper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stored transcription warns like one that is made now, alone or in a window with others."""
    data = write_set(tmp_path / name, WAVES)
    for out, packed in (("a/one", False), ("a/two", False), ("b/one", True)):
        step = transcribe(data, whisper, tmp_path / out, packed=packed)
        assert warned(tmp_path / out) == REASONS and not step.ledger.rows and step.counts["utterances"] == 4
        written = capsys.readouterr().out
        assert "WARNING: ليلى-2: silent: every sample is 0" in written
        assert "WARNING: سامي-1: clipped: 100.0% of the samples are at full scale" in written


@pytest.mark.parametrize(("name", "kept"), [("train", 2), ("dev", 3)])
def test_what_labelling_warned_of_is_packed_for_dev_and_not_for_training(
    name: str, kept: int, whisper: Path, tmp_path: Path
) -> None:
    """ليلى-2 is silent, has an empty label and is packed for neither."""
    data = write_set(tmp_path / name, WAVES)
    transcribe(data, whisper, tmp_path / "labels")
    spoken = [Spoken(id, id.partition("-")[0], 1.0, "كلمة" if id != "ليلى-2" else "") for id in WAVES]
    write_labels(tmp_path / "labels", spoken)  # in the place of what an untrained network writes
    ins, out = [data, whisper, tmp_path / "labels"], tmp_path / "packs"
    out.mkdir()
    step = Step(PackConfig(), ins, out, ["pseudo.pack"], ledger=Ledger("pseudo.pack"))
    run(step)
    packed = {piece.id for window in read_windows(out) for piece in window.utterances}
    rows = {row[0]: row[2] for row in step.ledger.rows}
    assert len(packed) == kept and packed.isdisjoint(rows) and packed | rows.keys() == WAVES.keys()
    assert (rows.get("سامي-1") == "clipped") == (name == "train")


def test_a_file_that_is_no_speech_is_transcribed_with_a_warning(
    whisper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {name: tmp_path / f"{name}.wav" for name in ("good", "faint", "integers")}
    for (_, path), scale in zip(paths.items(), (1.0, 1e-4, 32768.0), strict=True):
        soundfile.write(path, noise(1, 1) * scale, RATE, "FLOAT")
    assert command([str(whisper), *map(str, paths.values()), "--decode.max-new-tokens", "9"]) == 0
    written = capsys.readouterr()
    assert all(f"# {path}" in written.out for path in paths.values())
    assert f"WARNING: {paths['faint']}: silent: its loudest tenth of a second is at -97 dB of full scale" in written.err
    assert "multiply it by 10,000" in written.err and "Divide them by 32,768" in written.err
    assert str(paths["good"]) not in written.err


def test_a_training_set_of_transcripts_is_decoded_before_it_is_packed(whisper: Path, tmp_path: Path) -> None:
    """With one job or three the same windows, the same rows; nothing is packed with what cannot be decoded."""
    waves = {f"{who}-{i}": noise(0.6, i) for who in ("ليلى", "سامي") for i in range(6)}
    text = dict.fromkeys(waves, "كلمة")
    data = write_set(tmp_path / "train", {**waves, "ليلى-3": np.zeros(9600, np.float32)}, text=text)
    lost = tmp_path / "train-audio/004.wav"
    lost.write_bytes(lost.read_bytes()[:3000])
    for nj in ("1", "3"):
        argv = [sys.executable, "-m", "toolkit.pseudo.pack", "--labels", "truth", "--in", str(data), str(whisper)]
        environment = {**os.environ, "SAWT_NJ": nj}
        done = subprocess.run([*argv, "--out", str(tmp_path / nj)], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
    for name in ("windows.jsonl", "header.json", "dropped.tsv"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()
    assert {row[0]: row[2] for row in read_ledger(tmp_path / "1/dropped.tsv")} == {
        "سامي-4": "truncated",
        "ليلى-3": "silent",
    }
    packed = [piece.id for window in read_windows(tmp_path / "1") for piece in window.utterances]
    assert len(packed) == 10 and not {"سامي-4", "ليلى-3"} & set(packed)
