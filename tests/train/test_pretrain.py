"""`python3 -m toolkit.train.pretrain` from the outside: what it writes, refuses and survives."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_pretrain import INS, write_recipe

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.core.output import begin
from toolkit.core.step import Step
from toolkit.data.labels import LabelHeader, Labels, write_labels
from toolkit.models.encoder import load_encoder
from toolkit.train.config import PretrainConfig
from toolkit.train.engine.checkpoint import steps_saved
from toolkit.train.engine.launch import launch
from toolkit.train.pretrain import run
from toolkit.train.speech import PretrainInputs, Speech, sets_of

KILLS = 4


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/train, data/dev, labels of 100 Hz and base.yaml."""
    folder = tmp_path_factory.mktemp("recipe")
    return write_recipe(
        folder, {"train": 24, "dev": 5}, lambda random, i: int(random.integers(15000, 44000)) if i else 8000
    )


def argv(out: str, *more: str, ins: tuple[str, ...] = INS) -> list[str]:
    return [sys.executable, "-m", "toolkit.train.pretrain", "--config", "base.yaml", "--in", *ins, "--out", out, *more]


def start(recipe: Path, words: list[str], **env: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    return subprocess.Popen(
        words, cwd=recipe, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(recipe: Path, words: list[str], **env: str) -> tuple[int, str]:
    process = start(recipe, words, **env)
    try:
        output, _ = process.communicate(timeout=300)
    finally:
        process.kill()
    return process.returncode, output


def two(recipe: Path, out: str, *more: str) -> tuple[int, str]:
    """The step's work in two processes, whether or not they would pay on this machine."""
    _, module, step, *rest = argv(out, *more)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(recipe)
        begin([step.removeprefix("toolkit."), *rest], Path(out))  # as the step does before it starts its ranks
    words = [sys.executable, "-m", "toolkit.train.engine.launch", "2", module, step, *rest, "--worker"]
    return finish(recipe, words, GLOO_SOCKET_IFNAME="lo")


@pytest.fixture(scope="module")
def whole(recipe: Path) -> Path:
    """Output of an uninterrupted run in one process."""
    code, output = finish(recipe, argv("whole"))
    assert code == 0, output
    (recipe / "whole.log").write_text(output)
    return recipe / "whole"


def made(out: Path) -> dict[str, bytes]:
    files = (p for p in out.rglob("*") if p.is_file() and p.name not in ("times.json", ".lock", "record.json"))
    return {str(p.relative_to(out)): p.read_bytes() for p in files if "log" not in p.parts}


def test_a_run_leaves_what_the_other_steps_read(recipe: Path, whole: Path) -> None:
    assert {"hf", "loss.tsv", "checkpoints", "record.json", "dropped.tsv"} <= {p.name for p in whole.iterdir()}
    encoder = load_encoder(whole)
    assert (encoder.dim, encoder.layers) == (16, 1)
    assert (whole / "dropped.tsv").read_text() == "train00\ttrain.pretrain\tshorter than the shortest crop\t24 frames\n"
    record = read_json(whole / "record.json")
    assert record["counts"]["utterances"] == 23 and record["counts"]["steps"] == 30
    output = (recipe / "whole.log").read_text()
    assert f"{encoder.parameter_count:,} parameters" in output
    assert "audio s/s" in output


def test_the_exported_weights_are_those_of_the_last_checkpoint(whole: Path) -> None:
    checkpoint = load_file(whole / "checkpoints" / "00000030" / "state.safetensors")
    exported = weights(whole)
    assert exported.keys() == {n.removeprefix("model.hubert.") for n in checkpoint if n.startswith("model.hubert.")}
    assert all(torch.equal(w, checkpoint[f"model.hubert.{name}"]) for name, w in exported.items())


def test_weights_kept_on_the_way_are_models_and_change_no_byte_of_the_last(
    recipe: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "exp/it1/base"
    here(recipe, out, INS, {"loop.keep_at": "0.1 1", "loop.tensorboard": "no"})
    assert (out / "hf/model.safetensors").read_bytes() == (whole / "hf/model.safetensors").read_bytes()
    assert (out / "loss.tsv").read_bytes() == (whole / "loss.tsv").read_bytes()
    early, last = (load_encoder(out / "at" / percent) for percent in ("10", "100"))
    assert (early.name, early.layers) == ("it1.base.at10", 1)
    final = weights(out)
    for network, equal in ((early, False), (last, True)):
        state = network.model.state_dict()
        assert all(torch.equal(state[n], t) for n, t in final.items()) == equal
    assert read_json(out / "at/10/hf/config.json")["sawt"]["steps"] == 3
    assert {p.name for p in (out / "at").iterdir()} == {"10", "100"} and not list(out.rglob("weights.safetensors"))


def twin(recipe: Path, folder: Path) -> Path:
    """Another folder with the same inputs, in which the same command line has the same identity."""
    for name in ("data", "labels", "base.yaml"):
        (folder / name).symlink_to(recipe / name)
    return folder


@pytest.mark.faults
def test_a_run_killed_again_and_again_equals_an_uninterrupted_one(recipe: Path, whole: Path, tmp_path: Path) -> None:
    random, cut = np.random.default_rng(1), twin(recipe, tmp_path)
    for rows in sorted(random.integers(0, 8, KILLS).tolist()):
        while not killed(cut, rows, float(random.uniform(0, 0.03))):
            shutil.rmtree(cut / "whole")  # done before its kill: begun anew
    code, output = finish(cut, argv("whole"))
    assert code == 0, output
    assert made(cut / "whole") == made(whole)


def killed(folder: Path, rows: int, delay: float, seconds: float = 60.0) -> bool:
    """Kill a run `delay` seconds after its own loss.tsv has more than `rows` lines; whether it had not ended yet."""
    loss = folder / "whole" / "loss.tsv"
    before, deadline = stamp(loss), time.monotonic() + seconds
    process = start(folder, argv("whole"))
    while process.poll() is None and (stamp(loss) in (None, before) or loss.read_text().count("\n") <= rows):
        assert time.monotonic() < deadline, f"no {rows} rows in {seconds:.0f} s"
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), output
    return process.returncode == -signal.SIGKILL


def stamp(path: Path) -> tuple[int, int] | None:
    """What tells a file from the one that a run found and wrote anew."""
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path.is_file() else None


def weights(out: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(out / "hf" / "model.safetensors")
    return tensors


def test_two_processes_give_the_bits_of_one(recipe: Path, whole: Path) -> None:
    """Two gradients have one sum, in whatever order."""
    code, output = two(recipe, "two")
    assert code == 0, output
    assert (recipe / "two" / "loss.tsv").read_bytes() == (whole / "loss.tsv").read_bytes()
    assert (recipe / "two/hf/model.safetensors").read_bytes() == (whole / "hf/model.safetensors").read_bytes()


def test_processes_that_accumulate_equal_one_process(recipe: Path, tmp_path: Path) -> None:
    more = ("--data.micro-batches", "4", "--data.micro-seconds", "2", "--loop.total-steps", "20")
    code, output = two(recipe, "four", *more)
    assert code == 0, output
    here(recipe, tmp_path, INS, {"data.micro_batches": "4", "data.micro_seconds": "2", "loop.total_steps": "20"})
    one, four = weights(tmp_path), weights(recipe / "four")
    for name, weight in one.items():
        torch.testing.assert_close(four[name], weight, atol=1e-5, rtol=1e-5)
    rows = [np.genfromtxt(out / "loss.tsv", names=True) for out in (tmp_path, recipe / "four")]
    assert rows[0]["step"][-1] == 20
    for name in ("loss", "dev_loss"):
        np.testing.assert_allclose(rows[1][name], rows[0][name], rtol=1e-5)


@pytest.mark.faults
def test_a_rank_that_is_killed_is_named_and_the_rerun_ends_like_a_run_that_never_stopped(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train.pretrain", *argv("killed", "--loop.total-steps", "100")[3:]]
    for name, value in (("OMP_NUM_THREADS", "1"), ("GLOO_SOCKET_IFNAME", "lo")):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(recipe)
    begin(words, Path("killed"))
    step = Step(None, [], Path("killed"), words)
    with ThreadPoolExecutor() as pool, pytest.raises(UserError) as error:
        pool.submit(kill_rank, 1, recipe / "killed/checkpoints/00000007")
        launch(step, 2)
    assert error.value.what == "one of 2 processes failed: rank 1 was killed by SIGKILL"
    assert error.value.where == "killed/log/ranks.log"
    assert steps_saved(recipe / "killed")[-1] < 100
    launch(step, 2)
    here(recipe, tmp_path, INS, {"loop.total_steps": "100"})
    assert (recipe / "killed/loss.tsv").read_bytes() == (tmp_path / "loss.tsv").read_bytes()
    assert (recipe / "killed/hf/model.safetensors").read_bytes() == (tmp_path / "hf/model.safetensors").read_bytes()


def kill_rank(rank: int, checkpoint: Path, seconds: float = 120.0) -> None:
    """Kill that rank of this process's run once there is the checkpoint."""
    deadline = time.monotonic() + seconds
    while not checkpoint.exists():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # of another user, or gone meanwhile
            its = (process / "environ").read_text().split("\0")
            if f"RANK={rank}" in its and os.readlink(process / "cwd") == os.getcwd():
                os.kill(int(process.name), signal.SIGKILL)


@pytest.mark.faults
def test_a_user_error_in_the_ranks_has_no_traceback(recipe: Path) -> None:
    code, output = two(recipe, "hot", "--optim.peak-lr", "1e30", "--optim.clip", "0", "--loop.bad-steps", "2")
    assert code == 1
    assert "not finite in 2 steps in a row" in output and "Traceback" not in output


def here(recipe: Path, out: Path, ins: tuple[str, ...], config: dict[str, str]) -> None:
    """The step in this process, without lock and record."""
    step_config = load_config(PretrainConfig, recipe / "base.yaml", config)
    run(Step(step_config, [recipe / name for name in ins], out, ["train.pretrain", "--out", str(out)]))


def test_a_loss_curve_that_was_deleted_after_training_is_said_to_be_gone(recipe: Path, tmp_path: Path) -> None:
    here(recipe, tmp_path, INS, {"loop.total_steps": "4"})
    (tmp_path / "loss.tsv").unlink()
    with pytest.raises(UserError, match="rows of a finished training are gone") as error:
        here(recipe, tmp_path, INS, {"loop.total_steps": "4"})
    assert "--fresh STAGE" in error.value.remedy


def test_training_goes_on_from_a_model_of_the_same_shape_only(recipe: Path, whole: Path, tmp_path: Path) -> None:
    short = {"loop.total_steps": "1", "optim.peak_lr": "1e-9", "loop.checkpoint_every": "0"}
    here(recipe, tmp_path, (*INS, "whole"), short)
    old, new = weights(whole), weights(tmp_path)
    assert all(torch.allclose(old[name], new[name], atol=1e-6) for name in old)
    with pytest.raises(UserError, match="of another shape"):
        here(recipe, tmp_path, (*INS, "whole"), {**short, "model.intermediate_size": "48"})


@pytest.mark.parametrize("normalize", [True, False])
def test_waveforms_are_normalised_where_the_model_says_so(recipe: Path, normalize: bool) -> None:
    config = load_config(PretrainConfig, recipe / "base.yaml", {"model.normalize_waveform": str(normalize).lower()})
    speech = Speech(config, PretrainInputs.read([recipe / name for name in INS]), lambda *row: None)
    for part in (speech.train, speech.dev):
        assert part is not None and (abs(part.wave(1).std() - 1) < 1e-3) == normalize


def degenerate(recipe: Path, folder: Path) -> None:
    good = Labels.open(recipe / "labels")
    flat = [np.zeros(len(good[id]), np.uint16) for id in good]
    write_labels(folder, LabelHeader(100.0, 20, "hash", "mfcc"), list(good), flat, check=False)


def other_rate(recipe: Path, folder: Path) -> None:
    good = Labels.open(recipe / "labels")
    write_labels(folder, LabelHeader(25.0, 20, "hash", "mfcc"), list(good), [good[id][::4] for id in good])


def of_others(recipe: Path, folder: Path) -> None:
    write_labels(folder, LabelHeader(100.0, 20, "hash", "mfcc"), ["a"], [np.arange(20, dtype=np.uint16)])


def refused(recipe: Path, out: Path, ins: tuple[str, ...], config: dict[str, str]) -> UserError:
    with pytest.raises(UserError) as error:
        here(recipe, out, ins, config)
    assert error.value.where and error.value.remedy
    return error.value


@pytest.mark.parametrize(
    "make, message",
    [(degenerate, "degenerate labels"), (other_rate, "labels at 25 per second"), (of_others, "have no labels, e.g.")],
)
def test_labels_that_cannot_be_right_are_refused(
    make: Callable[[Path, Path], None], message: str, recipe: Path, tmp_path: Path
) -> None:
    make(recipe, tmp_path / "labels")
    assert message in refused(recipe, tmp_path / "out", ("data/train", str(tmp_path / "labels")), {}).what


def test_a_small_training_set_is_not_taken_for_a_wrong_order_where_its_name_tells(recipe: Path, tmp_path: Path) -> None:
    """Those of data/dev are fewer; called train, and data/train called dev, they come in the right order."""
    for name, source in (("few_train", "dev"), ("dev", "train")):
        shutil.copytree(recipe / "data" / source, tmp_path / name)
    train, dev = sets_of([tmp_path / "few_train", tmp_path / "dev"])
    assert dev and train.path.name == "few_train" and train.seconds < dev.seconds
    with pytest.raises(UserError, match="name the set to train on first"):
        sets_of([recipe / "data/dev", recipe / "data/train"])


@pytest.mark.parametrize(
    "config, ins, message",
    [
        ({}, ("data/train",), "no folder of labels"),
        ({}, ("labels",), "0 data directories"),
        ({}, (*INS, "wav"), "no speech encoder here"),
        ({}, ("data/dev", "data/train", "labels"), "data/dev) is smaller than the one for validation"),
        ({"loop.total_steps": "0"}, INS, "loop.total_steps must be at least 1"),
        ({"loop.threads": "100000"}, INS, "loop.threads must be 1 to 1024"),
        ({"data.cache_mb": "-1"}, INS, "data.cache_mb must not be below 0"),
        ({"data.most_unlabelled": "1.5"}, INS, "data.most_unlabelled must be 0 to 1"),
        ({"data.micro_seconds": "900"}, INS, "do not fill a step"),
        ({"model.num_attention_heads": "3"}, INS, "does not divide hidden_size"),
        ({"model.conv_stride": "10 2 2 2 2 1"}, INS, "units are made of frames of 400 every 320"),
        ({"objective.temprature": "1"}, INS, "unknown config field objective.temprature"),
    ],
)
def test_mistakes_of_a_user_are_named(
    config: dict[str, str], ins: tuple[str, ...], message: str, recipe: Path, tmp_path: Path
) -> None:
    assert message in refused(recipe, tmp_path / "out", ins, config).what


def test_more_gpus_than_there_are_is_a_users_error(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in (1, 2):
        monkeypatch.setenv("SAWT_NGPU", str(torch.cuda.device_count() + count))
        assert "GPUs are asked for" in refused(recipe, tmp_path / "out", INS, {}).what
