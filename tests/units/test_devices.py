"""What units do with a GPU, and say where there is none; no GPU is needed to know."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from toolkit.core.device import device_of
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.models import encoder
from toolkit.units import features, kmeans, label, sample
from toolkit.units.config import UnitsConfig
from toolkit.units.label import LabelConfig
from toolkit.units.layer import LayerSource

SMALL = {"sample.frames": 700, "kmeans.k": 8}


def step(worker: tuple[int, int] | None = None) -> Step[Any]:
    return Step(None, [], Path(), ["units.label"], worker, ledger=Ledger("units.label"))


@pytest.fixture
def allowed() -> Iterator[None]:
    """TF32 allowed, as torch begins, and as it was afterwards."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = True
    yield
    matmul.allow_tf32, cudnn.allow_tf32 = before


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("device, left", [("cpu", True), ("cuda:0", False)])
def test_a_teacher_on_a_gpu_computes_in_float32_not_in_tf32(
    device: str, left: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import transformers

    shape = {"num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    config = transformers.HubertConfig(
        **shape, conv_dim=(8,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4
    )
    transformers.HubertModel(config).save_pretrained(tmp_path / "teacher")
    load = encoder.load_encoder
    monkeypatch.setattr(encoder, "load_encoder", lambda folder, device: load(folder, "cpu"))
    LayerSource(tmp_path / "teacher", 1, 60.0, device)
    assert torch.backends.cuda.matmul.allow_tf32 is left and torch.backends.cudnn.allow_tf32 is left


def test_gpus_asked_for_and_not_there_are_missed_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of(step()) == "cpu" and capsys.readouterr().out == ""
    monkeypatch.setenv("SAWT_NGPU", "2")
    assert device_of(step()) == "cpu"
    output = capsys.readouterr().out
    assert output.count("\n") == 1 and "--ngpu is 2" in output and "units.label computes on the CPU" in output


def test_workers_take_the_gpus_in_turn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("SAWT_NGPU", "2")
    assert [device_of(step(w)) for w in (None, (1, 3), (2, 3), (3, 3))] == ["cuda:0", "cuda:0", "cuda:1", "cuda:0"]
    assert capsys.readouterr().out == ""


def test_work_is_shared_among_gpus_with_a_teacher_and_among_cpus_for_mfcc(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The teacher is a stand-in with the numbers of MFCC, so that only what is passed on is looked at."""
    data, teacher, placed = make_data(), tmp_path / "teacher", []
    teacher.mkdir()
    mfcc = features.MfccSource()
    for module in (sample, label):
        run_shards = module.run_shards

        def noted(*args: Any, run_shards: Any = run_shards, on_device: bool = False, **more: Any) -> Any:
            placed.append(on_device)
            return run_shards(*args, on_device=on_device, **more)

        monkeypatch.setattr(module, "run_shards", noted)
    run_step(sample, UnitsConfig, [data], tmp_path / "s", SMALL)
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", SMALL)
    run_step(label, LabelConfig, [data, tmp_path / "c"], tmp_path / "l")
    assert placed == [False, False]
    monkeypatch.setattr(sample, "open_source", lambda *args: mfcc)
    monkeypatch.setattr(label, "source_for", lambda *args: mfcc)
    run_step(sample, UnitsConfig, [data, teacher], tmp_path / "s2", SMALL)
    run_step(label, LabelConfig, [data, tmp_path / "c", teacher], tmp_path / "l2")
    assert placed == [False, False, True, True]


def test_mfcc_stay_on_the_cpu_whatever_gpus_there_are(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_data()
    run_step(sample, UnitsConfig, [data], tmp_path / "s", SMALL)
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", SMALL)
    monkeypatch.setenv("SAWT_NGPU", "1")
    monkeypatch.setattr(torch, "cuda", SimpleNamespace(is_available=lambda: True))  # a tensor moved there would fail
    run_step(sample, UnitsConfig, [data], tmp_path / "s2", SMALL)
    run_step(label, LabelConfig, [data, tmp_path / "c"], tmp_path / "l")
    assert (tmp_path / "s2/utt2num_frames").read_bytes() == (tmp_path / "s/utt2num_frames").read_bytes()
