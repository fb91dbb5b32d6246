"""What the processes of a step with workers import."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_who_only_starts_workers_imports_no_torch(chain: Callable[..., Path], tmp_path: Path) -> None:
    made = chain()
    words = ["toolkit.units.label", "--in", str(tmp_path / "train"), str(made / "codebook"), "--out"]
    imports: dict[str, str] = {}
    for nj in ("1", "2"):
        imports[nj] = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", *words, str(tmp_path / f"labels.{nj}")],
            cwd=ROOT,
            env={**os.environ, "SAWT_NJ": nj},
            capture_output=True,
            text=True,
            check=True,
        ).stderr
    assert "toolkit.units.nearest" in imports["1"] and "| torch\n" in imports["1"]
    assert "toolkit.units.codebook" in imports["2"] and "torch" not in imports["2"]
