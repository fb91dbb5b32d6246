"""The embedded recipe of a distillation, whole, in its nano preset, with a random Whisper in place of the real one."""

import json
from pathlib import Path

import pytest
from conftest import made_bytes
from plans import planned_mb, taken_mb, within

pytestmark = pytest.mark.recipe

ARMS = ("unfiltered", "filtered", "truth")
MOVED = {"speed.json"}  # times
STORES = ".transcribed"  # what was transcribed, by process


def test_every_system_is_scored_on_both_sets(nano_whisper: Path) -> None:
    scores = json.loads((nano_whisper / "exp/scores/systems.json").read_text(encoding="utf-8"))
    arms = ("undistilled", *ARMS)
    assert [s["name"] for s in scores["systems"]] == ["unadapted", "teacher", *(f"DW-1-1.{arm}" for arm in arms)]
    assert [t["name"] for t in scores["tests"]] == ["test", "dialect_clips", "*all", "*macro"]
    results = (nano_whisper / "exp/RESULTS.md").read_text(encoding="utf-8")
    assert "SYNTHETIC" in results and all(f"DW-1-1.{arm}" in results for arm in arms)


def test_the_disk_that_the_plan_states_is_what_the_run_takes_within_a_factor_of_three(
    nano_whisper: Path, nano_whisper_options: tuple[str, ...], new_house
) -> None:
    total, stages = planned_mb(new_house(), "mini/whisper", *nano_whisper_options, "--hours", "0.035")
    assert within(total, taken_mb(nano_whisper))
    taken = taken_mb(*(nano_whisper / f"exp/DW-1-1/{arm}" for arm in ARMS))
    assert within(stages["distil"], taken)


def test_the_filter_parts_what_the_teacher_ended(nano_whisper: Path) -> None:
    rows = [
        json.loads(line) for line in (nano_whisper / "dump/labels/sample/hypotheses.jsonl").read_text().splitlines()
    ]
    ended = sorted(row["id"] for row in rows if row["ended"] and row["text"].strip())
    kept = {arm: (nano_whisper / f"dump/select/kept/{arm}.txt").read_text().split() for arm in ARMS[:2]}
    assert 0 < len(kept["filtered"]) < len(kept["unfiltered"]) <= len(ended) < len(rows)
    assert set(kept["filtered"]) < set(kept["unfiltered"]) <= set(ended)


@pytest.mark.long
def test_a_copied_recipe_runs_and_nj_1_gives_the_bytes_of_nj_4(
    nano_whisper: Path, nano_whisper_options: tuple[str, ...], new_house
) -> None:
    house = new_house()
    (house.root / "egs/mini").rename(house.root / "egs/صوت 2")
    code, output = house.run("صوت 2/whisper", *nano_whisper_options, "--nj", "1")
    assert code == 0, output

    def bytes_of(folder: Path) -> dict[str, bytes]:
        every = made_bytes(folder).items()
        return {name: b for name, b in every if Path(name).name not in MOVED and STORES not in Path(name).parts}

    one, four = bytes_of(house.root / "egs/صوت 2/whisper/nano"), bytes_of(nano_whisper)
    assert one.keys() == four.keys()
    assert [name for name in one if one[name] != four[name]] == []
