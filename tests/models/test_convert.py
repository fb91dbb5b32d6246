"""Pickled weights to safetensors. Oracle: transformers' own loading of the same file, and torch.save."""

import argparse
import json
import os
import pickle
import re
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from networks import SMALL, TINY
from safetensors.torch import load_file

from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.models import convert as converting
from toolkit.models.convert import convert, main
from toolkit.models.encoder import load_encoder
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.pickled import read_pickle, to_safetensors

from .hostile import Hostile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "نموذج"
    made.mkdir()
    return made


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickles are read in this process: fast. What the other process is for has tests of its own."""

    def read_here(folder: Path, out: Path) -> dict[str, Any]:
        return {"tensors": to_safetensors(folder, out)}

    monkeypatch.setattr(converting, "_read_apart", read_here)


def test_a_wavlm_of_pickles_is_loaded_after_one_command_and_as_transformers_does(folder: Path, capsys: Any) -> None:
    torch.manual_seed(0)
    model = transformers.WavLMModel(transformers.WavLMConfig(**SMALL)).eval()
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="never loaded as they are") as error:
        load_encoder(folder)
    assert error.value.remedy == f"convert them once: python3 -m toolkit.models.convert '{folder}'"
    before = (folder / "pytorch_model.bin").read_bytes()
    main([str(folder)])
    assert f"{len(model.state_dict())} tensors" in capsys.readouterr().out
    assert {p.name for p in folder.iterdir()} == {"config.json", "pytorch_model.bin", "model.safetensors"}
    assert (folder / "pytorch_model.bin").read_bytes() == before
    wave_BN = torch.randn(1, 3000)
    with torch.no_grad():
        torch.testing.assert_close(load_encoder(folder).states(wave_BN)[-1], model(wave_BN).last_hidden_state)
    written = (folder / "model.safetensors").stat()
    main([str(folder)])
    assert "nothing to do" in capsys.readouterr().out and (folder / "model.safetensors").stat() == written


def saved(folder: Path, tree: Any, name: str = "pytorch_model.bin", **how: Any) -> None:
    torch.save(tree, folder / name, **how)


TENSORS = {
    "float": torch.randn(3, 4),
    "half": torch.randn(5).half(),
    "bfloat": torch.randn(5).bfloat16(),
    "whole": torch.arange(6),
    "turned": torch.randn(3, 4).T,
    "parameter": torch.nn.Parameter(torch.randn(2)),
    "scalar": torch.tensor(3.0),
    "empty": torch.zeros(0, 3),
}


@pytest.mark.parametrize("zip", [True, False], ids=["archive", "before torch 1.6"])
def test_every_tensor_keeps_its_name_type_and_values(zip: bool, folder: Path, here: None) -> None:
    saved(folder, OrderedDict(TENSORS), _use_new_zipfile_serialization=zip)
    assert convert(folder, folder) == len(TENSORS)
    read = load_file(folder / "model.safetensors")
    assert read.keys() == TENSORS.keys()
    assert all(read[n].dtype == t.dtype and torch.equal(read[n], t) for n, t in TENSORS.items())


def test_tensors_that_share_memory_keep_both_names(folder: Path, here: None) -> None:
    whole = torch.randn(4, 3)
    saved(folder, {"a": whole, "b": whole, "first rows": whole[:2], "column": whole[:, 1]})
    convert(folder, folder)
    read = load_file(folder / "model.safetensors")
    assert all(torch.equal(read[name], whole) for name in "ab")
    assert torch.equal(read["first rows"], whole[:2]) and torch.equal(read["column"], whole[:, 1])


def in_parts(folder: Path) -> None:
    names = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    saved(folder, {"a": torch.ones(2), "b": torch.zeros(2)}, names[0])
    saved(folder, {"c": torch.arange(3)}, names[1])
    write_json(folder / "pytorch_model.bin.index.json", {"weight_map": {"a": names[0], "b": names[0], "c": names[1]}})


def test_parts_become_one_file(folder: Path, here: None) -> None:
    in_parts(folder)
    assert convert(folder, folder) == 3
    read = load_file(folder / "model.safetensors")
    assert {name: t.tolist() for name, t in read.items()} == {"a": [1, 1], "b": [0, 0], "c": [0, 1, 2]}


def _less(folder: Path) -> None:
    saved(folder, {"a": torch.ones(2)}, "pytorch_model-00001-of-00002.bin")


def _twice(folder: Path) -> None:
    saved(folder, {"a": torch.ones(2), "c": torch.ones(2)}, "pytorch_model-00002-of-00002.bin")


def _away(folder: Path) -> None:
    write_json(folder / "pytorch_model.bin.index.json", {"weight_map": {"a": "../pytorch_model.bin"}})


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_less, "1 tensors differ between the index and the files, e.g. b"),
        (_twice, "1 tensors are in two files, e.g. a"),
        (_away, "leads out of its folder"),
        (lambda f: (f / "pytorch_model-00002-of-00002.bin").unlink(), "a file of weights is missing"),
    ],
)
def test_parts_that_do_not_fit_their_index_are_refused(
    harm: Callable[[Path], None], message: str, folder: Path, here: None
) -> None:
    in_parts(folder)
    harm(folder)
    with pytest.raises(UserError, match=message):
        convert(folder, folder)
    assert not list(folder.glob("model*"))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([torch.ones(2)], "no mapping of names to tensors, but a list"),
        ({"a": torch.ones(2), "step": 3}, "step is no tensor but a int"),
        ({"model": {"a": torch.ones(2)}}, "model is no tensor but a dict; a checkpoint of fairseq or Lightning"),
        ({3: torch.ones(2)}, "whose name is no text: 3"),
        ({"a": torch.tensor([1.0, float("nan")])}, "a holds NaN or infinity"),
        ({"a": torch.tensor([1.0, float("-inf")]).half()}, "a holds NaN or infinity"),
        ({"a": torch.eye(3).to_sparse()}, "a is a sparse"),
        ({"a": torch.ones(2, dtype=torch.complex64)}, "a is a sparse, quantized, complex"),
    ],
)
def test_a_file_of_anything_but_finite_tensors_is_refused(tree: Any, message: str, folder: Path, here: None) -> None:
    saved(folder, tree)
    with pytest.raises(UserError, match=message):
        convert(folder, folder)
    assert not list(folder.glob("model*"))


@pytest.mark.parametrize("how", ["in an archive", "in the old format", "bare"])
def test_code_in_a_pickle_is_not_run(how: str, folder: Path, tmp_path: Path) -> None:
    tree = {"a": torch.ones(2), "b": Hostile(tmp_path / "ran")}
    if how == "bare":
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(tmp_path / "ran"), protocol=2))
    else:
        saved(folder, tree, _use_new_zipfile_serialization=how == "in an archive")
    with pytest.raises(UserError, match="not only tensors, or a broken file") as error:
        read_pickle(folder / "pytorch_model.bin")
    assert f"it asks for {os.mkdir.__module__}.mkdir" in error.value.what and not (tmp_path / "ran").exists()
    if how == "bare":
        pickle.loads((folder / "pytorch_model.bin").read_bytes())  # noqa: S301 (the trap works)
        assert (tmp_path / "ran").is_dir()


@pytest.mark.parametrize("keep", [0, 1, 100, 700])
def test_a_file_cut_off_is_a_users_error(keep: int, folder: Path) -> None:
    saved(folder, TENSORS)
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="or a broken file"):
        read_pickle(path)


def test_what_the_other_process_refuses_is_told_without_a_traceback(folder: Path, capsys: Any) -> None:
    saved(folder, {"a": torch.tensor([float("nan")])})
    with pytest.raises(SystemExit) as ended:
        main([str(folder)])
    told = capsys.readouterr().err
    assert ended.value.code == 1 and told.startswith("error: a holds NaN or infinity") and str(folder) in told
    assert [p.name for p in folder.iterdir()] == ["pytorch_model.bin"]


@pytest.mark.parametrize(
    ("dies", "message"),
    [
        ("os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("os._exit(3)", "failed"),
        ("raise ValueError('no such thing')", "failed: .*no such thing"),
        ("pass", "failed"),
    ],
)
def test_a_process_that_dies_takes_nothing_along(
    dies: str, message: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dying.py").write_text(f"import os, sys\nopen(sys.argv[2], 'w').write('half')\n{dies}\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ['PYTHONPATH']}")
    monkeypatch.setattr(converting, "READER", "dying")
    saved(folder, {"a": torch.ones(2)})
    with pytest.raises(UserError, match=message):
        convert(folder, folder)
    assert [p.name for p in folder.iterdir()] == ["pytorch_model.bin"]


def test_a_full_disk_is_told_as_one(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = '{"errno": 28, "reason": "No space left on device", "file": "model.safetensors"}'
    (tmp_path / "full.py").write_text(f"print({answer!r})\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ['PYTHONPATH']}")
    monkeypatch.setattr(converting, "READER", "full")
    saved(folder, {"a": torch.ones(2)})
    with pytest.raises(OSError) as error:
        convert(folder, folder)
    assert error.value.errno == 28


@pytest.mark.parametrize("name", ["nowhere", ""])
def test_a_folder_without_weights_is_refused(name: str, folder: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main([str(folder / name)])
    assert "no weights to convert" in capsys.readouterr().err


def test_a_number_that_stands_for_many_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(1).expand(100_000, 1_000_000)}, tmp_path / "x.bin")
    with pytest.raises(UserError, match="w has 100,000,000,000 numbers, more than the file holds"):
        read_pickle(tmp_path / "x.bin")


@pytest.mark.parametrize("name", ["model.safetensors", "adapter_model.safetensors"])
def test_a_pickle_by_the_name_of_safetensors_is_not_called_converted(name: str, tmp_path: Path, capsys: Any) -> None:
    torch.save({"w": torch.ones(1)}, tmp_path / name)
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    printed = capsys.readouterr()
    assert "missing or broken weights" in printed.err and str(tmp_path / name) in printed.err and not printed.out


def test_asking_for_help_imports_no_torch() -> None:
    code = "import sys, toolkit.models.convert; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def star_checkpoint(path: Path, **more: Any) -> Hubert:
    """A checkpoint in the form of STaR's public code, with the weights of the network that is returned."""
    config = replace(TINY, conv_dim=(8, 8, 16), projection=False)
    model = Hubert(config).eval()
    initialise(model, config, torch.Generator().manual_seed(1))
    names = (
        (r"conv_layers\.(\d+)\.conv\.", r"conv_layers.\1.0."),
        (r"conv_layers\.(\d+)\.layer_norm\.", r"conv_layers.\1.2."),
        (r"^feature_projection\.layer_norm\.", "layer_norm."),
        (r"pos_conv_embed\.conv\.parametrizations\.weight\.original0", "pos_conv.0.weight_g"),
        (r"pos_conv_embed\.conv\.parametrizations\.weight\.original1", "pos_conv.0.weight_v"),
        (r"pos_conv_embed\.conv\.bias", "pos_conv.0.bias"),
        (r"(layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
        (r"\.attention\.", ".self_attn."),
        (r"feed_forward\.intermediate_dense", "fc1"),
        (r"feed_forward\.output_dense", "fc2"),
    )
    state = {"student_model.final_proj.weight": torch.zeros(3, 16), "teacher_model.x": torch.zeros(2)}
    for name, tensor in model.state_dict().items():
        if name != "masked_spec_embed":
            for pattern, replacement in names:
                name = re.sub(pattern, replacement, name)
            state[f"student_model.{name}"] = tensor
    torch.save({"epoch": 199, "state_dict": state, "optimizer_states": [{"state": {}}], **more}, path)
    return model


def shape_file(folder: Path, **changes: Any) -> Path:
    fields = asdict(replace(TINY, **{"conv_dim": (8, 8, 16), "projection": False, **changes}))
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    (folder / "shape.yaml").write_text(f"model: {json.dumps(fields)}\n")
    return folder / "shape.yaml"


def test_a_checkpoint_of_star_becomes_a_folder_with_equal_states(tmp_path: Path, capsys) -> None:
    model = star_checkpoint(tmp_path / "star.ckpt")
    main([str(tmp_path / "star.ckpt"), "--model", str(shape_file(tmp_path)), "--out", str(tmp_path / "star")])
    theirs = transformers.HubertModel.from_pretrained(tmp_path / "star").eval()
    wave_BN = torch.randn(1, 4000)
    with torch.no_grad():
        torch.testing.assert_close(theirs(wave_BN).last_hidden_state, model(wave_BN)[0], rtol=1e-4, atol=1e-5)
    assert f"{sum(p.numel() for p in model.parameters()):,} weights" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["student_model._orig_mod.{}", "module.student_model.{}"])
def test_a_student_that_was_compiled_or_distributed_is_the_same_student(form: str, tmp_path: Path, capsys) -> None:
    model = star_checkpoint(tmp_path / "plain.ckpt")
    tree = torch.load(tmp_path / "plain.ckpt", weights_only=True)
    state, own = tree["state_dict"], "student_model."
    tree["state_dict"] = {form.format(n.removeprefix(own)): t for n, t in state.items() if n.startswith(own)}
    torch.save(tree, tmp_path / "wrapped.ckpt")
    for name in ("plain", "wrapped"):
        main([str(tmp_path / f"{name}.ckpt"), "--model", str(shape_file(tmp_path)), "--out", str(tmp_path / name)])
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("plain", "wrapped"))
    assert len(first) >= len(model.state_dict()) and first.keys() == second.keys()
    assert all(torch.equal(second[name], t) for name, t in first.items())


def test_a_checkpoint_of_another_shape_without_a_student_or_with_code_is_refused(tmp_path: Path, capsys) -> None:
    star_checkpoint(tmp_path / "star.ckpt")
    torch.save({"state_dict": {"model.x": torch.zeros(1)}}, tmp_path / "alien.ckpt")
    star_checkpoint(tmp_path / "code.ckpt", hyper_parameters=argparse.Namespace(lr=1))
    shape, wide = shape_file(tmp_path), tmp_path / "wide"
    wide.mkdir()
    for name, config, problem in (
        ("star", shape_file(wide, intermediate_size=48), "weights differ from the config, e.g. encoder.layers.0.feed"),
        ("alien", shape, "no checkpoint of Lightning with a student"),
        ("code", shape, "not only tensors"),
    ):
        with pytest.raises(SystemExit):
            main([str(tmp_path / f"{name}.ckpt"), "--model", str(config), "--out", str(tmp_path / "out")])
        assert problem in capsys.readouterr().err and not (tmp_path / "out").exists()
    with pytest.raises(SystemExit):
        main([str(tmp_path / "star.ckpt")])
    assert "--model" in capsys.readouterr().err
