"""Whole recipes in a copy of the house, so that tests neither see nor leave anything in the working tree."""

import gc
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import warm_recipe
from hypothesis import settings
from made_once import made_by_runs, made_once
from warm_python import Nursery, WarmPopen

ROOT = Path(__file__).resolve().parents[1]
MEASURED = {
    "times.json",
    "cost.json",
    ".lock",
}  # what may differ between two runs: times, and below them logs and tables
MEASURED_FOLDERS = {"log", "tensorboard", "report"}

# No deadline: how long an example takes depends on what else the machine does. In CI the same examples every time.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")


@pytest.fixture(autouse=True, scope="session")
def environment() -> Iterator[None]:
    """Without the caller's SAWT_*, and with this toolkit for all processes that tests start: they inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        # A script's background jobs ignore Ctrl-C, and so would all processes that tests start.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        warm = os.environ.get("SAWT_TEST_PROCESSES") != "cold"
        for name in [n for n in os.environ if n.startswith("SAWT_")]:
            patch.delenv(name)
        patch.setenv("PYTHONPATH", str(ROOT))
        if warm:
            WarmPopen.nursery = Nursery()
            patch.setattr(subprocess, "Popen", WarmPopen)
        yield
    if warm:
        WarmPopen.nursery.close()


# What takes longest is begun first, so that all workers of pytest-xdist end at about the same time.
FIRST = (
    "recipes/test_mini.py",
    "recipes/test_whisper_mini.py",
    "recipes/test_whisper_corpora.py",
    "faults/test_killed_distillation.py",
    "train/test_pretrain.py",
    "recipes/test_superb_mini.py",
    "recipes/test_star_mini.py",
    "recipes/test_instruct_mini.py",
    "recipes/test_instruct_corpora.py",
    "recipes/test_star_corpora.py",
    "train/test_instruct.py",
    "train/test_star.py",
    "recipes/test_corpora.py",
    "faults/test_labelling.py",
    "train/test_seq2seq.py",
    "tasks/test_fit.py",
    "faults/test_kills.py",
    "recipes/test_folder.py",
    "core/test_staleness.py",
    "core/test_kills_everywhere.py",
    "train/test_whisper.py",
    "pseudo/test_decode.py",
    "core/test_edits.py",
    "core/test_kills.py",
    "data/corpora/test_commonvoice.py",
    "report/test_report_chain.py",
    "report/test_report_page.py",
    "models/test_sizes.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules go first."""
    place = {str(ROOT / "tests" / name): n for n, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(str(item.path), len(FIRST)))


def pytest_collection_finish() -> None:
    """All modules are imported: collections of garbage need not look through torch and the tests."""
    gc.collect()
    gc.freeze()


class House:
    """A copy of egs/, utils/, tools/ and toolkit/ in which recipes run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("egs", "utils", "tools"):
            shutil.copytree(ROOT / name, root / name, ignore=made_by_runs)
        half_written = shutil.ignore_patterns("*.pyc.*")
        shutil.copytree(ROOT / "toolkit", root / "toolkit", ignore=half_written)  # with what Python has compiled

    def start(self, recipe: str, *words: str, imports: Path | None = None) -> subprocess.Popen[str]:
        """Begin a run on the CPU, where the same bytes are promised, however many GPUs there are.

        `imports`: where its processes note what they import that is slow to import.
        """
        env = {**os.environ, "SAWT_PYTHON": str(ROOT / ".venv/bin/python3")}
        if imports:
            env |= {"SAWT_IMPORTS": str(imports), "PYTHONPATH": f"{ROOT / 'tests/import_watch'}:{ROOT}"}
        return subprocess.Popen(
            ["./run.sh", *words, "--ngpu", "0"],
            cwd=self.root / "egs" / recipe,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, recipe: str, *words: str, cold: bool = False, imports: Path | None = None) -> tuple[int, str]:
        """Run to the end; (exit code, output). Engine and steps are forked (tests/warm_python.py) unless `cold`."""
        if cold or WarmPopen.nursery is None:
            process = self.start(recipe, *words, imports=imports)
        else:
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "start_new_session": True}
            folder = self.root / "egs" / recipe
            process = warm_recipe.start(folder, [*words, "--ngpu", "0"], dict(os.environ), **pipes)
        try:
            written, _ = process.communicate(timeout=LONGEST_RUN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, written


def made_bytes(folder: Path) -> dict[str, bytes]:
    """Path -> bytes of all that a recipe made and that neither nj nor a kill may change."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for top in ("data", "dump", "exp")
        for p in sorted((folder / top).rglob("*"))
        if p.is_file() and p.name not in MEASURED | {"RESULTS.md"} and not MEASURED_FOLDERS & set(p.parts)
    }


@pytest.fixture(scope="session")
def new_house(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], House]:
    return lambda: House(tmp_path_factory.mktemp("house"))


LONGEST_RUN_SECONDS = 1800.0  # on a machine with much else to do
HOUSE = ("egs", "utils", "tools", "toolkit")


@pytest.fixture(scope="session")
def nano(new_house: Callable[[], House]) -> Path:
    """Folder of an uninterrupted nano run with nj 4, which all tests share: whoever changes it changes a copy."""

    def make(folder: Path) -> None:
        house = new_house()
        imports = house.root / "imports.tsv"
        code, written = house.run("mini/ssl", "--preset", "nano", "--nj", "4", cold=True, imports=imports)
        assert code == 0, written
        (house.root / "egs/mini/ssl/nano").rename(folder / "nano")
        imports.rename(folder / "nano/imports.tsv")

    return made_once("nano", make, HOUSE) / "nano"


WHISPER = ("tests/trees", "tests/whispers.py")


@pytest.fixture(scope="session")
def nano_whisper_options() -> tuple[str, ...]:
    """Options of egs/mini/whisper that name a teacher of random weights, and clips, in place of what is fetched."""

    def make(folder: Path) -> None:
        from trees import dialect_clips, speech
        from whispers import tiny_whisper_folder

        dialect_clips.make(folder / "clips", speech())
        tiny_whisper_folder(folder / "teacher", seed=1, ends=True)

    given = made_once("given", make, (*HOUSE, *WHISPER))
    options = ("--allow-contamination", "true")  # the clips of this tree repeat sentences of the corpus
    return ("--preset", "nano", "--teacher", str(given / "teacher"), "--clips", str(given / "clips"), *options)


@pytest.fixture(scope="session")
def nano_whisper(nano_whisper_options: tuple[str, ...], new_house: Callable[[], House]) -> Path:
    """Folder of a nano run of egs/mini/whisper with nj 4; a second run has nothing to do."""

    def make(folder: Path) -> None:
        house = new_house()
        imports = house.root / "imports.tsv"
        code, written = house.run("mini/whisper", *nano_whisper_options, "--nj", "4", cold=True, imports=imports)
        assert code == 0, written
        code, written = house.run("mini/whisper", *nano_whisper_options)
        assert code == 0 and "nothing to do" in written, written
        recipe = house.root / "egs/mini/whisper"
        assert not (recipe / "downloads").exists()
        (recipe / "nano").rename(folder / "nano")
        imports.rename(folder / "nano/imports.tsv")

    return made_once("nano_whisper", make, (*HOUSE, *WHISPER)) / "nano"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-versions", action="store_true", help="write tests/recipes/versions.json anew")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real Slurm of two nodes on this machine, for all processes that tests start; gone when they are done."""
    if shutil.which("sbatch") is None:
        pytest.skip("Slurm is not installed: make slurm, or tools/slurm_node.sh install")
    if os.getuid():
        pytest.skip("only root can begin a Slurm of its own here")
    folder, tool = tmp_path_factory.mktemp("slurm"), str(ROOT / "tools/slurm_node.sh")
    try:
        begun = subprocess.run([tool, "start", str(folder), "2"], capture_output=True, text=True)
        assert begun.returncode == 0, begun.stderr
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
            patch.setenv("GLOO_SOCKET_IFNAME", "lo")
            yield
    finally:
        subprocess.run([tool, "stop", str(folder)], check=True)


@pytest.fixture(scope="session")
def unshare(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What stands before a command that mounts a small disk for itself, as root of a name space of its own."""
    words, folder = ["unshare", "-rm"], tmp_path_factory.mktemp("disk")
    try:
        tried = subprocess.run([*words, "mount", "-t", "tmpfs", "none", str(folder)], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no disk can be filled: unshare (util-linux) is not here")
    if tried.returncode:
        pytest.skip(f"no disk can be filled: `unshare -rm mount` is refused here ({tried.stderr.strip()})")
    return words
