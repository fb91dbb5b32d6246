"""Pre-training by choice: groups left out or in shares, hours, a teacher's blocks; and one K in all places."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from networks import TINY
from safetensors.torch import load_file

from toolkit.core.config import load_config, to_dict
from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.core.output import begin
from toolkit.core.step import Step
from toolkit.data.kaldi import write_data_dir
from toolkit.data.labels import LabelHeader, write_labels
from toolkit.models.encoder import encoder_name
from toolkit.models.hubert import Hubert
from toolkit.train.config import PretrainConfig
from toolkit.train.pretrain import run
from toolkit.train.speech import PretrainInputs, Speech
from toolkit.units.codebook import write_codebook
from toolkit.units.features import FeatureInfo

K, TEACHER = 20, 50_000
MODEL = replace(TINY, conv_dim=(8,) * 6, conv_kernel=(20, 3, 3, 3, 2, 2), conv_stride=(10, 2, 2, 2, 2, 2))
COUNTS = {"train": {"ARB": 20, "ENG": 8, "FRA": 4}, "dev": {"ARB": 3, "ENG": 2}}
INS = ("data/train", "data/dev", "labels")
SHORT = {
    **{f"model.{name}": str(value).strip("()") for name, value in to_dict(MODEL).items()},
    "objective.final_dim": "8",
    "data.lengths": "1 2",
    "data.micro_seconds": "4",
    "data.micro_batches": "2",
    "loop.total_steps": "2",
    "loop.checkpoint_every": "1",
    "loop.tensorboard": "no",
}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/train and data/dev of three languages (the first utterance of each too short), and labels of them."""
    folder, random = tmp_path_factory.mktemp("recipe"), np.random.default_rng(0)
    ids, arrays = [], []
    (folder / "wav").mkdir()
    for part, languages in COUNTS.items():
        tables: dict[str, dict[str, str]] = {name: {} for name in ("wav.scp", "utt2spk", "utt2dur", "utt2lang")}
        for language, i in ((name, i) for name, n in languages.items() for i in range(n)):
            id, samples = f"{part}-{language}{i:02}", int(random.integers(18000, 44000)) if i else 8000
            soundfile.write(folder / f"wav/{id}.wav", random.standard_normal(samples) * 0.1, 16000)
            rows = (str(folder / f"wav/{id}.wav"), id, str(samples / 16000), language)
            for table, value in zip(tables.values(), rows, strict=True):
                table[id] = value
            ids.append(id)
            arrays.append(random.integers(0, K, (samples - 400) // 320 + 1).astype(np.uint16))
        write_data_dir(folder / "data" / part, tables)
    header = LabelHeader(50.0, K, "hash", "layer 3 of it2.L", "1-based", TEACHER, 16)
    write_labels(folder / "labels", header, ids, arrays)
    return folder


def config(**more: str) -> PretrainConfig:
    return load_config(PretrainConfig, None, SHORT | {name.replace("__", "."): value for name, value in more.items()})


def trained(recipe: Path, out: Path, *ins: Path, **more: str) -> Step[Any]:
    """The step in this process, without lock and record."""
    step = Step(config(**more), [*(recipe / name for name in INS), *ins], out, ["train.pretrain", "--out", str(out)])
    run(step)
    return step


def opened(recipe: Path, **more: str) -> tuple[Speech, list[str]]:
    """Speech under a config, and the ids that it drops."""
    dropped: list[str] = []
    read = PretrainInputs.read([recipe / name for name in INS])
    return Speech(config(**more), read, lambda id, reason, detail: dropped.append(id)), dropped


def test_one_k_stands_in_the_head_the_card_the_config_and_the_header(recipe: Path, tmp_path: Path) -> None:
    trained(recipe, tmp_path)
    state = load_file(tmp_path / "checkpoints/00000002/state.safetensors")
    assert len(state["model.unit_embeddings"]) == K
    tree = read_json(tmp_path / "hf/config.json")
    assert tree["sawt"]["units"] == {"k": K, "codebook": "hash", "layer": "layer 3 of it2.L", "pca": 16}
    assert tree["sawt"]["steps"] == 2 and tree["sawt"]["hours"] == pytest.approx(0.0171, abs=0.003)
    card = " ".join((tmp_path / "hf/README.md").read_text().split())
    assert f"prediction of {K} units of layer 3 of it2.L, 16 dimensions left by PCA (codebook hash)" in card
    assert read_json(recipe / "labels/header.json")["k"] == K


def test_parameters_are_told_against_the_teacher_that_made_the_units(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(recipe, tmp_path)
    count = sum(p.numel() for p in Hubert(MODEL).parameters())
    sentence = f"{count:,} parameters; {100 * (TEACHER - count) / TEACHER:.1f} % fewer than "
    told = capsys.readouterr().out
    assert f"2 blocks of d 16, ff 32: {sentence}it2.L, whose units it learns (50,000)\n" in told
    parts = told.split("\n  ")[1].replace(",", "").split()
    assert sum(int(word) for word in parts if word.isdigit()) == count
    head = 17 * 8 + K * 8
    assert f"with what predicts {K} units, in training: {count + head:,}" in told
    assert f"{sentence}the teacher (50,000)".replace(";", ",") in " ".join(
        (tmp_path / "hf/README.md").read_text().split()
    )


@pytest.mark.parametrize("claimed, refused", [(K, False), (K + 1, True)])
def test_labels_that_claim_another_k_than_their_codebook_are_refused(
    claimed: int, refused: bool, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(recipe / "data", tmp_path / "data")
    shutil.copytree(recipe / "labels", tmp_path / "labels")
    monkeypatch.chdir(tmp_path)
    code = write_codebook(
        Path("codebook"), torch.randn(K, 4), None, FeatureInfo("layer", "layer 3 of it2.L", 50.0, 4), {}
    )
    begin(["units.label", "--in", "data/train", "codebook", "--out", "labels"], Path("labels"))
    header = read_json(Path("labels/header.json"))
    write_json(Path("labels/header.json"), {**header, "k": claimed, "codebook": code})
    paths = [Path("data/train"), Path("labels")]
    if not refused:
        assert PretrainInputs.read(paths).labels.k == K
        return
    with pytest.raises(UserError, match=rf"labels of {K + 1} units, but their codebook \(.*codebook\) has {K}"):
        PretrainInputs.read(paths)
    write_json(Path("labels/header.json"), {**header, "k": claimed, "codebook": "of before"})
    assert PretrainInputs.read(paths).labels.k == claimed  # that codebook is gone: another stands in its place


def test_labels_of_before_parameters_and_pca_were_noted_open(recipe: Path, tmp_path: Path) -> None:
    shutil.copytree(recipe / "labels", tmp_path / "labels")
    header = read_json(tmp_path / "labels/header.json")
    write_json(tmp_path / "labels/header.json", {n: v for n, v in header.items() if n not in ("parameters", "pca")})
    header = PretrainInputs.read([recipe / "data/train", tmp_path / "labels"]).labels.header
    assert (header.parameters, header.pca, header.k) == (0, 0, K)


def test_an_excluded_language_is_neither_heard_nor_listed_as_dropped_but_counted(recipe: Path) -> None:
    speech, dropped = opened(recipe, data__exclude="ENG, FRA")
    assert speech.dev is not None
    assert {u.id.split("-")[1][:3] for part in (speech.train, speech.dev) for u in part.utterances} == {"ARB"}
    assert dropped == ["train-ARB00"]
    assert speech.counts["utterances"] == 19 and speech.counts["utterances_left_out_by_exclude"] == 12
    whole = opened(recipe)[0].counts["hours"]
    short = 8000 / 16000 / 3600
    left = speech.counts["hours_left_out_by_exclude"] - 2 * short
    assert speech.counts["hours"] + left == pytest.approx(whole, abs=32 * 0.03 / 3600)  # a frame of each


def test_max_hours_takes_a_seeded_share_of_every_language(recipe: Path) -> None:
    hours = opened(recipe)[0].counts["hours"]
    speech, dropped = opened(recipe, data__max_hours=str(0.5 * hours))
    assert 0.45 * hours < speech.counts["hours"] <= 0.5 * hours
    kept = [u.id for u in speech.train.utterances if u.id not in dropped]
    assert {id.split("-")[1][:3] for id in kept} == {"ARB", "ENG", "FRA"}
    assert dropped == ["train-ARB00", "train-ENG00", "train-FRA00"]  # too short, whether or not hours are limited
    assert speech.counts["utterances_left_out_by_max_hours"] == 29 - len(kept)
    assert speech.summary.startswith("training on ") and "by data.max_hours" in speech.summary
    assert all(f"{name} " in speech.summary.split("of it ")[1] for name in ("ARB", "ENG", "FRA"))
    assert speech.dev is not None and len(speech.dev.utterances) == 5


def test_without_the_table_hours_are_drawn_from_the_whole_which_is_said(recipe: Path, tmp_path: Path) -> None:
    for name in INS:
        shutil.copytree(recipe / name, tmp_path / name)
    (tmp_path / "data/train/utt2lang").unlink()
    speech, _ = opened(tmp_path, data__max_hours="0.005")
    assert "drawn from the whole: " in speech.summary and "data/train has no table utt2lang\n" in speech.summary
    assert "drawn from the whole" not in opened(tmp_path)[0].summary


def test_a_balanced_run_goes_on_where_it_stopped_and_says_its_shares(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    balance = {"data__balance": "utt2lang", "data__shares": "ENG=0.5", "loop__total_steps": "6"}
    step = trained(recipe, tmp_path / "whole", **balance)
    assert step.counts["share_of_ENG"] == pytest.approx(0.5, abs=0.01)
    assert "ENG: 50.0 % of the audio-seconds" in capsys.readouterr().out
    trained(recipe, tmp_path / "cut", **balance)
    for late in (tmp_path / "cut/checkpoints").glob("*6"):
        shutil.rmtree(late)  # as if it had been killed in its last step
    rows = (tmp_path / "cut/loss.tsv").read_bytes()
    shutil.rmtree(tmp_path / "cut/hf")
    trained(recipe, tmp_path / "cut", **balance)
    assert (tmp_path / "cut/loss.tsv").read_bytes() == rows
    one, two = (load_file(tmp_path / name / "hf/model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_student_begins_with_its_teachers_blocks(recipe: Path, tmp_path: Path) -> None:
    trained(recipe, tmp_path / "L")
    still = {"optim__peak_lr": "1e-9", "loop__total_steps": "1", "model__num_hidden_layers": "1"}
    trained(recipe, tmp_path / "S", tmp_path / "L", start_layers="2", **still)
    teacher, student = (load_file(tmp_path / name / "hf/model.safetensors") for name in ("L", "S"))
    for name, weight in student.items():
        torch.testing.assert_close(
            weight,
            teacher[name.replace("layers.0.", "layers.1.")] if "encoder.layers" in name else teacher[name],
            atol=1e-6,
            rtol=0,
        )
    assert f"begun with blocks 2 of {encoder_name(tmp_path / 'L')}" in (tmp_path / "S/hf/README.md").read_text()


@pytest.mark.parametrize(
    "more, message",
    [
        (dict(data__exclude="ENGLISH"), "no utterance is of group ENGLISH"),
        (dict(data__exclude="m", data__table="utt2gender"), "no table utt2gender"),
        (dict(data__max_hours="0.005", data__table="utt2lnag"), "no table utt2lnag"),
        (dict(data__exclude="ARB ENG FRA"), "not one utterance is left"),
        (dict(data__balance="utt2lang", data__shares="ESP=0.5"), "no utterance is of group ESP"),
        (dict(data__balance="utt2dialect", data__shares="ESP=0.5"), "no table utt2dialect"),
        (dict(data__balance="utt2lang"), "or neither"),
        (dict(data__balance="utt2lang", data__shares="ENG=0.7 ARB=0.4"), "add up to at most 1"),
        (dict(data__balance="utt2lang", data__shares="ENG=0.5", data__exclude="ENG"), "both name ENG"),
        (dict(data__max_hours="-1"), "max_hours must not be below 0"),
        (dict(data__max_hours="1e-6"), "less than one utterance"),
        (dict(start_layers="1 2 3"), "start_layers names 3 blocks, model.num_hidden_layers is 2"),
    ],
)
def test_choices_that_cannot_be_are_refused(more: dict[str, str], message: str, recipe: Path) -> None:
    with pytest.raises(UserError, match=message) as error:
        opened(recipe, **more)
    assert error.value.where and error.value.remedy


def test_the_command_line_takes_every_choice(recipe: Path, tmp_path: Path) -> None:
    flags = [word for name, value in SHORT.items() for word in (f"--{name}", value)]
    words = ["--in", *(str(recipe / name) for name in INS), "--out", str(tmp_path / "out"), *flags]
    words += ["--data.exclude", "FRA, ENG", "--data.max-hours", "0.009", "--loop.total_steps=1"]
    done = subprocess.run([sys.executable, "-m", "toolkit.train.pretrain", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "training on 0.00" in done.stdout
    record = read_json(tmp_path / "out/record.json")
    assert record["config"]["data"]["exclude"] == ["FRA", "ENG"]
    assert record["counts"]["utterances_left_out_by_exclude"] == 12
    assert record["counts"]["hours"] <= 0.009 and record["dropped"] == {"shorter than the shortest crop": 1}
