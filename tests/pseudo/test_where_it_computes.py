"""GPUs that are not there or too small, and audio that another recipe names from its own folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.kaldi import write_data_dir
from toolkit.models.hearing import Ears
from toolkit.models.vocabulary import Vocabulary
from toolkit.pseudo import transcribe
from toolkit.pseudo.config import DecodeConfig, TranscribeConfig
from toolkit.pseudo.torch_backend import TorchBackend
from toolkit.pseudo.transcribe_files import command
from toolkit.pseudo.windows import Header, Piece, Window, WindowSegment, vocabulary_hash, write_windows
from toolkit.score.hypotheses import read_hypotheses
from toolkit.train.whisper_config import WindowConfig
from toolkit.train.window_speech import WindowSpeech

WAVE = 0.1 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of the recipe `mgb2`, as it looks from the recipe `mini`; its audio is named from its own."""
    recipe = tmp_path / "egs" / "mgb2"
    (recipe / "audio").mkdir(parents=True)
    (recipe / "run.sh").write_text("")
    soundfile.write(recipe / "audio" / "ليلى.wav", WAVE, 16000)
    tables = {"wav.scp": {"ليلى-0": "audio/ليلى.wav"}, "utt2dur": {"ليلى-0": "0.5"}, "utt2spk": {"ليلى-0": "ليلى"}}
    write_data_dir(recipe / "data" / "test", tables)
    here = tmp_path / "egs" / "mini"
    here.mkdir()
    (here / "run.sh").write_text("")
    monkeypatch.chdir(here)
    return Path("../mgb2/data/test")


def test_a_set_of_another_recipe_is_transcribed(elsewhere: Path, whisper: Path, tmp_path: Path) -> None:
    config = TranscribeConfig(DecodeConfig(max_new_tokens=4, window_seconds=1.0))
    out = tmp_path / "eval" / "test"
    out.mkdir(parents=True)
    step = Step(config, [elsewhere, whisper], out, ["pseudo.transcribe"], ledger=Ledger("pseudo.transcribe"))
    transcribe.run(step)
    assert [row.id for row in read_hypotheses(out)] == ["ليلى-0"]
    assert not step.ledger.rows


def test_windows_of_another_recipe_s_audio_are_heard(elsewhere: Path, whisper: Path, tmp_path: Path) -> None:
    piece = Piece("ليلى-0", 0.0, 0.5, (WindowSegment(0.0, 0.5, (70, 71)),))
    window = Window("ليلى-0", "ليلى", 0.5, None, "ar", (piece,))
    header = Header(vocabulary_hash(whisper), "truth", 30.0, "test", str(elsewhere))
    write_windows(tmp_path, [window], header)
    speech = WindowSpeech(tmp_path, Vocabulary.read(whisper), WindowConfig(), 80, 448)
    np.testing.assert_allclose(speech.wave(0), WAVE, atol=1e-4)  # 16 bits


def test_a_gpu_that_is_not_there_is_a_message(whisper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", WAVE, 16000)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU"):
        command([str(whisper), str(tmp_path / "a.wav"), "--gpu"])


def test_a_gpu_that_is_too_small_says_what_to_lower(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Ears, waves: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has")

    vocabulary = Vocabulary.read(whisper)
    backend = TorchBackend(whisper, vocabulary, seconds=1.0)
    monkeypatch.setattr(Ears, "states", full)
    with pytest.raises(UserError, match="memory is full") as told:
        backend.decode([WAVE], vocabulary.prompt("ar", False))
    assert "speed.batch" in told.value.remedy
