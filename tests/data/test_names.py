"""Names that look alike are one in all that reads a data directory, and lines that contradict say nothing."""

from pathlib import Path

import pytest

from toolkit.core.record import read_ledger
from toolkit.core.step import Step
from toolkit.data.checks import inspect
from toolkit.data.contamination import ContaminationConfig
from toolkit.data.contamination import run as take_out
from toolkit.data.edit import combine, of_speakers, per_label, split
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.data.repair import repair

ALIKE = [
    "أحمد\u200f",
    "أح\u200dمد",
    "\ufeffأحمد",
    "ا\u0654حمد",
    "أحم\ufeaa",
]  # أحمد with marks, in NFD, with a final form


def write(folder: Path, speakers: list[str], **more: dict[str, str]) -> Path:
    """A data directory of an utterance u0, u1 ... of each speaker, of 1, 2 ... words and seconds."""
    ids = [f"u{i}" for i in range(len(speakers))]
    texts = {id: " ".join([f"كلمة{folder.name}"] * 4 + ["نعم"] * i) for i, id in enumerate(ids)}
    tables = {
        "wav.scp": {id: f"{folder}/{id}.wav" for id in ids},
        "utt2dur": {id: f"{i + 1}.0" for i, id in enumerate(ids)},
        "utt2spk": dict(zip(ids, speakers, strict=True)),
        "text": texts,
    }
    write_data_dir(folder, {**tables, **more})
    return folder


@pytest.mark.parametrize("spelling", ALIKE)
def test_a_speaker_with_a_mark_that_nobody_sees_is_in_train_and_test_and_is_taken_out(
    tmp_path: Path, spelling: str
) -> None:
    write(tmp_path / "d/train", ["أحمد", "سعاد"])
    write(tmp_path / "d/test", [spelling])
    step = Step(ContaminationConfig(most=1.0, audio=False), [tmp_path / "d"], tmp_path / "out", ["x"])
    take_out(step)
    assert {row[0]: row[2] for row in step.ledger.rows} == {"u0": "shared speaker"}
    copy = (tmp_path / "out/test/utt2spk").read_text(encoding="utf-8")
    assert copy == "u0 أحمد\n"


def test_all_that_read_a_data_directory_take_names_that_look_alike_as_one(tmp_path: Path) -> None:
    people = ["أحمد", *ALIKE, "سعاد"]
    labels = {f"u{i}": "مصري\u200f" if i % 2 else "مصري" for i in range(len(people))}
    more = {"utt2lang": labels, "spk2name": {"أحمد": "أحمد\u200f علي", "سعاد": "سعاد"}, "utt2orig": {"u0": "أ\u200f"}}
    data = DataDir.read(write(tmp_path / "d", people, **more), headers=False)
    assert [u.speaker for u in data] == ["أحمد"] * 6 + ["سعاد"]
    assert set(data.tables["utt2lang"].values()) == {"مصري"}
    assert data.tables["spk2name"]["أحمد"] == "أحمد علي"
    assert data.tables["utt2orig"] == {"u0": "أ\u200f"}
    assert {frozenset(ids) for ids in split(data, {"train": 0.5, "test": 0.5}, 1).values()} == {
        frozenset(f"u{i}" for i in range(6)),
        frozenset(["u6"]),
    }
    assert of_speakers(data, ["أحمد\u200f"]) == [f"u{i}" for i in range(6)]
    assert len(per_label(data, "utt2lang", 2, 1)) == 2
    second = DataDir.read(write(tmp_path / "e", ["أحمد"]), headers=False)
    second.tables = {name: {f"v{id}": value for id, value in table.items()} for name, table in second.tables.items()}
    assert sorted(set(combine([data, second])[0]["utt2spk"].values())) == ["أحمد", "سعاد"]


@pytest.mark.parametrize("word", ["nan", "NaN", "N/A", "-", "غير_معروف", "UNKNOWN", "None"])
def test_a_word_that_says_a_label_is_not_known_is_no_class(tmp_path: Path, word: str) -> None:
    write(tmp_path / "d", ["أ", "ب"], utt2emotion={"u0": word, "u1": "سعيد"})
    assert DataDir.read(tmp_path / "d").tables["utt2emotion"] == {"u0": "unknown", "u1": "سعيد"}


@pytest.mark.parametrize("table", ["utt2accent", "utt2gender"])
def test_that_holds_of_tables_of_a_user_too_where_none_may_be_a_class(tmp_path: Path, table: str) -> None:
    words = ["UNK", "nan", "N/A", "غير معروف", "none", "صعيدي", "None_of_these", "TBD"]
    write(tmp_path / "d", ["أ"] * 8, **{table: {f"u{i}": word for i, word in enumerate(words)}})
    data = DataDir.read(tmp_path / "d")
    assert [*data.tables[table].values()] == [*["unknown"] * 4, "none", "صعيدي", "None_of_these", "unknown"]
    assert per_label(data, table, 9, 1) == ["u4", "u5", "u6"]


@pytest.mark.parametrize(("table", "count"), [("utt2lang", 1), ("utt2accent", 1), ("utt2keyword", 0), ("utt2prog", 0)])
def test_two_names_of_one_dialect_are_told_once_where_labels_stand(tmp_path: Path, table: str, count: int) -> None:
    words = ["EGY", "Egyptian", "مصري", "MSA", "هادئ"]
    write(tmp_path / "d", ["أ"] * 5, **{table: {f"u{i}": word for i, word in enumerate(words)}})
    messages = [p.message for p in inspect(tmp_path / "d", looks=0).problems if p.reason == "names alike"]
    assert messages == ["EGY, Egyptian, مصري are names of one dialect and stay apart"] * count


def test_a_keyword_that_a_table_may_mean_stays_one(tmp_path: Path) -> None:
    words = ["_unknown_", "none", "und", "nan"]
    write(tmp_path / "d", ["أ"] * 4, utt2keyword={f"u{i}": word for i, word in enumerate(words)})
    assert [*DataDir.read(tmp_path / "d").tables["utt2keyword"].values()] == ["_unknown_", "none", "und", "unknown"]


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")


def repaired(folder: Path, out: Path) -> tuple[DataDir, dict[str, str]]:
    """The copy, and id -> reason of what was dropped."""
    repair(folder, out)
    return DataDir.read(out), {id: reason for id, _, reason, _ in read_ledger(out / "dropped.tsv")}


@pytest.mark.parametrize("spelling", ["متكلم\u200f", "متك\u200dلم", "\ufeffمتكلم", "متكل\ufee2"])
def test_a_repair_makes_one_speaker_of_the_spellings_of_one_name(sound: Path, tmp_path: Path, spelling: str) -> None:
    change(sound, "utt2spk", "b متكلم", f"b {spelling}")
    data, dropped = repaired(sound, tmp_path / "out")
    assert {u.id: u.speaker for u in data} == {"متكلم-1-a": "متكلم", "متكلم-1-b": "متكلم", "s2-r-a": "s2"}
    assert not dropped and data.tables["spk2gender"] == {"متكلم": "m", "s2": "f"}
    assert (tmp_path / "out/renamed.tsv").read_text(encoding="utf-8") == f"{spelling}\tمتكلم\n"


def test_utterances_whose_ids_look_alike_stay_apart(sound: Path, tmp_path: Path) -> None:
    for name in ("segments", "text", "utt2spk", "utt2lang", "utt2dur"):
        change(sound, name, "متكلم-1-b", "متكلم-1-a\u200f")
    data, _ = repaired(sound, tmp_path / "out")
    assert len({u.id for u in data}) == 3 and {u.speaker for u in data} == {"متكلم", "s2"}


@pytest.mark.parametrize(
    ("table", "line", "another", "lost"),
    [
        ("text", "s2-r-a نص آخر\n", "another text", {"s2-r-a"}),
        ("text", "s2-r-a\n", "another text", {"s2-r-a"}),
        ("utt2spk", "s2-r-a متكلم\n", "another speaker", {"s2-r-a"}),
        ("utt2lang", "s2-r-a MSA\n", "another value", {"s2-r-a"}),
        ("segments", "s2-r-a s2-r 0 1\n", "another segment", {"s2-r-a"}),
        ("spk2gender", "s2 m\n", "another gender", set()),
        ("text", "s2-r-a hello, world\n", "", set()),
        ("utt2spk", "s2-r-a s2\n", "", set()),
    ],
)
def test_of_two_lines_that_contradict_none_is_believed_and_of_two_equal_ones_the_first(
    sound: Path, tmp_path: Path, table: str, line: str, another: str, lost: set[str]
) -> None:
    with open(sound / table, "a", encoding="utf-8") as f:
        f.write(line)
    (problem,) = [p for p in inspect(sound).errors if p.reason in ("duplicate", "contradiction")]
    assert problem.line == len((sound / table).read_text().splitlines()) and "stands in line 1" in problem.message
    assert another in problem.message and (problem.reason == "contradiction") == bool(another)
    data, dropped = repaired(sound, tmp_path / "out")
    assert {"متكلم-1-a", "متكلم-1-b", "s2-r-a"} - {u.id for u in data} == lost
    assert {id for id, reason in dropped.items() if reason == "contradiction" and ":" not in id} == lost
    assert ("s2" in data.tables["spk2gender"]) == (not lost and table != "spk2gender")


def test_a_recording_of_two_files_is_not_used(sound: Path, tmp_path: Path) -> None:
    with open(sound / "wav.scp", "a", encoding="utf-8") as f:
        f.write(f"s2-r {tmp_path}/تسجيل.wav\n")
    data, dropped = repaired(sound, tmp_path / "out")
    assert {u.id for u in data} == {"متكلم-1-a", "متكلم-1-b"}
    assert dropped["s2-r"] == dropped["s2-r-a"] == "contradiction"


BROKEN = {  # text of u1 -> the lines that are no rows
    "قال نعم\nثم عاد": {2, 3},
    "قال\nنعم\nثم عاد": {2, 3, 4},
    "\nقال نعم": {2, 3},
    "قال نعم\n\nثم عاد": {2, 4},
    "قال نعم\n ثم عاد": {2, 3},
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_line_break_in_a_transcript_costs_both_halves_and_its_utterance(
    tmp_path: Path, record, make_noise, text: str
) -> None:
    wav = {f"u{i}": str(record(f"{i}.wav", make_noise(1, seed=i))) for i in range(3)}
    texts = {id: "مرحبا بكم" for id in wav}
    tables = {"wav.scp": wav, "utt2spk": {id: id for id in wav}, "utt2dur": dict.fromkeys(wav, "1.0"), "text": texts}
    write_data_dir(tmp_path / "d", tables)
    change(tmp_path / "d", "text", "u1 مرحبا بكم", f"u1 {text}")
    errors = [p for p in inspect(tmp_path / "d").errors if p.reason == "malformed row"]
    assert {p.line for p in errors} == BROKEN[text]
    first = next(p for p in errors if p.line == 2)
    assert first.id == "u1" and f"line {min(BROKEN[text] - {2})} begins with no id" in first.message
    assert all("rest of line 2" in p.message for p in errors if p.line > 2)
    data, dropped = repaired(tmp_path / "d", tmp_path / "out")
    assert data.tables["text"] == {"u0": "مرحبا بكم", "u2": "مرحبا بكم"} and dropped["u1"] == "malformed row"
    assert {f"text:{line}" for line in BROKEN[text]} <= dropped.keys()


def test_a_label_that_readers_take_otherwise_is_a_warning_and_the_copy_has_it_as_they_take_it(
    sound: Path, tmp_path: Path
) -> None:
    change(sound, "utt2lang", "b EGY", "b EG\u200fY")
    (problem,) = inspect(sound).problems
    assert (problem.file, problem.line, problem.level) == ("utt2lang", 3, "warning")
    assert "EG\\u200fY, is EGY" in problem.message
    repair(sound, tmp_path / "out")
    assert "متكلم-1-b EGY\n" in (tmp_path / "out/utt2lang").read_text(encoding="utf-8")
    assert inspect(tmp_path / "out").problems == []


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["0.0 1.0 ص", "1.0 0.5 ب"], []),
        (["0.0 1.01 ص", "1.0 0.52 ب"], []),  # rounded
        (["0.0 1.0 ص", "1.0 1.0 ب", "2.0 1.0 ا"], [("past end", 3, "2 phones", "of 1.50 s: to 2.00 s")]),
        (["0.0 1.0 ص", "0.5 1.0 ب"], [("overlap", 3, "1 phones", "at 0.50 s, where the one above ends at 1.00 s")]),
        (["1.0 0.5 ص", "0.0 1.0 ب"], [("order", 3, "1 lines", "at 0.00 s, below one at 1.00 s")]),
    ],
)
def test_phones_past_the_end_of_their_utterance_or_over_one_another_are_told(
    sound: Path, lines: list[str], told: list[tuple[str, int, str, str]]
) -> None:
    phones = "".join(f"متكلم-1-a 1 {line}\n" for line in lines)
    (sound / "phones.ctm").write_text(f"s2-r-a 1 0.0 2.0 h\n{phones}", encoding="utf-8")
    problems = inspect(sound).problems
    assert [(p.reason, p.line, p.file, p.level) for p in problems] == [
        (reason, line, "phones.ctm", "warning") for reason, line, _, _ in told
    ]
    for problem, (_, _, count, detail) in zip(problems, told, strict=True):
        assert problem.message.startswith(count) and problem.message.endswith(detail)
