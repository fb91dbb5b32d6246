"""data.instruct: items of several tasks, drawn and asked by seed, with a ledger row for all that is left out."""

from collections import Counter
from pathlib import Path

import numpy as np
import omnis
import pytest
import soundfile
from odd_channels import pitch, tones, write

from toolkit.core.errors import UserError
from toolkit.data.audio import AudioError
from toolkit.data.instruct_items import read_part, read_tasks
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.models.tuned import wave_of

LEVANTINE = {"MSA": ["فصحى"], "LEV": ["شامي"], "EGY": ["مصري"]}
TWINS = {"A": ["x"], "B": ["x"]}
ALIKE = {"A": ["حزين"], "B": ["الحزينة"]}
HALF = {"count": 9, "shares": {"a": 0.5}}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return omnis.write_sets(tmp_path_factory.mktemp("sets"))


def test_an_item_has_the_answer_of_its_table_and_an_instruction_of_its_task(sets: Path, tmp_path: Path) -> None:
    omnis.write_items(tmp_path, sets)
    items, data = list(read_part(tmp_path / "train")), DataDir.read(sets / "train")
    assert Counter(item.task for item in items) == {"asr": 12, "summary": 12, "dialect": 12}
    for item in items:
        task = omnis.TASKS[item.task]
        value = data.tables[task["table"]][item.id]
        wanted = omnis.ASK["dialect"]["labels"][value][0] if item.task == "dialect" else value
        assert item.answer == wanted and item.instruction in omnis.ASK[task["ask"]]["instructions"]
        assert item.audio == f"train/{item.id}" and item.seconds > 0 and Path(item.path).is_file()
    asked = {item.instruction for item in items if item.task == "asr"}
    assert len(asked) == 2, "every instruction is drawn"
    assert [(i.task, i.id) for i in items] == sorted((i.task, i.id) for i in items)


def test_the_same_seed_asks_the_same_and_another_asks_otherwise(sets: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        omnis.write_items(tmp_path / name, sets, seed=seed)
    asked = {n: [i.instruction for i in read_part(tmp_path / n / "train")] for n in "abc"}
    assert asked["a"] == asked["b"] != asked["c"]
    assert (tmp_path / "a/train/items.arrow").read_bytes() == (tmp_path / "b/train/items.arrow").read_bytes()


def test_text_can_be_read_in_the_place_of_audio(sets: Path, tmp_path: Path) -> None:
    tasks = {"text_summary": {"ask": "summarise", "table": "utt2summary", "input": "text"}}
    omnis.write_items(tmp_path, sets, tasks=tasks)
    texts = DataDir.read(sets / "train").tables["text"]
    for item in read_part(tmp_path / "train"):
        assert (item.audio, item.path, item.seconds, item.text) == ("", "", 0.0, texts[item.id])
    assert read_tasks(tmp_path)["text_summary"].heard is False


def test_shares_and_balance_are_kept(sets: Path, tmp_path: Path) -> None:
    draw = {"train": {"count": 8, "shares": {"MSA": 0.75, "EGY": 0.25}}, "test": {"balanced": True, "count": 4}}
    omnis.write_items(tmp_path, sets, tasks={"dialect": {**omnis.TASKS["dialect"], "draw": draw}})
    assert Counter(i.label for i in read_part(tmp_path / "train")) == {"MSA": 6, "EGY": 2}
    assert Counter(i.label for i in read_part(tmp_path / "test")) == {"MSA": 2, "EGY": 2}


def broken_set(folder: Path) -> Path:
    """A set with what cannot be an item: see the ledger that the test wants."""
    tables: dict[str, dict[str, str]] = {t: {} for t in ("wav.scp", "text", "utt2spk", "utt2lang")}
    for id, seconds, text, label in (
        ("good1", 1.0, "نعم", "MSA"),
        ("good2", 1.0, "لا", "EGY"),
        ("empty", 1.0, "", "MSA"),
        ("short", 0.02, "نعم", "MSA"),
        ("long", 12.0, "نعم", "EGY"),
        ("strange", 1.0, "نعم", "LEV"),
        ("unlabelled", 1.0, "نعم", "unknown"),
    ):
        path = folder / "audio" / f"{id}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full(round(seconds * 16000), 0.1), 16000)
        for table, value in zip(tables, (str(path), text, id, label), strict=True):
            tables[table][id] = value
    write_data_dir(folder / "train", tables)
    return folder


def test_what_cannot_be_an_item_is_in_the_ledger_and_nothing_is_cut(tmp_path: Path) -> None:
    tasks = {name: omnis.TASKS[name] for name in ("asr", "dialect")}
    parts = {"train": ["train"]}
    sets = broken_set(tmp_path / "sets")
    step = omnis.write_items(tmp_path / "items", sets, tasks=tasks, parts=parts, max_audio_seconds=10)
    assert {(row[0], row[2]) for row in step.ledger.rows} == {
        ("asr/empty", "empty answer"),
        ("asr/short", "audio without a token"),
        ("dialect/short", "audio without a token"),
        ("asr/long", "longer than max_audio_seconds"),
        ("dialect/long", "longer than max_audio_seconds"),
        ("dialect/strange", "label that the task does not have"),
        ("dialect/unlabelled", "label that the task does not have"),
    }
    kept = {item.key for item in read_part(tmp_path / "items/train")}
    assert kept == {
        *("asr/good1", "asr/good2", "asr/strange", "asr/unlabelled"),
        *("dialect/good1", "dialect/good2", "dialect/empty"),
    }


def test_a_label_may_be_written_as_any_of_its_names(tmp_path: Path) -> None:
    sets = omnis.write_sets(tmp_path / "sets")
    labels = omnis.ASK["dialect"]["labels"]
    omnis.write_items(tmp_path / "before", sets)
    for path in sets.glob("*/utt2lang"):
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        renamed = "".join(f"{id} {labels[label][n % 2].upper()}\n" for n, (id, label) in enumerate(rows))
        path.write_text(renamed, encoding="utf-8")
    omnis.write_items(tmp_path / "after", sets)
    before, after = (read_part(tmp_path / name / "train") for name in ("before", "after"))
    assert [(i.key, i.label, i.answer) for i in after] == [(i.key, i.label, i.answer) for i in before]


def test_labels_that_no_task_knows_are_named_beside_those_that_are_known(
    sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    ask = {**omnis.ASK, "dialect": {**omnis.ASK["dialect"], "labels": {"XYZ": ["سين"], "QRS": ["صاد"]}}}
    with pytest.raises(UserError, match=r"label that the task does not have \((?s:.)*known: XYZ, QRS\)"):
        omnis.write_items(tmp_path, sets, ask=ask)
    assert "label that the task does not have" in capsys.readouterr().out


def test_a_draw_of_more_than_there_are_is_told(sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    tasks = {"asr": {**omnis.TASKS["asr"], "draw": {"train": {"count": 5000}}}}
    omnis.write_items(tmp_path, sets, tasks=tasks)
    assert "in train, where 5,000 are asked for: there are no more" in capsys.readouterr().out


def test_a_task_without_data_is_left_out_with_a_row(sets: Path, tmp_path: Path) -> None:
    emotion = {"ask": "dialect", "table": "utt2emotion"}
    elsewhere = {"ask": "transcribe", "table": "text", "sets": ["mgb2_*"]}
    tasks = {**omnis.TASKS, "emotion": emotion, "elsewhere": elsewhere}
    step = omnis.write_items(tmp_path, sets, tasks=tasks)
    assert [task.name for task in read_tasks(tmp_path).tasks] == ["asr", "summary", "dialect"]
    assert {row[0] for row in step.ledger.rows} == {"task/emotion", "task/elsewhere"}


def test_a_part_without_a_set_is_empty(sets: Path, tmp_path: Path) -> None:
    omnis.write_items(tmp_path, sets, parts={"train": ["train"], "dev": ["validation"], "test": ["test"]})
    assert [len(read_part(tmp_path / part)) for part in ("train", "dev", "test")] == [36, 0, 18]
    with pytest.raises(UserError, match="no set is called training"):
        omnis.write_items(tmp_path, sets, parts={"train": ["training"]})


def test_labels_without_items_may_be_left_out(sets: Path, tmp_path: Path) -> None:
    ask = {**omnis.ASK, "dialect": {**omnis.ASK["dialect"], "labels": LEVANTINE}}
    omnis.write_items(tmp_path, sets, ask=ask, absent_labels="leave out")
    assert read_tasks(tmp_path)["dialect"].labels.keys() == {"MSA", "EGY"}


def test_a_label_that_only_the_test_set_has_is_left_out_there(sets: Path, tmp_path: Path) -> None:
    data = DataDir.read(sets / "test")
    labels = {id: "LEV" if id.endswith("0") else value for id, value in data.tables["utt2lang"].items()}
    write_data_dir(tmp_path / "sets/test", {**data.tables, "utt2lang": labels})
    write_data_dir(tmp_path / "sets/train", DataDir.read(sets / "train").tables)
    ask = {**omnis.ASK, "dialect": {**omnis.ASK["dialect"], "labels": LEVANTINE}}
    parts = {"train": ["train"], "test": ["test"]}
    step = omnis.write_items(tmp_path / "i", tmp_path / "sets", ask=ask, absent_labels="leave out", parts=parts)
    assert [(row[0], row[2]) for row in step.ledger.rows] == [("dialect/test00", "label that no training item has")]
    assert read_tasks(tmp_path / "i")["dialect"].counts == {"train": 12, "test": 5}


def test_an_item_that_two_sets_have_is_used_once(sets: Path, tmp_path: Path) -> None:
    data = DataDir.read(sets / "train")
    write_data_dir(tmp_path / "more/train_again", data.tables)
    step = omnis.step_of(omnis.items_config(), [sets, tmp_path / "more"], tmp_path / "items")
    omnis.make_items(step)
    assert step.ledger.reasons() == {"an item twice": 36}
    assert len(read_part(tmp_path / "items/train")) == 36


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ask": {**omnis.ASK, "dialect": {**omnis.ASK["dialect"], "labels": LEVANTINE}}}, "train with the label LEV"),
        ({"tasks": {"asr": {**omnis.TASKS["asr"], "draw": {"train": {"count": 1}}}}}, "has 1 item in train, and needs"),
        ({"tasks": {"emotion": {"ask": "dialect", "table": "utt2emotion"}}}, "no set has a table of any task"),
        ({"parts": {"train": ["*"], "test": ["test"]}}, "the set test is in train and in test"),
    ],
)  # fmt: skip
def test_what_nothing_can_be_learnt_from_is_refused(sets: Path, tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        omnis.write_items(tmp_path, sets, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": {"asr": {"ask": "nothing", "table": "text"}}}, "nothing is no section of ask"),
        ({"ask": {**omnis.ASK, "summarise": {"answer": "report"}}}, "give at least one way to ask"),
        ({"tasks": {"asr": {**omnis.TASKS["asr"], "draw": {"all": {"count": 3}}}}}, "no such part"),
        ({"tasks": {"asr": {**omnis.TASKS["asr"], "draw": {"train": HALF}}}}, "add up to 1, not 0.5"),
        ({"ask": {"a": {"answer": "label", "instructions": ["?"], "labels": TWINS}}}, "x is a name of B and of A"),
        ({"ask": {"a": {"answer": "label", "instructions": ["?"], "labels": ALIKE}}}, "is a name of B and of A"),
    ],
)  # fmt: skip
def test_a_wrong_config_is_told_by_its_field(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        omnis.items_config(**changes)


def test_an_item_is_heard_on_the_channel_of_its_recording_and_a_wrong_length_is_refused(tmp_path: Path) -> None:
    folder = broken_set(tmp_path / "sets") / "train"
    two = str(write(tmp_path / "two.wav", tones(440, 1250)))
    tables = {**DataDir.read(folder).tables, "reco2file_and_channel": {"good1": "two B", "good2": "two A"}}
    write_data_dir(folder, {**tables, "wav.scp": {**tables["wav.scp"], "good1": two, "good2": two}})
    parts = {"train": ["train"]}
    omnis.write_items(tmp_path / "items", tmp_path / "sets", tasks={"asr": omnis.TASKS["asr"]}, parts=parts)
    items = {item.id: item for item in read_part(tmp_path / "items/train")}
    assert (items["good1"].channel, items["good2"].channel, items["long"].channel) == ("right", "left", "")
    assert round(pitch(items["good1"].clip.audio())) == 1250 and round(pitch(wave_of(items["good2"]))) == 440
    with pytest.raises(AudioError, match=r"items.arrow says 3.00 s, and the audio has 2.00 s"):
        wave_of(items["good1"]._replace(seconds=3.0))
    omnis.write_items(tmp_path / "mono", omnis.write_sets(tmp_path / "means"))
    assert "channel" not in read_part(tmp_path / "mono/train").table.column_names  # as tables were before
