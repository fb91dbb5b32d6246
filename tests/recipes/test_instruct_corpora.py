"""The audio LLM's recipes of real corpora on small trees in the true layouts: a random model, a few steps."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import omnis
import pytest
import soundfile
from conftest import House
from trees import tones, write_lines

pytestmark = pytest.mark.recipe

STEPS = "loop: {total_steps: 6, log_every: 2, validate_every: 0, checkpoint_every: 3, tensorboard: no}"


def conf(folder: Path) -> str:
    """A training of seconds; as an option's value."""
    like = Path(__file__).resolve().parents[2] / "egs/TEMPLATE/instruct/conf/train.yaml"
    write_lines(folder / "train.yaml", f"like: {like}", STEPS)
    return str(folder)


def base(folder: Path) -> str:
    """A random model whose tokenizer knows Arabic letters."""
    omnis.write_sets(folder / "sets")
    omnis.write_items(folder / "items", folder / "sets")
    omnis.write_omni(folder / "base", folder / "items")
    return str(folder / "base")


def summaries(folder: Path) -> str:
    """A folder of recordings with transcripts and summaries."""
    random, lines = np.random.default_rng(0), ["path\tspeaker\ttext\tsummary"]
    for i in range(16):
        path = folder / f"s{i:02d}" / "a.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, 0.1 * random.standard_normal(24000), 16000)
        lines.append(f"s{i:02d}/a.wav\ts{i:02d}\tقال إن السوق مفتوح يوم {i} من الشهر\tالسوق مفتوح يوم {i}")
    write_lines(folder / "table.tsv", *lines)
    return str(folder)


@pytest.mark.long
def test_harmonize_tunes_on_the_corpora_that_are_given(
    new_house: Callable[[], House], tmp_path_factory: pytest.TempPathFactory
) -> None:
    house, top = new_house(), tmp_path_factory.mktemp("harmonize")
    words = ["--base", base(top / "llm"), "--conf", conf(top / "conf"), "--seeds", "1", "--shares", ""]
    for name in ("commonvoice", "adi5", "ksuemotions"):
        importlib.import_module(f"trees.{name}").make(top / name, tones(48))
        words += [f"--{name}", str(top / name)]
    words += ["--summaries", summaries(top / "summaries"), "--arms", "single hybrid"]
    code, written = house.run("harmonize/instruct", *words, "--allow-contamination", "true")
    assert code == 0, written
    exp = house.root / "egs/harmonize/instruct/exp"
    ways = {way["name"]: way for way in json.loads((exp / "ways/ways.json").read_text())["ways"]}
    tasks = {"asr", "summary", "text_summary", "dialect", "emotion"}
    assert ways.keys() == {"base", "single", "hybrid"}
    assert all(way["figures"].keys() == tasks for way in ways.values())
    drawn = json.loads((exp / "hybrid/s1/schedule.json").read_text())
    assert drawn["drawn"].keys() == tasks and "curriculum 50 %" in drawn["schedule"]
    left_out = (house.root / "egs/harmonize/instruct/dump/items/dropped.tsv").read_text(encoding="utf-8")
    assert {line.split("\t")[0] for line in left_out.splitlines() if "task left out" in line} == {
        "task/country",
        "task/arousal",
    }


def test_the_plan_of_harmonize_names_the_memory_of_7b(new_house: Callable[[], House], tmp_path: Path) -> None:
    house = new_house()
    (tmp_path / "mgb2").mkdir()
    words = ["--mgb2", str(tmp_path / "mgb2"), "--plan", "--hours", "10"]
    code, written = house.run("harmonize/instruct", *words)
    assert code == 0, written
    assert "GPU memory of a step on Qwen2.5-Omni-7B, about: 8.93 G weights in bf16 18.0 GB" in written
    assert "clips of 30 s together" in written and "a GPU of 24 GB" in written
