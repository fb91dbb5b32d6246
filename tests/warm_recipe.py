"""A recipe's run of which bash declares the stages as ever, and whose engine and steps are forked (warm_python.py)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON = str(ROOT / ".venv/bin/python3")


def start(folder: Path, words: list[str], env: dict[str, str], **call: Any) -> subprocess.Popen[str]:
    """Begin `./run.sh WORDS` in `folder`; `call` goes to Popen. Where bash refuses the words, its process is returned.

    bash runs first, to its end, with a script in the place of Python that keeps what the engine is handed.
    """
    with tempfile.TemporaryDirectory() as kept:
        env = {**env, "SAWT_PYTHON": str(ROOT / "tests/warm_recipe.sh"), "SAWT_TABLE": kept}
        bash = subprocess.Popen(["./run.sh", *words], cwd=folder, env=env, text=True, **call)
        os.waitid(os.P_PID, bash.pid, os.WEXITED | os.WNOWAIT)
        if not Path(kept, "words").is_file():
            return bash
        bash.communicate()
        pairs = (pair.partition(b"=") for pair in Path(kept, "environment").read_bytes().split(b"\0")[:-1])
        env = {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
        del env["SAWT_TABLE"]
        engine = [sys.executable, *map(os.fsdecode, Path(kept, "words").read_bytes().split(b"\0")[:-1])]
        with open(Path(kept, "table")) as table:
            return subprocess.Popen(
                engine, cwd=folder, env={**env, "SAWT_PYTHON": PYTHON}, text=True, stdin=table, **call
            )
