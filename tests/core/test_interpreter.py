"""An interpreter that cannot be reached, or lacks the packages, is told before anything runs."""

import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from mirrors import write_program

import toolkit
from toolkit.core import job, slurm

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A checkout without an environment, and a recipe in it."""
    for name in ("utils", "toolkit"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    write_program(tmp_path / "run.sh", '. utils/recipe.sh\nstages() { :; }\nrecipe "$@"\n')
    return tmp_path


def refused(house: Path, **variables: str) -> str:
    """What `./run.sh --list` prints; PATH has a Python that would do."""
    env = {"PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}", **variables}
    done = subprocess.run(["bash", "run.sh", "--list"], cwd=house, env=env, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr and done.stdout == "", done
    assert f"make setup in {house}" in done.stderr and "SAWT_PYTHON" in done.stderr
    return done.stderr


def test_an_environment_whose_python_is_a_link_to_nowhere_is_named_and_no_other_python_taken(house):
    (house / ".venv/bin").mkdir(parents=True)
    (house / ".venv/bin/python3").symlink_to("/gone/python3.11")
    python = house / ".venv/bin/python3"
    expected = f"error: no interpreter can be reached at {python}: {python} is a link to /gone/python3.11, which is not"
    assert refused(house).startswith(expected)


def test_an_environment_that_was_moved_or_emptied_is_named(house):
    (house / ".venv").symlink_to(house / "elsewhere")
    assert f"{house}/.venv is a link to {house}/elsewhere, which is not there" in refused(house)
    (house / "elsewhere").mkdir()
    assert f"there is no {house}/.venv/bin\n" in refused(house)


def test_a_python_that_may_not_be_run_or_does_not_run_is_named(house):
    (house / ".venv/bin").mkdir(parents=True)
    (house / ".venv/bin/python3").write_text("")
    assert "it is no program that this user may run" in refused(house)
    write_program(house / ".venv/bin/python3", "#!/usr/bin/env bash\necho 'no codec' >&2; exit 1\n")
    assert f"error: the interpreter {house}/.venv/bin/python3 does not run: no codec" in refused(house)


@pytest.mark.parametrize("python", ["/nowhere/python3", "python3.99"])
def test_a_python_that_the_variable_names_and_that_is_not_there_is_named(house, python):
    assert "which SAWT_PYTHON names" in refused(house, SAWT_PYTHON=python)


def test_a_path_that_is_not_absolute_is_told_with_the_folder_it_is_from(house):
    told = refused(house, SAWT_PYTHON="bin/python3")
    assert f"at bin/python3, which SAWT_PYTHON names (from {house}): there is no bin/python3\n" in told


@pytest.mark.parametrize("program", ["/bin/true", "/bin/echo"])
def test_a_program_that_ends_well_and_is_no_python_is_named(house, program):
    assert f"error: the interpreter {program} does not answer as a Python does" in refused(house, SAWT_PYTHON=program)


def test_a_python_without_the_packages_says_which_it_lacks(house):
    write_program(house / "bare", f'#!/usr/bin/env bash\nexec {sys.executable} -S "$@"\n')
    told = refused(house, SAWT_PYTHON=str(house / "bare"))
    assert told.startswith("error: this Python has no yaml, setproctitle, numpy, torch, transformers, soundfile: ")
    assert f"where:  {sys.executable}" in told
    words = [str(house / "bare"), "-m", "toolkit.units.kmeans", "--help"]
    by_hand = subprocess.run(words, cwd=house, capture_output=True, text=True)
    assert by_hand.returncode == 2 and by_hand.stderr == told


def test_a_program_that_imports_the_toolkit_without_the_packages_gets_an_import_error(monkeypatch):
    monkeypatch.setattr(toolkit, "LIBRARIES", ("yaml", "no_such_library"))
    monkeypatch.setattr(toolkit, "COMMAND", False)
    with pytest.raises(ModuleNotFoundError, match="no no_such_library: it is not the environment"):
        toolkit._refuse_bare_interpreter()


def test_a_node_that_cannot_reach_the_interpreter_says_so_in_the_log_of_its_task(tmp_path, monkeypatch):
    monkeypatch.setattr(slurm, "sys", types.SimpleNamespace(executable="/gone/بيئة 1/python3"))
    monkeypatch.setattr(job, "sys", types.SimpleNamespace(executable="/gone/بيئة 1/python3"))
    (tmp_path / "log").mkdir()
    text = slurm.script(slurm.array(["units.label", "--out", "x"], tmp_path, [1], 1, 0), slurm.SlurmConfig())
    env = {**os.environ, "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_JOB_ID": "7"}
    done = subprocess.run(["bash", "-c", text], env=env, capture_output=True, text=True)
    assert done.returncode == 2 and (tmp_path / "log/worker.1.exit").read_text() == "7 2\n", done
    assert "error: no interpreter can be reached at /gone/بيئة 1/python3, on the node " in done.stdout
    assert "make setup on a disk that all nodes see" in done.stdout


def test_a_script_of_a_recipe_that_asks_for_python3_gets_the_interpreter_of_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    words = ["/usr/bin/env", "python3", "-c", "import sys, numpy; print(sys.executable)"]
    done = subprocess.run(words, env=job.child_environment(), capture_output=True, text=True)
    assert done.stdout.strip() == sys.executable, done.stderr


DECOYS = ("yaml", "numpy", "typing", "__future__", "argparse", "safetensors", "unicodedata", "setproctitle", "json")


def write_decoys(folder: Path) -> None:
    for name in DECOYS:
        (folder / f"{name}.py").write_text(f"open('ran', 'a').write('{name} ')\n")


@pytest.mark.parametrize(
    "words, path",
    [
        (["toolkit.models.convert", "."], f"{ROOT}"),
        (["toolkit.models.convert", "."], f"{ROOT}:"),
        (["toolkit.text.normalise", "--help"], f":{ROOT}::/nowhere"),
        (["toolkit.text.normalise", "--help"], f".:{ROOT}:./"),
    ],
)
def test_python_files_of_the_current_folder_are_never_run(words, path, tmp_path):
    """Nor by `.` or an empty entry of PYTHONPATH, which PYTHONPATH=/a:$PYTHONPATH makes of one that was unset."""
    write_decoys(tmp_path)
    env = {**os.environ, "PYTHONPATH": path}
    cold = [sys.executable, "-u", "-m"]  # a process of its own, see warm_python.py
    done = subprocess.run([*cold, *words], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.stdout + done.stderr).startswith(("error: no weights to convert\n", "usage: python3 -m toolkit")), done
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("path", [None, ":", "/nowhere:", "."])
def test_a_recipe_runs_nothing_of_its_folder_that_is_called_as_a_module(path, tmp_path):
    """Not even a folder `toolkit/`; its own scripts find the modules beside them, as Python has it."""
    write_decoys(tmp_path)
    (tmp_path / "toolkit").mkdir()
    (tmp_path / "toolkit/__init__.py").write_text("open('ran', 'a').write('toolkit ')\n")
    stages = "stages() { stage a b; run ./own.py --out made; }"
    write_program(tmp_path / "run.sh", f'. {ROOT}/utils/recipe.sh\n{stages}\nrecipe "$@"\n')
    write_program(tmp_path / "own.py", "#!/usr/bin/env python3\nimport sys, beside\nbeside.write(sys.argv[-1])\n")
    (tmp_path / "beside.py").write_text("def write(path):\n    open(path + '/x', 'w').write('x')\n")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {"SAWT_PYTHON": sys.executable, **({} if path is None else {"PYTHONPATH": path})}
    done = subprocess.run(["bash", "run.sh"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "made/x").read_text() == "x", done
    assert not (tmp_path / "ran").exists()


def test_of_a_command_only_the_current_folder_leaves_the_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(toolkit, "COMMAND", True)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:")  # named, beside an empty entry
    rows = [
        (["", "/a"], ["/a"]),
        ([str(tmp_path), str(tmp_path), "/a"], [str(tmp_path), "/a"]),  # the second: the user's PYTHONPATH
        (["/a", ""], ["/a", ""]),
    ]
    for path, kept in rows:
        monkeypatch.setattr(sys, "path", path)
        toolkit._leave_current_folder()
        assert sys.path == kept
    assert os.environ["PYTHONPATH"] == str(tmp_path), "a child process gets no empty entry"
    house = os.path.relpath(toolkit.HOUSE)
    monkeypatch.setenv("PYTHONPATH", f"{house}:lib:/a")
    monkeypatch.setattr(sys, "path", ["", toolkit.HOUSE, str(tmp_path / "lib"), "/a"])
    toolkit._leave_current_folder()
    assert sys.path == [toolkit.HOUSE, "/a"] and os.environ["PYTHONPATH"] == f"/a:{toolkit.HOUSE}"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [""])
    toolkit._leave_current_folder()
    assert sys.path == [""]
