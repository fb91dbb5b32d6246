"""Result files of a whole chain: iteration 1, teacher L, students S and ST of PCA units, S of raw units. Made up."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from report.figures import ACCURACY, CER, CER_BEAM, WER_BEAM, figure, pair, result, write_system
from report.figures import TASKS as MADE

from toolkit.core.results import Cost, Figure, LayerFigures, LayerResults, Pair, System, TaskResult
from toolkit.core.schema import dump

Write = Callable[[str, Any], Any]
NETWORKS = {  # name: (parameters, layers, width, tag of its units, final loss)
    "it1.base": (720_000, 3, 128, "it1", 2.9),
    "it2.L": (6_400_000, 12, 256, "it2", 3.1),
    "it3-pca.S": (1_320_000, 4, 256, "it3-pca", 2.4),
    "it3-pca.ST": (490_000, 4, 128, "it3-pca", 2.6),
    "it3-raw.S": (1_320_000, 4, 256, "it3-raw", 2.8),
}
UNITS = {  # tag: (source, K, PCA dimensions, parameters of the teacher, PNMI, entropy bits)
    "it1": ("mfcc", 100, 0, 0, 0.436, 6.31),
    "it2": ("layer 2 of it1.base", 200, 0, 720_000, 0.531, 7.22),
    "it3-pca": ("layer 11 of it2.L", 200, 32, 6_400_000, 0.566, 7.31),
    "it3-raw": ("layer 11 of it2.L", 200, 0, 6_400_000, 0.561, 7.05),
}
FIGURES = {  # row: phone, ASR CER, dialect, emotion
    "fbank": (60.1, 79.2, 33.2, 38.0),
    "fbank_stacked": (66.4, 77.0, 36.0, 39.5),
    "random.it1.base": (33.3, 77.9, 19.5, 41.5),
    "it1.base": (57.9, 66.1, 46.3, 45.9),
    "random.it2.L": (35.1, 78.8, 22.0, 40.1),
    "it2.L": (71.2, 52.4, 58.0, 47.3),
    "random.it3-pca.S": (34.0, 78.2, 21.0, 40.0),
    "it3-pca.S": (68.4, 55.0, 49.6, 46.8),
    "random.it3-pca.ST": (31.2, 79.9, 20.5, 39.0),
    "it3-pca.ST": (65.0, 58.9, 47.1, 46.0),
    "it3-pca.ST.tuned": (math.nan, 49.7, math.nan, math.nan),
    "random.it3-raw.S": (34.0, 78.2, 21.0, 40.0),
    "it3-raw.S": (67.9, 55.6, 53.9, 45.2),
}
TASKS = tuple(MADE)
HALF = 2.0
"""points from a paired difference to the ends of its interval"""


def ins() -> list[Path]:
    """Inputs of the report in the order of the recipe."""
    paths = ["data"]
    for tag in UNITS:
        models = [name for name, network in NETWORKS.items() if network[3] == tag]
        paths += [f"exp/{tag}/{folder}" for folder in ("codebook", "quality", *(m.split(".")[1] for m in models))]
    probes = ["filter_banks", *NETWORKS, "it3-pca.ST.tuned", "it2.L.layers"]
    return [Path(path) for path in [*paths, *(f"exp/probe/{run}" for run in probes), "exp/compare"]]


def without(model: str) -> list[Path]:
    """The inputs but the probe run of a model."""
    return [path for path in ins() if path != Path(f"exp/probe/{model}")]


def system(name: str) -> System:
    """The system of a row of FIGURES."""
    if name.startswith("fbank"):
        title = {"fbank": "FBANK 40", "fbank_stacked": "FBANK 40 stacked ±3"}[name]
        return System(name, title, "features", parameters=0, layers=0, dim=40)
    model = name.removeprefix("random.").removesuffix(".tuned")
    parameters, layers, dim = NETWORKS[model][:3]
    about: dict[str, Any] = {"parameters": parameters, "layers": layers, "dim": dim}
    if name.startswith("random"):
        return System(name, f"{model}, random", "random", model, 7, **about)
    if name.endswith("tuned"):
        return System(name, f"{model}, fine-tuned", "trained", model, frozen=False, **about)
    return System(name, f"iteration {model[2]} ({model})", "trained", model, **about)


def run_of(row: str) -> str:
    """Folder in exp/probe of the run that made a row."""
    return "filter_banks" if row.startswith("fbank") else row.removeprefix("random.")


def write_units(write: Write) -> None:
    for tag, (source, k, pca, parameters, pnmi, bits) in UNITS.items():
        rate = 100 if source == "mfcc" else 50
        book = {"source": source, "rate": rate, "dim": 39, "k": k, "hash": f"hash-{tag}", "inertia_per_frame": 803.25}
        write(f"exp/{tag}/codebook/codebook.json", {**book, "pca": pca, "parameters": parameters})
        write(
            f"dump/{tag}/labels/header.json",
            {"layer": source, "codebook": f"hash-{tag}", "k": k, "pca": pca, "rate": rate},
        )
        quality = {"set": "dev", "source": source, "k": k, "rate": rate, "frames": 12345, "clusters_used": k - 1}
        shares = {"phone_purity": pnmi + 0.1, "cluster_purity": 0.22, "pnmi": pnmi, "entropy_bits": bits}
        histogram = [1000 // (i + 3) for i in range(k)]
        more = {"run_length_mean": 2.4, "histogram": histogram, "synthetic": True}
        write(f"exp/{tag}/quality/quality.json", {**quality, **shares, **more})


def loss_rows(last: float) -> str:
    names = ("loss", "loss_masked", "accuracy_masked", "dev_loss", "dev_loss_masked", "dev_accuracy_masked", "lr")
    rows = ["\t".join(("step", *names))]
    for step in range(10, 1001, 10):
        loss = last + (5.2 - last) * math.exp(-step / 250) + 0.04 * math.sin(step)
        right = 0.5 * (1 - math.exp(-step / 300)) * 2.5 / last
        dev = [loss + 0.2, loss + 0.15, right - 0.02] if step % 100 == 0 else None
        cells = [loss + 0.05, loss, right, *(dev or ["-"] * 3), 1e-3]
        rows.append("\t".join([str(step), *(c if isinstance(c, str) else f"{c:.5g}" for c in cells)]))
    return "\n".join(rows) + "\n"


def results(name: str) -> list[TaskResult]:
    """Of all tasks; the deciding CER, then WER and both by beam search."""
    made = []
    for task, percent in zip(TASKS, FIGURES[name], strict=True):
        if math.isnan(percent):
            continue
        of_task = result(name, task, percent, system(name).layers or 0)
        if task == "asr":
            about = {"blocks": "utterance", "block_count": 205}
            beam = (figure(CER_BEAM, percent - 4, 2, **about), figure(WER_BEAM, percent + 12, 2, **about))
            settings = {"beam": 16, "order": 4, "lm_weight": 0.5, "insertion": 0.0, "text": "train", "dev": [{}]}
            chosen = replace(of_task.chosen, settings=settings)
            of_task = replace(of_task, figures=of_task.figures + beam, chosen=chosen)
        made.append(of_task)
    return made


def cost(name: str) -> Cost:
    parameters = system(name).parameters or 0
    return Cost(0.002 + parameters / 1e9, 4 + parameters / 3e5, 90 + parameters / 3e4, "CPU", 1)


def pairs() -> list[Pair]:
    """Every trained system against every baseline and, once each, every earlier trained one."""
    made = []
    models = [name for name in FIGURES if system(name).arm == "trained"]
    for i, name in enumerate(models):
        for rival in [*(r for r in FIGURES if system(r).arm != "trained"), *models[:i]]:
            for task, a, b in zip(TASKS, FIGURES[name], FIGURES[rival], strict=True):
                if not math.isnan(a - b):
                    made.append(pair(name, rival, task, a - b, HALF))
    return made


def layers() -> LayerResults:
    """layers.json of L: phones peak in the middle, dialect early, ASR late."""
    tasks = []
    for task, top, peak, chance in (("phone", 72, 8, 12.0), ("asr", 55, 10, None), ("dialect", 60, 4, 20.0)):
        metric, sign = (CER, 1) if task == "asr" else (ACCURACY, -1)
        values = {layer: top + sign * 1.5 * abs(layer - peak) for layer in range(13)}
        test = {
            layer: Figure(metric, v, v - 3, v + 2.5, 205, "utterances", "speaker", 9) for layer, v in values.items()
        }
        dev = {layer: value + 0.5 for layer, value in values.items()}
        tasks.append(LayerFigures(task, MADE[task].title, test, dev, chance))
    return LayerResults(system("it2.L"), tuple(tasks))


def write_chain(recipe: Any) -> None:
    """All of it below the recipe's folder, beside the data that are there."""
    write = recipe.json
    write_units(write)
    for name, (_, depth, width, tag, last) in NETWORKS.items():
        folder = f"exp/{tag}/{name.split('.')[1]}"
        recipe.write(f"{folder}/loss.tsv", loss_rows(last))
        shape = {"model_type": "hubert", "num_hidden_layers": depth, "hidden_size": width}
        write(f"{folder}/hf/config.json", {**shape, "intermediate_size": 4 * width, "num_attention_heads": 4})
        argv = ["train.pretrain", "--config", f"conf/quick/{name.split('.')[1]}.yaml"]
        recipe.record(folder, argv, ["data/train", f"dump/{tag}/labels"], {"steps": 1000, "hours": 0.3})
    shutil.rmtree("exp/probe", ignore_errors=True)
    for name in FIGURES:
        write_system(recipe.root / "exp/probe" / run_of(name) / name, system(name), results(name), cost(name))
        write(f"exp/probe/{run_of(name)}/tasks.json", [of_task.task for of_task in results(name)])
    write("exp/probe/it2.L.layers/it2.L/layers.json", dump(layers()))
    write("exp/compare/pairs.json", [dump(p) for p in pairs()])
