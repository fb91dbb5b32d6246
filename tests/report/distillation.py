"""A whole distillation in a recipe folder: labels are selected and packed, a student made, systems scored by the real
steps; what a training and a recogniser would write is made up.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path

from report.conftest import Recipe
from trials import DIALECTS, by_turns, many, words, write_heard, write_set, write_trial
from whispers import tiny_whisper_folder

ORDER = "teacher undistilled unfiltered filtered truth"
SELECT = """
lambdas: [0, 10, 20, 40, 80]
keep:
  filtered: wer <= 20
  unfiltered: ""
"""


def ins() -> list[Path]:
    """Inputs of the report in the order of the recipe."""
    packs = [f"dump/packs/{name}" for name in ("unfiltered", "filtered", "truth")]
    trained = [f"exp/{name}" for name in ("teacher", "student", "unfiltered", "filtered", "truth")]
    paths = ["data", "dump/labels/train", "dump/select", *packs, *trained, "exp/scores"]
    return [Path(path) for path in paths]


def write_distillation(recipe: Recipe) -> Recipe:
    """data/, dump/ and exp/ of a run on synthetic audio, whose working directory is the recipe's folder."""
    trial = write_trial(Path("."))
    train = many("t", 24)
    write_set(Path("data/train"), train, dialects=by_turns(list(train), DIALECTS))
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
    flags = ["--floor", "undistilled", "--order", ORDER, "--pairs", "filtered=unfiltered"]
    step("score.systems", "exp/scores", list(map(str, trial)), *flags)
    return recipe


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
