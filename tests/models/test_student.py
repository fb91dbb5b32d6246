"""Students of a Whisper, and a Whisper fetched from a folder, as steps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from packed import make_student
from safetensors.torch import load_file
from transformers import WhisperForConditionalGeneration
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.core.step import Step
from toolkit.models import fetch
from toolkit.models.fetch import FetchConfig
from toolkit.models.student import StudentConfig, picks_of
from toolkit.models.whisper_shape import WhisperConfig, parameter_count


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "tiny", layers=4, decoder_layers=3)


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return weights


def test_a_student_has_its_blocks_and_all_else_of_the_teacher_to_the_bit(teacher: Path, tmp_path: Path) -> None:
    ours, theirs = tensors(make_student(teacher, tmp_path, (0, 2, 3), (2, 0)) / "hf"), tensors(teacher)
    picks = {"encoder": (0, 2, 3), "decoder": (2, 0)}
    for name, tensor in ours.items():
        head, _, rest = name.partition(".layers.")
        number, _, inner = rest.partition(".")
        of = f"{head}.layers.{picks[head.split('.')[-1]][int(number)]}.{inner}" if rest else name
        assert torch.equal(tensor, theirs[of]), name
    assert len([n for n in ours if ".layers." in n and n.endswith(".fc1.weight")]) == 5


def test_transformers_loads_a_student_with_nothing_missing_and_counts_the_same(teacher: Path, tmp_path: Path) -> None:
    folder = make_student(teacher, tmp_path, (0, 3), (2,)) / "hf"
    network, report = WhisperForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    count = sum(p.numel() for p in network.parameters())
    card = (folder / "README.md").read_text()
    assert f"{count:,} parameters" in card and "DW-2-1: encoder blocks 0, 3 and decoder blocks 2 (from 0)" in card
    assert "NOT trained yet" in card
    about = read_json(folder / "config.json")["sawt"]
    assert (about["encoder_blocks"], about["decoder_blocks"], about["made_from"]) == ([0, 3], [2], "tiny")


@pytest.mark.parametrize(
    ("encoder", "decoder", "millions"), [(8, 8, 441), (16, 16, 809), (32, 16, 1124), (16, 32, 1229), (32, 2, 756)]
)
def test_students_of_large_v2_are_as_large_as_published(encoder: int, decoder: int, millions: int) -> None:
    """The table of "To Distill or Not to Distill"."""
    shape = WhisperConfig(encoder_layers=encoder, decoder_layers=decoder)
    assert parameter_count(shape) / 1e6 == pytest.approx(millions, abs=1)


def test_blocks_of_32_are_as_far_apart_as_published() -> None:
    wide = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 31]
    assert picks_of(StudentConfig(16, 8), WhisperConfig()) == (wide, [0, 4, 8, 13, 17, 22, 26, 31])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--encoder-layers", "5", "--decoder-layers", "2"),
            "a student of 5 encoder blocks is deeper than its teacher",
        ),
        (("--encoder-layers", "2", "--decoder-layers", "4"), "a student of 4 decoder blocks is deeper"),
        (("--encoder-layers", "1", "--decoder-layers", "1", "--decoder-picks", "3"), "no decoder block 3"),
        (("--encoder-layers", "0", "--decoder-layers", "1"), "encoder_layers must be at least 1"),
        (("--encoder-layers", "2", "--decoder-layers", "1", "--encoder-picks", "1"), "encoder_picks names 1 blocks"),
    ],
)
def test_a_student_that_cannot_be_is_refused_without_a_traceback(
    words: tuple[str, ...], message: str, teacher: Path, tmp_path: Path
) -> None:
    argv = [sys.executable, "-m", "toolkit.models.student", *words, "--in", str(teacher), "--out", str(tmp_path / "o")]
    done = subprocess.run(argv, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


def fetched(model: str, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    step = Step(FetchConfig(model), [], out, ["models.fetch"])
    fetch.run(step)
    assert step.counts["parameters"] > 0
    return out / "hf"


def test_a_local_folder_is_fetched_to_the_byte_and_nothing_else_of_it(teacher: Path, tmp_path: Path) -> None:
    source = tmp_path / "source/hf"
    source.mkdir(parents=True)
    for path in teacher.iterdir():
        (source / path.name).write_bytes(path.read_bytes())
    (source / "pytorch_model.bin").write_bytes(b"a pickle")
    (source / "notes.txt").write_text("ملاحظة")
    for model in (str(source), str(source.parent)):  # the folder itself, or what a step left
        copied = fetched(model, tmp_path / Path(model).name)
        assert {p.name for p in copied.iterdir()} == {p.name for p in teacher.iterdir()}
        assert all((copied / p.name).read_bytes() == p.read_bytes() for p in teacher.iterdir())
        assert WhisperForConditionalGeneration.from_pretrained(copied).config.encoder_layers == 4


@pytest.mark.parametrize("model", ["nowhere", "../etc/passwd", "ليس هنا", "a/b/c"])
def test_what_is_neither_a_folder_nor_an_id_is_refused(model: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model here") as error:
        fetched(model, tmp_path / "out")
    assert error.value.where == model and "openai/whisper-base" in error.value.remedy


def test_a_network_that_is_no_model_of_speech_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match="not a speech encoder: a model of type bert"):
        fetched(str(tmp_path / "in"), tmp_path / "out")
    assert not (tmp_path / "out/hf").exists()
