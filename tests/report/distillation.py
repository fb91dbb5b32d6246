"""A whole distillation in a recipe folder: labels are selected and packed, a student made, by the real steps; what a
training, a recogniser and the scoring would write is made up.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from report.conftest import Recipe
from report.figures import figure
from trials import DIALECTS, SENTENCES, by_turns, many, words, write_heard, write_set
from whispers import tiny_whisper_folder

from toolkit.core.results import Cost, Figure, Pair, System, TaskResult
from toolkit.core.schema import dump
from toolkit.core.systems_results import (
    AGREEMENT,
    ALL,
    CER,
    GAP_CLOSED,
    MACRO,
    MAPSSWE,
    WER,
    Categories,
    CategoryCounts,
    Example,
    Recogniser,
    Share,
    SystemCost,
    SystemsResult,
    TestSet,
)
from toolkit.data.audio import write_wav

SELECT = """
lambdas: [0, 10, 20, 40, 80]
keep:
  filtered: wer <= 20
  unfiltered: ""
"""
PROFILES = ("raw@1", "sawt@1")
WERS = {  # system -> WER on test and on clips, of the profile that decides
    "teacher": (10.0, 12.0),
    "undistilled": (60.0, 70.0),
    "unfiltered": (30.0, 40.0),
    "filtered": (25.0, 45.0),
    "truth": (15.0, 20.0),
}
PARAMETERS = {name: 15_000_000 for name in WERS} | {"teacher": 37_184_256}
TESTS = (
    TestSet("test", "test", "set", 48, "speaker", 6),
    TestSet("clips", "clips", "set", 9, "utterance", dialects={"ALG": 1, "JOR": 3, "MSA": 5}),
    TestSet(ALL, "all sets", "all", 57, "speaker or utterance"),
    TestSet(MACRO, "mean of sets", "macro", 57, "speaker or utterance"),
)
HALF = 4.0
"""points from a paired difference to the ends of its interval"""


def ins() -> list[Path]:
    """Inputs of the report in the order of the recipe."""
    packs = [f"dump/packs/{name}" for name in ("unfiltered", "filtered", "truth")]
    trained = [f"exp/{name}" for name in ("teacher", "student", "unfiltered", "filtered", "truth")]
    paths = ["data", "dump/labels/train", "dump/select", *packs, *trained, "exp/scores"]
    return [Path(path) for path in paths]


def wer_of(system: str, task: str) -> float:
    test, clips = WERS[system]
    return {"test": test, "clips": clips, ALL: (48 * test + 9 * clips) / 57, MACRO: (test + clips) / 2}[task]


def gap_of(system: str, task: str) -> float:
    """Percent of the gap between the undistilled student and the teacher that a student closes."""
    floor, top = (wer_of(name, task) for name in ("undistilled", "teacher"))
    return 100 * (floor - wer_of(system, task)) / (floor - top)


def result(system: str, test: TestSet) -> TaskResult:
    """A system on a task: WER and CER of the deciding profile, its dialects, agreement, gap; then the other profile."""
    wer = wer_of(system, test.name)
    about: dict[str, Any] = {
        "n": test.utterances,
        "blocks": test.blocks,
        "block_count": test.speakers or test.utterances,
    }
    decides = {**about, "profile": PROFILES[-1]}
    figures = [figure(WER, wer, 3, **decides), figure(CER, wer / 3, 1, **decides)]
    figures += [
        replace(figure(WER, wer + i, 3, **decides), group=d, low=None, high=None) for i, d in enumerate(test.dialects)
    ]
    figures += [figure(WER, wer + 1, 3, **decides, group=MACRO)] if test.dialects else []
    figures += [figure(AGREEMENT, 100 - wer, 3, **decides)] if system != "teacher" else []
    if system not in ("teacher", "undistilled"):
        figures.append(figure(GAP_CLOSED, gap_of(system, test.name), 10, **decides))
    figures += [figure(metric, wer + 9, 3, **about, profile=PROFILES[0]) for metric in (WER, CER)]
    return TaskResult(system, test.name, test.title, "transcribe", tuple(figures), "0", {"sets": [test.name]})


def pairs() -> list[Pair]:
    """Every system against the teacher, every student against the undistilled one, filtered against unfiltered."""
    named = [(name, "teacher") for name in WERS if name != "teacher"]
    named += [(name, "undistilled") for name in ("unfiltered", "filtered", "truth")]
    return [
        tested(system, against, test, profile)
        for system, against in [*named, ("filtered", "unfiltered")]
        for test in TESTS[:2]
        for profile in PROFILES
    ]


def tested(system: str, against: str, test: TestSet, profile: str) -> Pair:
    gap = wer_of(system, test.name) - wer_of(against, test.name)
    made: Figure = figure(WER, gap, HALF, n=test.utterances, blocks=test.blocks, profile=profile)
    segments = {"segments": 1200.0, "mean": gap, "deviation": 1.0, "z": 2.0, "p": 0.00001, "p_holm": 0.0213}
    return Pair(test.name, system, against, made, 0.0004, 0.0012, {MAPSSWE: segments})


def scores() -> SystemsResult:
    """systems.json."""
    counts = CategoryCounts(48, 0, 0, 40, 240, 24, 10.0, {"correct": Share(36, 75.0), "empty": Share(12, 25.0)})
    categories = [
        Categories(system, test.name, counts, {}, {}, repeating=3, empty=12, cut_off=6, utterances=48)
        for test in TESTS[:2]
        for system in WERS
    ]
    hypotheses = {system: words(SENTENCES[6], i) for i, system in enumerate(WERS)}
    return SystemsResult(
        reference="teacher",
        floors=dict.fromkeys(("unfiltered", "filtered", "truth"), "undistilled"),
        aside=(),
        profiles=PROFILES,
        replicates=1000,
        confidence=95.0,
        seed=1,
        category_profile="sawt@1",
        category_names=("correct", "empty"),
        rules={},
        systems=tuple(System(name, name, "trained", f"exp/{name}/hf", parameters=PARAMETERS[name]) for name in WERS),
        recognisers=tuple(Recogniser(name, f"hash-{name}", {"test": "s1"}) for name in WERS),
        tests=TESTS,
        results=tuple(result(name, test) for name in WERS for test in TESTS),
        counts=(),
        pairs=tuple(pairs()),
        unmeasured=(),
        categories=tuple(categories),
        examples=(Example("clips", "clip-006", "ALG", SENTENCES[6], hypotheses),),
        findings=(),
        lacking=(),
    )


def costs() -> list[SystemCost]:
    """cost.json: of test alone."""
    cost = Cost(0.125, None, 512.0, "CPU", 2, 192.0)
    return [SystemCost(name, "test", 24.0, cost) for name in WERS]


def write_distillation(recipe: Recipe) -> Recipe:
    """data/, dump/ and exp/ of a run on synthetic audio, whose working directory is the recipe's folder."""
    train = many("t", 24)
    write_set(Path("data/train"), train, dialects=by_turns(list(train), DIALECTS))
    _recordings(list(train))
    argv = ["data.corpora.mini", "--config", "conf/quick/data.yaml"]
    recipe.record("data", argv, [], {"utterances": 81, "hours": 0.09, "synthetic": 1})
    _training(recipe, "teacher", [Path("data/train")])
    tiny_whisper_folder(Path("exp/teacher/hf"), layers=4)
    step("models.student", "exp/student", ["exp/teacher"], "--encoder-layers", "4", "--decoder-layers", "2")
    _labels(recipe, train)
    for name, labels in (("unfiltered", "pseudo"), ("filtered", "pseudo"), ("truth", "truth")):
        more = ["dump/labels/train", "dump/select"] if labels == "pseudo" else []
        flags = ["--labels", labels, *(["--keep", name] if more else [])]
        step("pseudo.pack", f"dump/packs/{name}", ["data/train", "exp/teacher/hf", *more], *flags)
        _training(recipe, name, [Path(f"dump/packs/{name}"), Path("exp/student"), Path("exp/teacher")])
        shutil.copytree("exp/student/hf", f"exp/{name}/hf")
    recipe.record("exp/scores", ["score.systems"], ["data"], {"systems": 5})
    recipe.json("exp/scores/systems.json", dump(scores()))
    recipe.json("exp/scores/cost.json", [dump(cost) for cost in costs()])
    return recipe


def _recordings(ids: list[str]) -> None:
    """Audio of 4 s that write_set names: windows of right transcripts are packed of what decodes."""
    noise_N = 0.1 * np.random.default_rng(1).standard_normal(64000).astype(np.float32)
    for id in ids:
        write_wav(Path(f"audio/{id}.wav"), noise_N)


def step(name: str, out: str, ins: list[str], *flags: str) -> None:
    """Run a step as a recipe does."""
    argv = ["-m", f"toolkit.{name}", "--in", *ins, "--out", out, *flags]
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _labels(recipe: Recipe, train: dict[str, str]) -> None:
    """Labels of which every fourth is right, and others have one to three words wrong; what is selected of them."""
    heard = {id: words(text, i % 4) for i, (id, text) in enumerate(train.items())}
    write_heard(Path("dump/labels/train"), heard, 37_184_256)
    counts = {"utterances": 24, "hours": 0.03}
    recipe.record("dump/labels/train", ["pseudo.transcribe"], ["data/train", "exp/teacher"], counts)
    recipe.write("conf/quick/select.yaml", SELECT)
    step("pseudo.select", "dump/select", ["data/train", "dump/labels/train"], "--config", "conf/quick/select.yaml")


def _training(recipe: Recipe, name: str, inputs: list[Path]) -> None:
    """A training's folder but for its hf/; the dev WER is a fraction, as train.whisper writes it."""
    rows = ["step\tloss\tce\tkl\tlr\tdev_loss\tdev_wer"]
    for at in range(10, 201, 10):
        loss = 3.0 * math.exp(-at / 80) + 0.4
        dev = f"{loss + 0.1:.4f}\t{0.9 * math.exp(-at / 150) + 0.05:.4f}" if at % 50 == 0 else "-\t-"
        rows.append(f"{at}\t{loss:.4f}\t{loss * 0.7:.4f}\t{loss * 0.3:.4f}\t1e-4\t{dev}")
    recipe.write(f"exp/{name}/loss.tsv", "\n".join(rows) + "\n")
    paths = list(map(str, inputs))
    argv = ["train.whisper", "--config", "conf/quick/distil.yaml", "--in", *paths]
    recipe.record(f"exp/{name}", argv, paths, {"steps": 200}, config={"optim": {"peak_lr": 1e-4}, "seed": 1})
    recipe.json(f"exp/{name}/times.json", {"seconds": 150.0})
