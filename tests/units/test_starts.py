"""What the processes of a step with workers import."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_step_imports_torch_itself_whatever_nj_is_and_not_at_all_where_nothing_is_to_be_done(
    chain: Callable[..., Path], tmp_path: Path
) -> None:
    made = chain()
    words = ["toolkit.units.label", "--in", str(tmp_path / "train"), str(made / "codebook"), "--out"]
    imports: dict[str, str] = {}
    for nj in ("1", "2", "2"):
        done = (tmp_path / f"labels.{nj}" / "record.json").is_file()
        imports["done" if done else nj] = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", *words, str(tmp_path / f"labels.{nj}")],
            cwd=ROOT,
            env={**os.environ, "SAWT_NJ": nj},
            capture_output=True,
            text=True,
            check=True,
        ).stderr
    for nj in ("1", "2"):
        assert "toolkit.units.nearest" in imports[nj] and len(re.findall(r"\| +torch\n", imports[nj])) == 1
    assert "toolkit.units.codebook" in imports["done"] and "torch" not in imports["done"]
