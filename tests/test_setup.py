"""tools/setup.sh with a pip that installs nothing: what it is asked for, in which order, and from where."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from mirrors import write_program

ROOT = Path(__file__).resolve().parents[1]
PIP = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$0.log"
[[ " $* " != *" --index-url http://silent/ "* ]]
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what setup.sh reads, with a .venv in which pip keeps its arguments and Python prints no version."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    write_program(tmp_path / ".venv/bin/pip", PIP)
    write_program(tmp_path / ".venv/bin/python", "#!/usr/bin/env bash\n")
    return tmp_path


def setup(house: Path, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run it; return how it ended, and the installing calls of pip."""
    env = {**os.environ, **variables}
    done = subprocess.run([str(house / "tools/setup.sh")], env=env, capture_output=True, text=True)
    calls = (house / ".venv/bin/pip.log").read_text().splitlines()
    return done, [call for call in calls if call.startswith("install ")]


def test_torch_is_installed_first_by_its_plain_pin_from_where_pip_looks(house: Path) -> None:
    done, installs = setup(house)
    assert done.returncode == 0, done.stderr
    assert installs == ["install -q torch==2.13.0", "install -q -rtools/requirements.txt"]


def test_an_index_of_cpu_builds_is_used_for_torch_alone_if_it_is_named(house: Path) -> None:
    done, installs = setup(house, SAWT_TORCH_INDEX="http://cpu/")
    assert done.returncode == 0, done.stderr
    assert installs == [
        "install -q --no-deps --index-url http://cpu/ torch==2.13.0",
        "install -q torch==2.13.0",
        "install -q -rtools/requirements.txt",
    ]


def test_an_index_of_cpu_builds_without_torch_is_an_error_and_not_a_cuda_build(house: Path) -> None:
    done, installs = setup(house, SAWT_TORCH_INDEX="http://silent/")
    assert done.returncode == 1 and "SAWT_TORCH_INDEX" in done.stderr and "remedy" in done.stderr
    assert len(installs) == 1 and not (house / ".venv/.stamp").exists()


def test_what_the_package_requires_is_among_the_versions_that_are_tested_together() -> None:
    """Else a machine that lacks a package by chance is the first to tell."""
    required = re.search(r"install_requires=\[(.*?)\]", (ROOT / "setup.py").read_text(), re.S)
    assert required
    names = {re.split(r"[<>=!; ]", name)[0].lower() for name in re.findall(r'"([^"]+)"', required[1])}
    pinned = {
        re.split(r"[<>=!; ]", line)[0].lower() for line in (ROOT / "tools/requirements.txt").read_text().split("\n")
    }
    assert names - {"torch"} <= pinned  # torch stands in tools/setup.sh
