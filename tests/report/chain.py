"""Result files of a whole chain: iteration 1, teacher L, students S and ST of PCA units, S of raw units. Made up."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
TASKS = ("phone", "asr", "dialect", "emotion")
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


def kind(row: str) -> str:
    return row if row.startswith("fbank") else "random" if row.startswith("random") else "model"


def of(row: str) -> str | None:
    return row.removeprefix("random.").removesuffix(".tuned") if "random" in row or "tuned" in row else None


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


def write_rows(write: Write, probe: Callable[..., dict[str, Any]]) -> None:
    """The folders of the probe runs; `probe` makes <task>.json of a row."""
    for row, figures in FIGURES.items():
        folder = f"exp/probe/{run_of(row)}/{row}"
        parameters, layers, width = NETWORKS[of(row) or row][:3] if not row.startswith("fbank") else (0, 0, 40)
        title = {"fbank": "FBANK 40", "fbank_stacked": "FBANK 40 stacked ±3"}.get(row)
        title = title or f"iteration {row.removeprefix('random.')[2]} ({of(row) or row})"
        about = {"row": row, "title": title, "kind": kind(row), "of": of(row), "frozen": not row.endswith("tuned")}
        write(f"{folder}/row.json", {**about, "dim": width, "layers": layers, "parameters": parameters})
        cost = {"rtf": 0.002 + parameters / 1e9, "latency_ms": 4 + parameters / 3e5, "peak_mb": 90 + parameters / 3e4}
        write(f"{folder}/cost.json", {**cost, "threads": 1, "device": "CPU"})
        for task, percent in zip(TASKS, figures):
            if math.isnan(percent):
                continue
            result = {**probe(row, task, percent, layers), "block_count": 9, "frozen": about["frozen"]}
            if task == "asr":
                for name, base in (("cer_beam", percent - 4), ("wer_beam", percent + 12)):
                    result["others"][name] = {"percent": base, "low": base - 2, "high": base + 2}
                tried = [{"lm_weight": 0.5, "insertion": 0.0, "percent": 40.0}]
                how = {"beam": 16, "order": 4, "lm_weight": 0.5, "insertion": 0.0}
                result["decoding"] = {**how, "text": "train", "dev": tried}
                result["tokens"] = "characters"
            write(f"{folder}/{task}.json", result)


def pairs() -> list[dict[str, Any]]:
    """Every model row against every baseline and, once each, every other model row."""
    made = []
    models = [row for row in FIGURES if kind(row) == "model"]
    for i, row in enumerate(models):
        for rival in [*(r for r in FIGURES if kind(r) != "model"), *models[:i]]:
            for task, a, b in zip(TASKS, FIGURES[row], FIGURES[rival]):
                if not math.isnan(a - b):
                    interval = {"percent": a - b, "low": a - b - HALF, "high": a - b + HALF, "n": 205}
                    blocks = {"blocks": "speaker", "block_count": 9, "confidence": 95}
                    made.append({"task": task, "row": row, "other": rival, **interval, **blocks})
    return made


def layers() -> dict[str, Any]:
    """layers.json of L: phones peak in the middle, dialect early, ASR late."""
    tasks = {}
    for task, top, peak, chance in (("phone", 72, 8, 12.0), ("asr", 55, 10, None), ("dialect", 60, 4, 20.0)):
        by_layer = []
        for layer in range(13):
            off = 1.5 * abs(layer - peak)
            percent = top + off if task == "asr" else top - off
            ends = {"percent": percent, "low": percent - 3, "high": percent + 2.5}
            by_layer.append({"layer": layer, **ends, "dev_percent": percent + 0.5, "best_lr": 0.01})
        metric = "CER" if task == "asr" else "accuracy"
        about = {"metric": metric, "n": 205, "unit_of_n": "utterances", "blocks": "speaker", "block_count": 9}
        tasks[task] = {**about, "confidence": 95, "chance_percent": chance, "layers": by_layer}
    return {"row": "it2.L", "title": "iteration 2 (it2.L)", "of": None, "tasks": tasks}


def write_chain(recipe: Any, probe: Callable[..., dict[str, Any]]) -> None:
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
    write_rows(write, probe)
    write("exp/probe/it2.L.layers/it2.L/layers.json", layers())
    write("exp/compare/pairs.json", json.loads(json.dumps(pairs())))
