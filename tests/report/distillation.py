"""Result files of a whole distillation in a recipe folder: hypotheses are scored by the real step, the rest made up."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from report.conftest import Recipe
from trials import DIALECTS, by_turns, many, write_heard, write_set, write_trial

ORDER = "teacher undistilled unfiltered filtered truth"
LAMBDAS = (0.0, 10.0, 20.0, 40.0, 80.0)
SHAPE = {"model_type": "whisper", "encoder_layers": 4, "decoder_layers": 2, "d_model": 384, "num_mel_bins": 80}


def ins() -> list[Path]:
    """Inputs of the report in the order of the recipe."""
    packs = [f"dump/packs/{name}" for name in ("unfiltered", "filtered", "truth")]
    trained = [f"exp/{name}" for name in ("teacher", "student", "unfiltered", "filtered", "truth")]
    paths = ["data", "dump/labels/train", "dump/select", *packs, *trained, "exp/scores"]
    return [Path(path) for path in paths]


def write_distillation(recipe: Recipe, synthetic: bool = True) -> Recipe:
    """data/, dump/ and exp/ of a run whose working directory is the recipe's folder."""
    trial = write_trial(Path("."))
    train = many("t", 24)
    write_set(Path("data/train"), train, dialects=by_turns(list(train), DIALECTS))
    counts = {"utterances": 81, "hours": 0.09} | ({"synthetic": 1} if synthetic else {})
    recipe.record("data", ["data.corpora.mini", "--config", "conf/quick/data.yaml"], [], counts)
    _labels(recipe, train)
    _packs(recipe)
    _training(recipe)
    score(trial, "--floor", "undistilled", "--order", ORDER, "--pairs", "filtered=unfiltered")
    return recipe


def score(trial: list[Path], *flags: str, out: str = "exp/scores") -> None:
    """score.systems, run as a recipe does."""
    words = ["-m", "toolkit.score.systems", "--in", *map(str, trial), "--out", out, *flags]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _labels(recipe: Recipe, train: dict[str, str]) -> None:
    write_heard(Path("dump/labels/train"), train, 37_184_256, set="train")
    counts = {"utterances": 24, "hours": 0.03}
    recipe.record("dump/labels/train", ["pseudo.transcribe"], ["data/train", "exp/teacher"], counts)
    survivors = {0.0: 6, 10.0: 10, 20.0: 15, 40.0: 20, 80.0: 23}
    rows = [row("all", "all", None, 24, 24, 38.5)]
    rows += [row("all", "all", limit, n, 24, limit / 2) for limit, n in survivors.items()]
    for i, dialect in enumerate(("ALG", "MSA")):
        rows += [row("dialect", dialect, limit, n // 2 - i, 12, limit / 2) for limit, n in survivors.items()]
    for value in ("2-5", "5-10"):
        rows += [row("duration", value, limit, n // 2, 12, limit / 2) for limit, n in survivors.items()]
    tree = {"profile": "sawt@1", "lambdas": list(LAMBDAS), "labels": {"model": "exp/teacher"}, "proxy": None}
    tree |= {"counts": {"utterances": 24, "hours": 0.03, "empty": 1, "cut_off": 0, "referenced": 24, "no_label": 0}}
    of = [("confidence", 0.81), ("repetition", 0.55)]
    areas = [
        {"score": s, "lambda": limit, "bad": 24 - n, "of": 24, "auc": None if limit == 0 else a, "why": ""}
        for s, a in of
        for limit, n in survivors.items()
    ]
    selections = {
        "filtered": {"criterion": "wer <= 20", "utterances": 15, "hours": 0.02, "wer": 8.1, "cer": 3.0,
                     "dropped": {"wer above 20": 8, "empty label": 1}},
        "unfiltered": {"criterion": "", "utterances": 23, "hours": 0.03, "wer": 33.0, "cer": 14.2,
                       "dropped": {"empty label": 1}},
    }  # fmt: skip
    tree |= {"survival": rows, "auc": areas, "selections": selections, "histograms": histograms()}
    recipe.json("dump/select/survival.json", tree)
    drops = [(f"t-{i:03d}", "filtered: wer above 20", "") for i in range(8)]
    said = {"kept filtered": 15, "utterances": 24}
    recipe.record("dump/select", ["pseudo.select"], ["data/train", "dump/labels/train"], said, drops=drops)


def row(group: str, value: str, limit: float | None, left: int, of: int, wer: float) -> dict[str, Any]:
    """A row of survival.json."""
    shared = {"hours": left / 900, "of_hours": of / 900, "percent": 100 * left / of, "wer": wer, "cer": wer / 2}
    by_cer = {"utterances_by_cer": left, "hours_by_cer": left / 900}
    return {"group": group, "value": value, "lambda": limit, "utterances": left, "of": of, **shared, **by_cer}


def histograms() -> dict[str, Any]:
    wer = {"meaning": "word error rate against the reference, %", "worse": "higher", "below": 0, "above": 1}
    confidence = {"meaning": "mean log-probability of a token, nats", "worse": "lower", "below": 0, "above": 0}
    return {
        "wer": {**wer, "edges": [0, 20, 40, 60, 80, 100], "counts": [15, 5, 2, 1, 0], "unknown": 0},
        "confidence": {**confidence, "edges": [-3, -2, -1, 0], "counts": [2, 6, 15], "unknown": 0},
    }


def _packs(recipe: Recipe) -> None:
    for name, labels, count in (("unfiltered", "pseudo", 23), ("filtered", "pseudo", 15), ("truth", "truth", 24)):
        folder = f"dump/packs/{name}"
        keep = name if labels == "pseudo" else ""
        recipe.write(f"{folder}/windows.jsonl", "")
        header = {"vocabulary": "v1", "labels": labels, "window_seconds": 30.0, "set": "train", "data": "data/train"}
        recipe.json(f"{folder}/header.json", {**header, "keep": keep})
        counts = {"windows": 5, "utterances": count, "hours": 0.03, "padding_percent": 36.2}
        more = ["dump/select"] if keep else []
        recipe.record(folder, ["pseudo.pack", "--labels", labels], ["data/train", "dump/labels/train", *more], counts)


def _training(recipe: Recipe) -> None:
    recipe.json("exp/student/config.json", SHAPE)
    recipe.record("exp/student", ["models.student"], ["exp/teacher"], {"layers": 2})
    for name, pack in (("teacher", None), ("unfiltered", "unfiltered"), ("filtered", "filtered"), ("truth", "truth")):
        rows = ["step\tloss\tce\tkl\tlr\tdev_loss\tdev_wer"]
        for step in range(10, 201, 10):
            loss = 3.0 * math.exp(-step / 80) + 0.4
            dev = f"{loss + 0.1:.4f}\t{90 * math.exp(-step / 150) + 5:.2f}" if step % 50 == 0 else "-\t-"
            rows.append(f"{step}\t{loss:.4f}\t{loss * 0.7:.4f}\t{loss * 0.3:.4f}\t1e-4\t{dev}")
        recipe.write(f"exp/{name}/loss.tsv", "\n".join(rows) + "\n")
        recipe.json(f"exp/{name}/hf/config.json", SHAPE | {"decoder_layers": 4 if name == "teacher" else 2})
        inputs = [f"dump/packs/{pack}", "exp/student", "exp/teacher"] if pack else ["data/train"]
        config = {"optim": {"peak_lr": 1e-4}, "seed": 1}
        argv = ["train.distil", "--config", "conf/quick/distil.yaml"]
        recipe.record(f"exp/{name}", argv, inputs, {"steps": 200}, config=config)
        recipe.json(f"exp/{name}/times.json", {"seconds": 150.0})
