"""A Whisper out to CTranslate2: a folder that it loads and that says what the network said, or a clear refusal."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.export import ExportConfig, require_ctranslate2, to_ctranslate2
from toolkit.models.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("whisper") / "hf")


def export(folder: Path, out: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "toolkit.models.export", "--in", str(folder), "--out", str(out), *words]
    return subprocess.run(argv, env={**os.environ, **env}, capture_output=True, text=True)


@pytest.mark.parametrize(("quantization", "tolerance"), [("float32", 1e-5), ("float16", 2e-2), ("int8", 0.3)])
def test_the_exported_encoder_hears_what_hugging_face_hears(
    quantization: str, tolerance: float, whisper: Path, tmp_path: Path
) -> None:
    ctranslate2 = pytest.importorskip("ctranslate2")
    done = export(whisper, tmp_path / "out", "--quantization", quantization)
    assert done.returncode == 0 and f"in {quantization}" in done.stdout, done.stderr
    mel = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(1))
    theirs = ctranslate2.models.Whisper(str(tmp_path / "out"), compute_type="float32")
    got = np.array(theirs.encode(ctranslate2.StorageView.from_array(mel.numpy())))
    with torch.no_grad():
        wanted = WhisperForConditionalGeneration.from_pretrained(whisper).model.encoder(mel).last_hidden_state.numpy()
    assert np.abs(got - wanted).max() < tolerance * np.abs(wanted).max()
    assert theirs.n_mels == 80


def test_the_exported_folder_keeps_the_tokenizer_and_a_second_run_does_nothing(whisper: Path, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    assert export(whisper, tmp_path / "out").returncode == 0
    ours, theirs = Vocabulary.read(tmp_path / "out"), Vocabulary.read(whisper)
    assert ours.prompt("ar", False) == theirs.prompt("ar", False) and ours.size == theirs.size
    assert ours.decode(ours.encode("كَيفَ حالُك؟")) == "كَيفَ حالُك؟"
    assert not list((tmp_path / "out").glob("*.tmp"))
    assert "nothing to do" in export(whisper, tmp_path / "out").stdout


def test_without_ctranslate2_the_user_learns_how_to_install_it(whisper: Path, tmp_path: Path) -> None:
    (tmp_path / "ctranslate2.py").write_text("raise ImportError('not here')\n")
    done = export(whisper, tmp_path / "out", PYTHONPATH=f"{tmp_path}:{os.environ['PYTHONPATH']}")
    assert done.returncode == 1 and "pip install ctranslate2==" in done.stderr and "Traceback" not in done.stderr


def test_a_folder_that_is_no_whole_whisper_is_refused(whisper: Path, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    for path in whisper.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"no model\.safetensors"):
        to_ctranslate2(tmp_path, tmp_path / "out", "int8")
    (tmp_path / "elsewhere").rename(tmp_path / "model.safetensors")
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match=r"no preprocessor_config\.json"):
        to_ctranslate2(tmp_path, tmp_path / "out", "int8")
    write_json(tmp_path / "config.json", {**read_json(tmp_path / "config.json"), "model_type": "hubert"})
    with pytest.raises(UserError, match="no Whisper"):
        to_ctranslate2(tmp_path, tmp_path / "out", "int8")
    assert not (tmp_path / "out/model.bin").exists()


def test_a_damaged_file_of_weights_ends_without_a_traceback(whisper: Path, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    (tmp_path / "in").mkdir()
    for path in whisper.iterdir():
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    weights = (whisper / "model.safetensors").read_bytes()
    (tmp_path / "in/model.safetensors").write_bytes(weights[: len(weights) // 2])
    done = export(tmp_path / "in", tmp_path / "out")
    assert done.returncode == 1 and "error: " in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_an_unknown_quantization_is_named() -> None:
    with pytest.raises(ValueError, match="not int3"):
        ExportConfig("int3")
    with pytest.raises(UserError, match="cannot be used here"):
        require_ctranslate2("ctranslate2_of_another_name")
