"""docs/adding-a-task.md works word for word."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, House
from trees import RATE, record

from toolkit.core.config import load_config
from toolkit.data.kaldi import write_data_dir
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.task_config import TaskConfig

pytestmark = pytest.mark.recipe

TEXT = (ROOT / "docs/adding-a-task.md").read_text(encoding="utf-8")


def own_data(folder: Path) -> Path:
    """train, dev and test: tones of half a second, low ones of men and high ones of women."""
    time_N = np.arange(RATE // 2) / RATE
    for part, count in (("train", 24), ("dev", 8), ("test", 8)):
        tables: dict[str, dict[str, str]] = {name: {} for name in ("wav.scp", "utt2spk", "utt2dur", "reco2dur")}
        genders = {}
        for i in range(count):
            speaker, gender = f"{part}{i % 4}", "mf"[i % 2]
            id, hertz = f"{speaker}-{i:02}", {"m": 300, "f": 2500}[gender] + 5 * i
            record(folder / f"audio/{id}.wav", 0.3 * np.sin(2 * np.pi * hertz * time_N))
            row = str(folder / f"audio/{id}.wav"), speaker, "0.5", "0.5"
            for table, value in zip(tables.values(), row, strict=True):
                table[id] = value
            genders[speaker] = gender
        write_data_dir(folder / part, {**tables, "spk2gender": genders})
    return folder


def test_every_command_of_the_document_works(new_house: Callable[[], House], tmp_path: Path) -> None:
    house, data = new_house(), own_data(tmp_path / "data")
    (house.root / "tests").mkdir()
    shutil.copy(ROOT / "tests/length_task.py", house.root / "tests")
    blocks = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 5 and all("/my/data" in blocks[k] for k in (1, 4))
    script = "set -euo pipefail\n" + "".join(blocks).replace("/my/data", shlex.quote(str(data)))
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "SAWT_PYTHON": str(ROOT / ".venv/bin/python3")}
    done = subprocess.run(["bash", "-c", script], cwd=house.root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    exp = house.root / "egs/mine/superb/exp"
    results = {name: json.loads((exp / f"tasks/fbank/{name}.json").read_text()) for name in ("gender", "length")}
    assert len(results["gender"]["chosen"]["dev"]) == 3 and results["gender"]["figures"][0]["value"] == 100
    table = (exp / "RESULTS.md").read_text(encoding="utf-8")
    assert "Gender acc. % ↑" in table and "Length" in table


def test_the_document_names_every_type() -> None:
    types = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert sorted(types) == TaskConfig.variants()


def test_the_section_of_the_document_is_a_config(tmp_path: Path) -> None:
    section = re.search(r"<<'END'\n(  gender:.*?)END", TEXT, re.DOTALL)
    assert section
    (tmp_path / "tasks.yaml").write_text(f"tasks:\n{section[1]}", encoding="utf-8")
    assert load_config(TasksConfig, tmp_path / "tasks.yaml").tasks["gender"].label == "utt2gender"
