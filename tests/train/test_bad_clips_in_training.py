"""A clip that stops decoding after the data stage: each training goes on without it, killed or not, and tells of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from packed import WINDOW_SECONDS, distillation
from tiny_pretrain import CONFIG, INS, write_recipe

from toolkit.core.config import load_config
from toolkit.core.files import read_json
from toolkit.core.output import begin
from toolkit.core.record import Ledger, read_ledger
from toolkit.core.step import Step
from toolkit.data.bad_clips import BadClipsOfRun
from toolkit.data.batches import Left
from toolkit.models.config import HubertConfig
from toolkit.models.hubert import Hubert
from toolkit.train import soft_labels, whisper
from toolkit.train.config import PretrainConfig
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.engine.objective import At
from toolkit.train.objectives.config import MaskedConfig, Seq2SeqConfig
from toolkit.train.objectives.masked import MaskedPrediction, draw_mask
from toolkit.train.soft_store import SoftLabels
from toolkit.train.speech import PretrainInputs, Speech
from toolkit.train.whisper_config import WhisperTraining, WindowConfig
from toolkit.train.whisper_inputs import WhisperInputs
from toolkit.train.whisper_speech import Hearing

AUGMENTED = CONFIG.replace("micro_batches: 2}", "micro_batches: 2, augment: {how: specaugment}}")
BAD = {"train05": "truncated", "train11": "missing", "dev02": "truncated"}


def clips(folder: Path) -> Path:
    """Clips from which a crop can always be taken."""
    counts = {"train": 20, "dev": 4}
    return write_recipe(folder, counts, lambda random, _: int(random.integers(16400, 44000)), AUGMENTED)


def spoil(folder: Path) -> None:
    """After labelling: two files are cut, one is gone."""
    for id, reason in BAD.items():
        path = folder / "wav" / f"{id}.wav"
        if reason == "missing":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:9000])


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = clips(tmp_path_factory.mktemp("recipe"))
    (folder / "before").mkdir()
    config = load_config(PretrainConfig, folder / "base.yaml", {})
    speech = Speech(config, PretrainInputs.read([folder / name for name in INS]), lambda *row: None)
    torch.save([speech.batch(*key) for key in KEYS], folder / "before/train.pt")
    assert speech.dev
    torch.save([speech.dev.batch(*crops) for crops in speech.dev_crops], folder / "before/dev.pt")
    spoil(folder)
    return folder


KEYS = [(step, number) for step in range(30) for number in range(2)]


def test_the_other_rows_of_every_batch_are_the_same_bytes(recipe: Path, tmp_path: Path) -> None:
    config = load_config(PretrainConfig, recipe / "base.yaml", {})
    run = BadClipsOfRun(tmp_path / "bad")
    speech = Speech(config, PretrainInputs.read([recipe / name for name in INS]), lambda *row: None, run)
    assert speech.dev
    now = [speech.batch(*key) for key in KEYS], [speech.dev.batch(*crops) for crops in speech.dev_crops]
    before = [torch.load(recipe / f"before/{name}.pt", weights_only=False) for name in ("train", "dev")]
    lost = 0
    for batch, whole in zip([*now[0], *now[1]], [*before[0], *before[1]], strict=True):
        kept = [b for b, key in enumerate(whole["keys"]) if key[0] not in BAD]
        lost += len(whole["keys"]) - len(kept)
        assert batch.get("group") == whole.get("group")
        for name, values in whole.items():
            if isinstance(values, np.ndarray):
                assert batch[name].tobytes() == values[kept].tobytes(), name
        assert batch["keys"] == [whole["keys"][b] for b in kept]
    assert lost > 10


def words(out: str, *more: str) -> list[str]:
    return ["toolkit.train.pretrain", "--config", "base.yaml", "--in", *INS, "--out", out, *more]


def start(recipe: Path, argv: list[str], **env: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([sys.executable, "-m", *argv], cwd=recipe, env=environment, **pipes)


def done(process: subprocess.Popen[str]) -> str:
    written, _ = process.communicate(timeout=300)
    assert process.returncode == 0, written
    return written


def made(out: Path) -> dict[str, bytes]:
    files = (p for p in out.rglob("*") if p.is_file() and p.name not in ("times.json", ".lock", "record.json"))
    return {str(p.relative_to(out)): p.read_bytes() for p in files if "log" not in p.parts}


def uninterrupted(recipe: Path) -> Path:
    """Output of a run that nothing stops, made once; its log is beside it."""
    if not (recipe / "whole").is_dir():
        (recipe / "whole.log").write_text(done(start(recipe, words("whole"))))
    return recipe / "whole"


def test_a_killed_training_equals_an_uninterrupted_one(recipe: Path) -> None:
    """The kill comes after the bad clips were met, and after a checkpoint: their rows are not found out again."""
    whole = uninterrupted(recipe)
    written = (recipe / "whole.log").read_text()
    assert {row[0]: row[2] for row in read_ledger(whole / "dropped.tsv")} == BAD
    assert written.count("left out: train05: truncated: ") == 1
    assert read_json(whole / "record.json")["counts"]["left_out_bad_clips"] == 3
    assert np.isfinite(np.genfromtxt(whole / "loss.tsv", names=True, missing_values="-")["loss"]).all()
    assert not (whole / "shards").exists()

    twin = recipe / "twin"
    twin.mkdir()
    for name in ("data", "labels", "base.yaml"):
        (twin / name).symlink_to(recipe / name)
    process = start(twin, words("whole"))
    while process.poll() is None and not (twin / "whole/checkpoints/00000021").is_dir():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (twin / "whole/checkpoints").is_dir() and list((twin / "whole/shards/bad_clips").glob("*.tsv"))
    done(start(twin, words("whole")))
    assert made(twin / "whole") == made(whole)


def test_of_two_processes_each_bad_clip_has_one_row(recipe: Path) -> None:
    """And they learn, of what is left, what one process learns."""
    module, *rest = words("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(recipe)
        begin([module.removeprefix("toolkit."), *rest], Path("two"))
    ranks = ["toolkit.train.engine.launch", "2", sys.executable, "-m", module, *rest, "--worker"]
    done(start(recipe, [*ranks[:2], *ranks[3:]], GLOO_SOCKET_IFNAME="lo"))
    whole = uninterrupted(recipe)
    for name in ("loss.tsv", "hf/model.safetensors"):
        assert (recipe / "two" / name).read_bytes() == (whole / name).read_bytes()
    ledger = Ledger("train.pretrain")
    BadClipsOfRun(recipe / "two/shards/bad_clips").settle(ledger)
    assert sorted(ledger.rows) == read_ledger(whole / "dropped.tsv"), "each once, of two ranks"


def test_the_masks_of_the_other_rows_are_what_they_were(recipe: Path) -> None:
    """A loss over what is left equals that of the whole batch at the same frames, in a network without dropout."""
    shape = load_config(PretrainConfig, recipe / "base.yaml", {}).model
    quiet = {"layerdrop": 0.0, "hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0}
    names = {f for f in HubertConfig.__dataclass_fields__ if "dropout" in f or f in quiet}
    network = Hubert(replace(shape, **dict.fromkeys(names, 0.0))).eval()
    config = MaskedConfig(final_dim=16, span=5, penalty=0.0)
    objective = MaskedPrediction(network, config, 20, seed=1).eval()
    whole = torch.load(recipe / "before/train.pt", weights_only=False)
    index = next(i for i, b in enumerate(whole) if len(b["keys"]) > 2 and b["keys"][0][0] in BAD)
    batch, kept = whole[index], list(range(1, len(whole[index]["keys"])))
    rows = {n: torch.from_numpy(v) for n, v in batch.items() if isinstance(v, np.ndarray)}
    left = {**{n: v[kept] for n, v in rows.items()}, "left": Left(kept, [0] * len(batch["keys"]))}
    at = At(5, 0, 30)
    with torch.no_grad():
        term = objective(left, at)["loss"]
        frames = batch["labels_BT"].shape[1]
        mask = draw_mask(config, len(batch["keys"]), frames, np.random.default_rng(at.seed))
        hidden_BTD, _ = network(rows["wave_BN"], torch.from_numpy(mask), kept=(rows["kept_BT"], rows["kept_BD"]))
        own = torch.from_numpy(mask[kept])
        loss, _ = objective.frame_losses(hidden_BTD[kept][own], rows["labels_BT"][kept][own])
    assert int(term.weight) == int(mask[kept].sum())
    assert float(term.sum) == pytest.approx(float(loss.sum()), rel=1e-5)


def test_too_many_bad_clips_end_the_training_again_and_again_until_they_are_mended(tmp_path: Path) -> None:
    folder = clips(tmp_path)
    paths = sorted((folder / "wav").glob("train0*.wav"))[:5]
    whole = {path: path.read_bytes() for path in paths}
    for path in paths:
        path.write_bytes(whole[path][:9000])
    for _ in range(2):
        process = start(folder, words("out"))
        written, _ = process.communicate(timeout=300)
        assert process.returncode == 1 and "of 20 clips cannot be used, where 3 may be left out:" in written, written
        assert "Traceback" not in written and written.count(": truncated: ") >= 4 and "validate" in written
    for path, data in whole.items():
        path.write_bytes(data)
    done(start(folder, words("out")))


# Windows of a Whisper.

PLAIN: dict[str, Any] = {"windows": 3, "micro_batches": 2, "window_seconds": WINDOW_SECONDS, "cache_mb": 0.0}
CHANCE = {"timestamps": 0.5, "previous": 0.5, "time_masks": 2, "mel_masks": 2, "time_mask_seconds": 0.5}
WHISPER = WhisperTraining(
    objective=Seq2SeqConfig(preset="labels"),
    data=WindowConfig(windows=2, micro_batches=2, window_seconds=WINDOW_SECONDS, timestamps=0.3, previous=0.3),
    optim=OptimConfig(peak_lr=3e-3, warmup=2, schedule="constant"),
    loop=LoopConfig(total_steps=5, log_every=2, validate_every=3, checkpoint_every=2, tensorboard=False),
)


@pytest.fixture
def windows(tmp_path: Path) -> Path:
    return distillation(tmp_path)


def hearing(folder: Path, run: BadClipsOfRun | None = None, **config: Any) -> Hearing:
    settings = WhisperTraining(data=WindowConfig(**{**PLAIN, **config}), loop=LoopConfig(seed=1))
    ins = [folder / p for p in ("packs/train", "packs/dev", "student", "teacher")]
    return Hearing(settings, WhisperInputs.read(ins), run)


def lose(folder: Path, place: int) -> tuple[str, str]:
    """Delete an utterance of a window of two or more; (the utterance, the window)."""
    several = [w for w in hearing(folder).train.windows if len(w.utterances) > 1]
    window = several[place]
    id = window.utterances[-1].id
    (folder / "wav" / f"{id}.wav").unlink()
    return id, window.id


def test_a_window_that_has_lost_an_utterance_leaves_its_batches_whole(windows: Path) -> None:
    """Its labels would be of other audio; what chance shows of the other windows is what it was."""
    keys = [(step, number) for step in range(6) for number in range(2)]
    before = hearing(windows, **CHANCE)
    whole = {key: before.batch(*key) for key in keys}
    id, window = lose(windows, 0)
    run = BadClipsOfRun(windows / "bad")
    after, lost = hearing(windows, run, **CHANCE), 0
    for key in keys:
        batch, kept = after.batch(*key), [b for b, own in enumerate(whole[key]["ids"]) if own != window]
        lost += len(whole[key]["ids"]) - len(kept)
        assert batch["ids"] == [whole[key]["ids"][b] for b in kept] and batch["language"] == "ar"
        for name in ("mel_BMT", "tokens_BL", "labels_BL"):
            assert np.asarray(batch[name]).tobytes() == np.asarray(whole[key][name])[kept].tobytes(), name
    ledger = Ledger("train.whisper")
    assert run.settle(ledger) == {"left_out_bad_clips": 1} and lost > 2
    assert [(row[0], row[2]) for row in ledger.rows] == [(id, "missing")]


class Stopped(Exception):
    pass


def fit(folder: Path, out: Path, config: WhisperTraining = WHISPER, ins: tuple[str, ...] = ("student",)) -> list[Any]:
    """The step in this process, without lock and record; the rows of its ledger."""
    paths = [folder / name for name in ("packs/train", "packs/dev", *ins)]
    step = Step(config, paths, out, ["train.whisper", "--out", "x"], ledger=Ledger("train.whisper"))
    whisper.run(step)
    return sorted(set(step.ledger.rows))


@pytest.mark.parametrize("states_mb", [0.0, 100.0])
def test_a_distillation_that_is_stopped_and_resumed_equals_a_whole_one(
    windows: Path, states_mb: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows that are heard in every step, or once beforehand."""
    id, _ = lose(windows, 0)
    data = replace(WHISPER.data, states_mb=states_mb)
    config = replace(WHISPER, data=data, objective=replace(WHISPER.objective, encoder="frozen"))
    rows = fit(windows, tmp_path / "whole", config)
    assert [(row[0], row[2]) for row in rows] == [(id, "missing")]
    original = Hearing.batch

    def until(self: Hearing, step: int, number: int) -> Any:
        if step >= 3:
            raise Stopped
        return original(self, step, number)

    monkeypatch.setattr(Hearing, "batch", until)
    with pytest.raises(Stopped):
        fit(windows, tmp_path / "cut", config)
    monkeypatch.setattr(Hearing, "batch", original)
    assert fit(windows, tmp_path / "cut", config) == rows
    kept = [{n: b for n, b in made(tmp_path / name).items() if "shards" not in n} for name in ("whole", "cut")]
    assert kept[0] == kept[1] and "hf/model.safetensors" in kept[0]


def test_a_window_that_its_teacher_could_not_hear_is_not_learnt_from_soft_labels(windows: Path, tmp_path: Path) -> None:
    config = replace(WHISPER, objective=Seq2SeqConfig(top=20))
    id, window = lose(windows, 0)
    path = windows / "wav" / f"{id}.wav"
    (tmp_path / "soft").mkdir()
    ins = [windows / "packs/train", windows / "teacher"]
    step = Step(config, ins, tmp_path / "soft", ["train.soft_labels", "--out", "x"], ledger=Ledger("train.soft_labels"))
    soft_labels.run(step)
    assert [(row[0], row[2]) for row in step.ledger.rows] == [(id, "missing")]
    counts = SoftLabels(tmp_path / "soft").counts_W4.sum(1)
    assert (counts == 0).sum() == 1
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 17600), 16000)  # it is there again
    rows = fit(windows, tmp_path / "out", config, ("student", str(tmp_path / "soft")))
    assert [(row[0], row[2]) for row in rows] == [(window, "no soft labels")]
