"""The embedded recipe of the audio LLM, in nano, with a tiny Whisper: from synthetic speech to the table."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import House, made_bytes
from plans import planned_mb, taken_mb, within
from whispers import tiny_whisper_folder

pytestmark = pytest.mark.recipe

ARMS = ("single", "uniform", "ads", "hybrid")
WORDS = ("--preset", "nano", "--nj", "2", "--arms", " ".join(ARMS), "--seeds", "1", "--shares", "50")


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_whisper_folder(tmp_path_factory.mktemp("w") / "whisper", d=16, layers=2))


@pytest.fixture(scope="module")
def recipe(new_house: Callable[[], House], whisper: str) -> Path:
    house = new_house()
    code, written = house.run("mini/instruct", *WORDS, "--whisper", whisper)
    assert code == 0, written
    return house.root / "egs/mini/instruct"


def test_every_arm_has_every_task_and_the_claims_a_verdict(recipe: Path) -> None:
    ways = json.loads((recipe / "nano/exp/ways/ways.json").read_text(encoding="utf-8"))
    by_name = {way["name"]: way for way in ways["ways"]}
    assert by_name.keys() == {"base", *ARMS, *(f"{arm} at 50 %" for arm in ARMS if arm != "single")}
    assert all(way["figures"].keys() == {"asr", "summary", "dialect", "emotion"} for way in by_name.values())
    told = {d["text"]: d for d in ways["directions"]}
    assert told["(a) ADS converges faster early"]["measure"] == "until"
    of_one_seed = [told[text] for text in told if text.startswith("(b)")]
    assert [d["outcome"] for d in of_one_seed] == ["not tested"] * 2 and all(d["difference"] for d in of_one_seed)
    assert of_one_seed[0]["note"] == "one seed: another may say the opposite"
    assert told["(d) TPC helps transcription"]["outcome"] == "not tested"
    assert told["(f) TPC then ADS ranks before uniform"]["difference"]["metric"]["name"] == "ranks"


def test_the_report_tells_what_each_schedule_drew(recipe: Path) -> None:
    table = (recipe / "nano/exp/RESULTS.md").read_text(encoding="utf-8")
    assert table.splitlines()[0].startswith("# Results: mini/instruct, preset nano;")
    assert "SYNTHETIC" in table.splitlines()[2]
    for heading in (
        "Arms (this run)",
        "Published directions",
        "What each schedule drew",
        "Shares of labels",
        "Norm of the",
    ):
        assert heading in table, heading
    single = json.loads((recipe / "nano/exp/single/s1/asr/schedule.json").read_text())
    uniform = json.loads((recipe / "nano/exp/uniform/s1/schedule.json").read_text())
    items = {task: drawn["items"] for task, drawn in uniform["drawn"].items()}
    assert single["drawn"].keys() == {"asr"}
    assert single["steps"] == max(1, round(uniform["steps"] * items["asr"] / sum(items.values())))
    page = (recipe / "nano/exp/report/index.html").read_text(encoding="utf-8")
    assert "over the steps" in page and "Training loss" in page


def test_the_disk_that_the_plan_states_for_trainings_is_what_they_take_within_a_factor_of_three(
    recipe: Path, whisper: str, new_house: Callable[[], House]
) -> None:
    _, stages = planned_mb(new_house(), "mini/instruct", *WORDS, "--whisper", whisper)
    for stage, folder in {"base": "base", "tune.uniform": "uniform", "tune.ads": "ads"}.items():
        assert within(stages[stage], taken_mb(recipe / "nano/exp" / folder)), stage


def test_a_second_run_does_nothing(recipe: Path, whisper: str, new_house: Callable[[], House]) -> None:
    house = House.__new__(House)
    house.root = recipe.parents[2]
    code, written = house.run("mini/instruct", *WORDS, "--whisper", whisper)
    assert code == 0 and "nothing to do" in written, written


@pytest.mark.long
def test_kills_and_another_nj_change_no_byte(recipe: Path, whisper: str, new_house: Callable[[], House]) -> None:
    """Killed while clips are heard, while an adapter is tuned, and while items are answered."""
    house = new_house()
    folder = house.root / "egs/mini/instruct"
    words = [*WORDS, "--whisper", whisper, "--arms", "uniform"]
    words[words.index("--nj") + 1] = "1"
    for place in ("dump/heard/states", "exp/uniform/s1/checkpoints", "exp/answers/uniform.s1"):
        process = house.start("mini/instruct", *words)
        deadline = time.monotonic() + 240
        while not (folder / "nano" / place).exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    code, written = house.run("mini/instruct", *words)
    assert code == 0, written
    mine, theirs = made_bytes(folder / "nano"), made_bytes(recipe / "nano")
    compared = [name for name in mine if name.startswith(("data", "dump")) or "/uniform" in name or "exp/base" in name]
    assert sum("adapter_model" in name for name in compared) == 2 and any("answers.jsonl" in name for name in compared)
    assert [name for name in compared if mine[name] != theirs[name]] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--arms", "uniform tcp"), "--arms: no schedule tcp"),
        (("--arms", "answer"), "no schedule answer"),
        (("--arms", "../x"), "--arms: names of schedules, not ../x"),
        (("--seeds", "1 99999999999"), "--seeds: whole numbers from 0 to 999999999, not 99999999999"),
        (("--shares", "50 100"), "--shares: percents from 1 to 99, not 100"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_runs(
    new_house: Callable[[], House], words: tuple[str, ...], message: str
) -> None:
    code, written = new_house().run("mini/instruct", *words, "--list")
    assert code == 2 and message in written, written
