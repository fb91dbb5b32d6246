"""What the store of pseudo.transcribe gives back, and what is decoded or looked at again."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.core.record import Ledger
from toolkit.core.registry import declared, registry
from toolkit.core.step import Step
from toolkit.data.kaldi import write_data_dir
from toolkit.models.whisper_files import model_hash
from toolkit.pseudo import transcribe
from toolkit.pseudo.config import DecodeConfig, TranscribeConfig
from toolkit.pseudo.store import Store
from toolkit.pseudo.torch_backend import TorchBackend
from toolkit.score.hypotheses import read_hypotheses

NAMES = ("ليلى-0", "ليلى-1", "b-0")


def heard(data: Path, model: Path, out: Path) -> Step[TranscribeConfig]:
    """pseudo.transcribe of `data`, within this process."""
    config = TranscribeConfig(DecodeConfig(max_new_tokens=4, window_seconds=1.0))
    out.mkdir(parents=True)
    step = Step(config, [data, model], out, ["pseudo.transcribe"], ledger=Ledger("pseudo.transcribe"))
    transcribe.run(step)
    return step


def written(out: Path) -> dict[str, str]:
    return {row.id: row.text for row in read_hypotheses(out)}


def noise(path: Path, seed: int) -> None:
    wave = 0.1 * np.random.default_rng(seed).standard_normal(8000)
    soundfile.write(path, wave.astype(np.float32), 16000)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        noise(tmp_path / f"{name}.wav", seed)
    tables = {
        "wav.scp": {name: str(tmp_path / f"{name}.wav") for name in NAMES},
        "utt2dur": dict.fromkeys(NAMES, "0.5"),
        "utt2spk": {name: name.partition("-")[0] for name in NAMES},
    }
    write_data_dir(tmp_path / "set", tables)
    return tmp_path / "set"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many windows are decoded at a time."""
    counts: list[int] = []
    decode = TorchBackend.decode

    def noting(self, waves, *words, **names):  # type: ignore[no-untyped-def]
        counts.append(len(waves))
        return decode(self, waves, *words, **names)

    monkeypatch.setattr(TorchBackend, "decode", noting)
    return counts


def test_a_recording_that_can_be_read_again_is_heard_though_its_file_is_as_it_was(
    data: Path, whisper: Path, tmp_path: Path
) -> None:
    path = tmp_path / "ليلى-1.wav"
    whole, state = path.read_bytes(), path.stat()
    path.write_bytes(bytes(len(whole)))  # as a disk that is not there, or a codec that was not installed
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    step = heard(data, whisper, tmp_path / "eval" / "first")
    assert [row[0] for row in step.ledger.rows] == ["ليلى-1"]
    path.write_bytes(whole)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    step = heard(data, whisper, tmp_path / "eval" / "second")
    assert not step.ledger.rows
    assert sorted(written(tmp_path / "eval" / "second")) == sorted(NAMES)


def test_what_another_version_of_the_code_wrote_is_decoded_again(
    data: Path, whisper: Path, tmp_path: Path, windows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard(data, whisper, tmp_path / "eval" / "first")
    count = sum(windows)
    heard(data, whisper, tmp_path / "eval" / "same")
    assert sum(windows) == count
    newer = replace(declared("pseudo.transcribe"), version=99)
    monkeypatch.setitem(registry(), "pseudo.transcribe", newer)
    heard(data, whisper, tmp_path / "eval" / "next")
    assert sum(windows) == 2 * count


@pytest.mark.parametrize(
    "row",
    [None, 7, {}, {"took": 0.1}, {"took": "x", "hypothesis": {}}, {"took": 0.1, "hypothesis": []},
     {"took": 0.1, "hypothesis": {"text": 3}}, {"took": 0.1, "hypothesis": {"text": "a", "segments": 7}}],
)  # fmt: skip
def test_a_row_that_is_none_of_ours_is_as_if_it_were_not_there(
    row: object, data: Path, whisper: Path, tmp_path: Path
) -> None:
    heard(data, whisper, tmp_path / "eval" / "first")
    (kept,) = (tmp_path / "eval" / transcribe.ITEMS).rglob("*.jsonl")
    lines = kept.read_bytes().splitlines(keepends=True)
    keys = [key for line in lines for key in json.loads(line)]
    with open(kept, "ab") as f:
        f.write(json.dumps({keys[0]: row}).encode() + b"\n")
    assert keys[0] in Store(kept.parent).rows
    heard(data, whisper, tmp_path / "eval" / "second")
    assert written(tmp_path / "eval" / "second") == written(tmp_path / "eval" / "first")


def test_lines_that_are_no_batches_are_passed_over(data: Path, whisper: Path, tmp_path: Path) -> None:
    heard(data, whisper, tmp_path / "eval" / "first")
    (kept,) = (tmp_path / "eval" / transcribe.ITEMS).rglob("*.jsonl")
    before = Store(kept.parent).rows
    with open(kept, "ab") as f:
        f.write(b'["ab"]\n7\n\x00\xff\n"x"\n' + b"[" * 100_000 + b"\n")
    assert Store(kept.parent).rows == before


def test_the_hash_of_a_model_does_not_depend_on_what_python_has(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = model_hash(whisper)
    monkeypatch.delattr(hashlib, "file_digest", raising=False)  # which came with 3.11
    assert model_hash(whisper) == first


def test_of_a_store_only_what_will_be_asked_for_is_held(tmp_path: Path) -> None:
    rows = {key: {"took": 1.0, "hypothesis": {"text": "نص", "segments": []}} for key in ("a", "b", "c")}
    Store(tmp_path).add(rows)
    assert Store(tmp_path, {"b", "d"}).rows == {"b": rows["b"]}
