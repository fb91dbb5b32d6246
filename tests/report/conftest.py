"""A recipe folder with the result files of one iteration, in the formats of the steps. All values are made up."""

from __future__ import annotations

import json
import math
import pickle
import wave
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report.chain import write_chain
from report.figures import DIALECTS, EMOTIONS, PHONES, TASKS, pair, result, write_system

from toolkit.core.identity import id_of_input
from toolkit.core.record import within
from toolkit.core.results import Cost, Pair, System
from toolkit.core.schema import dump
from toolkit.report.config import ReportConfig
from toolkit.report.kinds import gather
from toolkit.report.render import plots
from toolkit.report.section import Report, Table

TEXT = "وَيْنْ رَايِحِينْ اَلْيَوْمْ يَا جَمَاعَة؟"
HOSTILE = '<script>document.title="owned"</script>'


def report(paths: Sequence[Path], **config: Any) -> Report:
    """What a report on these inputs tells."""
    return gather(paths, ReportConfig(**config))[0]


def rows_of(table: Table) -> dict[str, dict[str, Any]]:
    """Rows by their first cell without the word that marks the baseline, each by heading."""
    titles = [column.title for column in table.columns]
    return {str(row[0]).removesuffix(" (baseline)"): dict(zip(titles, row, strict=True)) for row in table.rows}


def tables_of(blocks: Iterable[Any]) -> list[Table]:
    """All tables within blocks, those that are folded too."""
    made: list[Table] = []
    for block in blocks:
        made += [block] if isinstance(block, Table) else tables_of(getattr(block, "blocks", []))
    return made


def table(made: Report, id: str, beginning: str = "") -> Table:
    """The table of a section whose title begins so."""
    (section,) = (section for section in made.sections if section.id == id)
    return next(t for t in tables_of(section.blocks) if t.title.startswith(beginning))


@dataclass
class Recipe:
    """Writes result files below `root`; `ins` are the inputs of the report in the order of the recipe."""

    root: Path

    @property
    def ins(self) -> list[Path]:
        return [
            Path(p) for p in ("data", "exp/it1/codebook", "exp/it1/quality", "exp/it1/base", "exp/probe", "exp/compare")
        ]

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def json(self, path: str, tree: Any) -> Path:
        return self.write(path, json.dumps(tree, ensure_ascii=False))

    def edit(self, path: str, **changes: Any) -> None:
        """Change keys of a JSON file; a key given as ... is removed."""
        tree = json.loads((self.root / path).read_text(encoding="utf-8"))
        tree.update(changes)
        self.json(path, {k: v for k, v in tree.items() if v is not ...})

    def record(self, folder: str, argv: list[str], ins: list[str], counts: dict[str, float], **more: Any) -> None:
        """record.json of a finished step, and its dropped.tsv from `drops` = [(id, reason, detail)]."""
        drops = more.pop("drops", [])
        parts = {"command": json.dumps([*argv, "--out", folder]), "VERSION": "1"}
        recorded = {name: id_of_input(self.root / name, self.root / folder) for name in ins if within(self.root / name)}
        parts |= {f"input {name}": recorded.get(name, "0123456789abcdef/.") for name in ins}
        reasons = {reason: sum(d[1] == reason for d in drops) for _, reason, _ in drops}
        rows = "".join(f"{id}\t{argv[0]}\t{reason}\t{detail}\n" for id, reason, detail in sorted(drops))
        self.write(f"{folder}/dropped.tsv", rows)
        record = {"state": "done", "id": "0123456789abcdef", "parts": parts, "config": {}, "commit": "abc1234"}
        self.json(f"{folder}/record.json", {**record, "counts": counts, "dropped": reasons, **more})

    def whole(self, examples: int = 2, synthetic: bool = True) -> Recipe:
        self._data(synthetic)
        self._units(examples, synthetic)
        self._training()
        self._tasks()
        return self

    def chain(self) -> Recipe:
        """All iterations, instead of the one of `whole`; its inputs are `chain.ins()`."""
        self.whole()
        write_chain(self)
        return self

    def _data(self, synthetic: bool) -> None:
        for name, utterances in (("train", 30), ("dev", 6), ("test", 9)):
            ids = [f"{DIALECTS[i % 5]}-s{i % 3:02d}-{name}-{i:03d}" for i in range(utterances)]
            for table, value in (
                ("wav.scp", "data/audio/x.wav"),
                ("utt2spk", None),
                ("utt2dur", "36.0"),
                ("text", TEXT),
            ):
                self.write(f"data/{name}/{table}", "".join(f"{i} {value or i[:7]}\n" for i in ids))
            self.write(f"data/{name}/utt2lang", "".join(f"{i} {i[:3]}\n" for i in ids))
            self.write(f"data/{name}/utt2emotion", "".join(f"{i} {EMOTIONS[int(i[-3:]) % 4]}\n" for i in ids))
        counts = {"utterances": 45, "hours": 0.45} | ({"synthetic": 1} if synthetic else {})
        drops = [("ALG-s01-004", "clipped", "12 % of the samples"), ("YEM-s02-031", "too short", "0.2 s")]
        argv = ["data.corpora.mini", "--config", "conf/quick/data.yaml"]
        self.record("data", argv, [], counts, drops=drops, config={"hours": 0.45, "seed": 7})

    def _units(self, examples: int, synthetic: bool) -> None:
        rng = np.random.default_rng(1)
        config = ["--config", "conf/quick/it1.yaml"]
        sample = {"frames": 40000}
        self.record(
            "dump/it1/sample", ["units.sample", *config], ["data/train"], sample, config={"features": {"kind": "mfcc"}}
        )
        self.record("exp/it1/codebook", ["units.kmeans", *config], ["dump/it1/sample"], {"clusters": 100})
        book = {
            "source": "mfcc",
            "rate": 100,
            "dim": 39,
            "k": 100,
            "hash": "00ff",
            "inertia_per_frame": 803.25,
        }
        self.json("exp/it1/codebook/codebook.json", book)
        drops = [("UAE-s01-022", "silent", "no sample above -70 dB")]
        labelled = ["data/train", "data/dev", "exp/it1/codebook"]
        self.record("dump/it1/labels", ["units.label"], labelled, {"utterances": 35, "frames": 62000}, drops=drops)
        self.record("exp/it1/quality", ["units.quality"], ["data/dev", "dump/it1/labels"], {"utterances": 6})
        histogram = [int(n) for n in rng.gamma(2.0, 60.0, 100)]
        measures = {"phone_purity": 0.531, "cluster_purity": 0.218, "pnmi": 0.436, "entropy_bits": 6.31}
        quality = {
            "set": "dev",
            "source": "mfcc",
            "k": 100,
            "frames": 12345,
            "clusters_used": 99,
            "run_length_mean": 2.41,
        }
        self.json(
            "exp/it1/quality/quality.json", {**quality, **measures, "histogram": histogram, "synthetic": synthetic}
        )
        self.json("exp/it1/quality/examples.json", [self._example(i, rng) for i in range(examples)])

    def _example(self, i: int, rng: np.random.Generator) -> dict[str, Any]:
        seconds = 2.4 + 0.5 * i
        self.wav(f"exp/it1/quality/examples/{i}.wav", seconds)
        runs = [int(u) for u in rng.integers(0, 100, int(seconds * 50)) for _ in range(int(rng.integers(1, 5)))]
        starts = np.arange(0.1, seconds - 0.1, 0.11)
        phones = [[float(s), 0.11, PHONES[int(rng.integers(len(PHONES)))]] for s in starts]
        example = {"id": f"PAL-s01-dev-{i:03d}", "text": TEXT, "lang": "PAL", "wav": f"examples/{i}.wav", "rate": 50}
        return {**example, "units": runs[: int(seconds * 50)], "phones": phones}

    def wav(self, path: str, seconds: float) -> None:
        t = np.arange(int(16000 * seconds)) / 16000
        signal = np.sin(2 * math.pi * 180 * t) * (0.55 + 0.45 * np.sin(2 * math.pi * 3 * t)) * np.hanning(len(t))
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(self.root / path), "wb") as f:
            f.setparams((1, 2, 16000, 0, "NONE", ""))
            f.writeframes((signal * 20000).astype("<i2").tobytes())

    def _training(self) -> None:
        rows = ["step\tloss\taccuracy\tdev_loss\tdev_accuracy\tlr"]
        for step in range(10, 501, 10):
            loss, accuracy = 4.6 * math.exp(-step / 300) + 1.9, 40 * (1 - math.exp(-step / 200))
            dev = f"{loss + 0.15:.4f}\t{accuracy - 2:.2f}" if step % 100 == 0 else "-\t-"
            rows.append(
                f"{step}\t{loss + 0.05 * math.sin(step):.4f}\t{accuracy:.2f}\t{dev}\t{3e-3 * (1 - step / 501):.2e}"
            )
        self.write("exp/it1/base/loss.tsv", "\n".join(rows) + "\n")
        shape = {"model_type": "hubert", "num_hidden_layers": 3, "hidden_size": 128, "intermediate_size": 512}
        self.json("exp/it1/base/hf/config.json", {**shape, "num_attention_heads": 4, "conv_dim": [32, 32, 64, 64]})
        config = {"optim": {"peak_lr": 3e-3, "betas": [0.9, 0.98]}, "loop": {"total_steps": 500}, "seed": 1}
        argv = ["train.pretrain", "--config", "conf/quick/base.yaml"]
        self.record("exp/it1/base", argv, ["data/train", "data/dev", "dump/it1/labels"], {"steps": 500}, config=config)

    def _tasks(self) -> None:
        argv = ["tasks.fit", "--config", "conf/quick/probe.yaml"]
        self.record("exp/probe", argv, ["data", "exp/it1/base"], {"rows": 4})
        for name, (system, values) in SYSTEMS.items():
            results = [result(name, task, percent, system.layers or 0) for task, percent in values.items()]
            write_system(self.root / "exp/probe" / name, system, results, COST)
        self.json("exp/probe/tasks.json", list(TASKS))
        self.json("exp/compare/pairs.json", [dump(p) for p in self.pairs()])

    def pairs(self) -> list[Pair]:
        """it1.base against every baseline."""
        mine = SYSTEMS["it1.base"][1]
        rivals = {name: values for name, (_, values) in SYSTEMS.items() if name != "it1.base"}
        return [
            pair("it1.base", name, task, mine[task] - values[task], 2.0)
            for name, values in rivals.items()
            for task in mine
        ]

    def figure(self, path: str, number: int = 0, **changes: Any) -> None:
        """Change keys of a figure of a result file; a key given as ... is removed."""
        tree = json.loads((self.root / path).read_text(encoding="utf-8"))
        tree["figures"][number].update(changes)
        tree["figures"][number] = {k: v for k, v in tree["figures"][number].items() if v is not ...}
        self.json(path, tree)


COST = Cost(0.0107, 18.3, 412.0, "CPU", 1, 60.0, 1.0)
SYSTEMS: dict[str, tuple[System, dict[str, float]]] = {
    "fbank": (
        System("fbank", "FBANK", "features", parameters=0, layers=0, dim=40),
        {"phone": 60.1, "asr": 79.2, "dialect": 33.2, "emotion": 38.0},
    ),
    "fbank_stacked": (
        System("fbank_stacked", "stacked FBANK", "features", parameters=0, layers=0, dim=280),
        {"phone": 66.4, "asr": 77.0, "dialect": 36.0, "emotion": 39.5},
    ),
    "random.it1.base": (
        System("random.it1.base", "it1.base, random", "random", "it1.base", 7, parameters=720_000, layers=3, dim=128),
        {"phone": 33.3, "asr": 77.9, "dialect": 19.5, "emotion": 41.5},
    ),
    "it1.base": (
        System("it1.base", "iteration 1", "trained", "it1.base", parameters=720_000, layers=3, dim=128),
        {"phone": 57.9, "asr": 76.1, "dialect": 46.3, "emotion": 45.9},
    ),
}


PLOTS = {name: draw for name, draw in vars(plots).items() if name.endswith("_plot")}


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> Iterator[None]:
    """A picture of the same figures is drawn once for all tests: drawing is three quarters of a report's time."""
    made: dict[bytes, Any] = {}

    def once(name: str) -> Callable[..., Any]:
        def draw(*args: Any) -> Any:
            key = pickle.dumps((name, args))
            if key not in made:
                made[key] = PLOTS[name](*args)
            return made[key]

        return draw

    with pytest.MonkeyPatch.context() as patch:
        for name in PLOTS:
            patch.setattr(plots, name, once(name))
        yield


@pytest.fixture
def drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every picture is drawn, for a test that compares pictures."""
    for name, draw in PLOTS.items():
        monkeypatch.setattr(plots, name, draw)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """An empty recipe folder, egs/mini/ssl, which is the working directory."""
    root = tmp_path / "egs" / "mini" / "ssl"
    root.mkdir(parents=True)
    monkeypatch.chdir(root)
    return Recipe(root)
