"""Configs are read by tools that must start fast: none of them imports torch."""

import subprocess
import sys

MODULES = (
    "toolkit.core.results",
    "toolkit.data.frames",
    "toolkit.models.config",
    "toolkit.train.config",
    "toolkit.train.engine.config",
    "toolkit.train.objectives.config",
    "toolkit.tasks.config",
    "toolkit.train.whisper_config",
)


def test_importing_configs_leaves_torch_out() -> None:
    code = f"import sys, {', '.join(MODULES)}; print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stdout.strip() == "False", ended.stderr
