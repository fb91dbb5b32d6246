"""The embedded recipe of a distillation, whole, in its nano preset, with a random Whisper in place of the real one."""

import json
from pathlib import Path

import pytest
from conftest import made_bytes
from trees import dialect_clips, speech
from whispers import tiny_whisper_folder

pytestmark = pytest.mark.recipe

ARMS = ("unfiltered", "filtered", "truth")
MOVED = {"speed.json"}  # times
STORES = ".transcribed"  # what was transcribed, by process


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Options that name what is fetched otherwise."""
    top = tmp_path_factory.mktemp("given")
    dialect_clips.make(top / "clips", speech())
    teacher = tiny_whisper_folder(top / "teacher", seed=1, ends=True)
    options = ("--allow-contamination", "true")  # the clips of this tree repeat sentences of the corpus
    return ("--preset", "nano", "--teacher", str(teacher), "--clips", str(top / "clips"), *options)


@pytest.fixture(scope="module")
def made(given: tuple[str, ...], new_house) -> Path:
    """Folder of a run with nj 4; a second one has nothing to do."""
    house = new_house()
    code, written = house.run("mini/whisper", *given, "--nj", "4", cold=True)
    assert code == 0, written
    code, written = house.run("mini/whisper", *given)
    assert code == 0 and "nothing to do" in written, written
    recipe = house.root / "egs/mini/whisper"
    assert not (recipe / "downloads").exists()
    return recipe / "nano"


def test_every_system_is_scored_on_both_sets(made: Path) -> None:
    scores = json.loads((made / "exp/scores/systems.json").read_text(encoding="utf-8"))
    arms = ("undistilled", *ARMS)
    assert [s["system"] for s in scores["systems"]] == ["unadapted", "teacher", *(f"DW-1-1.{arm}" for arm in arms)]
    assert {s["set"]: s["utterances"] for s in scores["sets"]}.keys() == {"test", "dialect_clips"}
    results = (made / "exp/RESULTS.md").read_text(encoding="utf-8")
    assert "SYNTHETIC" in results and all(f"DW-1-1.{arm}" in results for arm in arms)


def test_the_filter_parts_what_the_teacher_ended(made: Path) -> None:
    rows = [json.loads(line) for line in (made / "dump/labels/sample/hypotheses.jsonl").read_text().splitlines()]
    ended = sorted(row["id"] for row in rows if row["ended"] and row["text"].strip())
    kept = {arm: (made / f"dump/select/kept/{arm}.txt").read_text().split() for arm in ARMS[:2]}
    assert 0 < len(kept["filtered"]) < len(kept["unfiltered"]) <= len(ended) < len(rows)
    assert set(kept["filtered"]) < set(kept["unfiltered"]) <= set(ended)


def test_a_copied_recipe_runs_and_nj_1_gives_the_bytes_of_nj_4(made: Path, given: tuple[str, ...], new_house) -> None:
    house = new_house()
    (house.root / "egs/mini").rename(house.root / "egs/صوت 2")
    code, output = house.run("صوت 2/whisper", *given, "--nj", "1")
    assert code == 0, output

    def bytes_of(folder: Path) -> dict[str, bytes]:
        every = made_bytes(folder).items()
        return {name: b for name, b in every if Path(name).name not in MOVED and STORES not in Path(name).parts}

    one, four = bytes_of(house.root / "egs/صوت 2/whisper/nano"), bytes_of(made)
    assert one.keys() == four.keys()
    assert [name for name in one if one[name] != four[name]] == []
