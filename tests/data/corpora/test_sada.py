"""SADA in its true layout."""

import math
from collections import Counter

import pytest
from trees import broken_tables, sada, speech
from trees.broken_tables import MARK

from toolkit.core.record import read_ledger
from toolkit.data.corpora.dialect_clips import Clip, programme_of
from toolkit.data.corpora.sada import Line, is_unclear, read_line, seconds

from .conftest import Prepared, prepare


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Prepared:
    """The tree, prepared."""
    folder = tmp_path_factory.mktemp("sada")
    sada.make(folder / "corpus", speech())
    return prepare("sada", folder / "corpus", folder / "data")


def test_three_tables_become_three_sets(made: Prepared) -> None:
    assert made.code == 0, made.output
    train, dev, test = (made.set(f"sada_{part}") for part in ("train", "dev", "test"))
    assert (len(train), len(dev), len(test)) == (32 - 2, 8, 8)  # of train without the unclear and the empty one
    assert train.seconds > 60
    assert "sada_test: 8 utterances against 6,189 published" in made.output
    texts = {clip.text for i, clip in enumerate(speech()) if i % 3 < 2}
    assert sum(text in texts for text in train.tables["text"].values()) == 29  # one begins with قال


def test_unclear_references_stay_in_test_and_are_told(made: Prepared) -> None:
    test = made.set("sada_test").tables
    unclear = [id for id, mark in test["utt2unclear"].items() if mark == "yes"]
    assert len(unclear) == 1 and "غير واضح" in test["text"][unclear[0]]
    assert "sada_test: 1 transcripts say that something is not clear" in made.output
    assert "utt2unclear" not in made.set("sada_train").tables
    assert list(test["text"].values()).count("") == 1


def test_what_cannot_be_trained_on_is_in_the_ledger_with_its_reason(made: Prepared) -> None:
    reasons = Counter(made.dropped)
    assert reasons["6k_SBA_train_0-seg_2", "unclear"] == 1 and reasons["6k_SBA_train_0-seg_4", "no transcript"] == 1
    for table in ("train", "valid", "test"):
        assert reasons[f"{table}-gone", "missing"] == reasons[f"{table}-outside", "path leaves the corpus"] == 1
        assert reasons[f"{table}-late", "past end"] == reasons[f"{table}-never", "bad row"] == 1
    assert sum(reasons.values()) == 2 + 3 * 4


def test_dialects_genders_programmes_and_speakers_are_those_of_the_table(made: Prepared) -> None:
    test = made.set("sada_test").tables
    dialects = Counter(test["utt2lang"].values())
    assert dialects == {"NAJ": 2, "HIJ": 2, "GLF": 1, "SOU": 1, "unknown": 2}
    assert "WARNING: dialects without a code, which become unknown: Klingon" in made.output
    assert set(test["utt2prog"].values()) == {"6k_SBA_test_0", "6k_SBA_test_6"}
    speakers = Counter(test["utt2spk"].values())
    assert speakers["6k_SBA_test_0_Speaker1"] == 3  # of one file; those of the other are somebody else
    assert sum(n == 1 and "Speaker" not in name for name, n in speakers.items()) == 2
    assert set(test["spk2gender"].values()) <= {"m", "f"}


def test_other_names_of_the_columns_of_times_are_understood(tmp_path) -> None:
    sada.make(tmp_path / "corpus", speech(), {"SegmentStart": "StartTime", "SegmentEnd": "EndTime"})
    again = prepare("sada", tmp_path / "corpus", tmp_path / "data")
    assert again.code == 0 and len(again.set("sada_test")) == 8, again.output


def test_broken_tables_are_clear_errors(made: Prepared, tmp_path) -> None:
    (tmp_path / "c").mkdir()
    table = (made.corpus / "test.csv").read_bytes()
    for bytes, message in (
        (table.decode("utf-8-sig").encode("cp1256", "replace"), "no UTF-8"),
        (table.replace(b"ProcessedText", b"Text"), "no column processedtext"),
        (table.replace(b"SegmentEnd", b"Finish"), "no column segmentend"),
        (table.partition(b"batch_1")[0] + b"a" * (2 << 20), "more than 1 MiB"),
        (table.replace(b"6k_SBA", b"6k\0SBA"), "a NUL"),
    ):
        (tmp_path / "c/test.csv").write_bytes(bytes)
        broken = prepare("sada", tmp_path / "c", tmp_path / "data")
        assert broken.code == 1 and message in broken.output and "Traceback" not in broken.output, broken.output


@pytest.mark.parametrize("text", ["[غير واضح]", "قال (غَيْر وَاضِح) شيئا", "<غير  واضح>", "غير واضح."])
def test_the_tag_is_known_in_any_brackets(text: str) -> None:
    assert is_unclear(text)


@pytest.mark.parametrize("text", ["", "الأمر واضح", "غير", "غير واضحة المعالم", "غير ذلك واضح"])
def test_words_that_only_look_like_the_tag_are_no_tag(text: str) -> None:
    assert not is_unclear(text)


def test_times_are_seconds_or_clock_times() -> None:
    assert [seconds(t) for t in ("12.5", "1:02.25", "0:01:00", "01:00:00.5")] == [12.5, 62.25, 60.0, 3600.5]
    assert all(math.isnan(seconds(t)) for t in ("", "x", "1:2:3:4", "nan", "-inf:inf", "1e306:1.7e308"))


def test_a_recording_is_the_programme_that_the_dialect_clips_name_whatever_its_batch() -> None:
    row = {"filename": "batch_2/6k_SBA_22/6k_SBA_22_2.wav", "processedtext": "كلام", "start": "410.9", "end": "416.5"}
    (segment,) = read_line(Line("sada_train", "train.csv", 2, row))
    clip = Clip("Najdi.wav", "6k_SBA_22_2-seg_410_975-416_518", "كلام")  # a line of the package's README
    assert segment.programme == programme_of(clip) == "6k_SBA_22_2"


def texts_of(made: Prepared) -> dict[str, str]:
    """Segment's own id -> text, of test."""
    tables = made.set("sada_test").tables
    return {tables["utt2orig"][id]: text for id, text in tables["text"].items()}


def test_of_nine_rows_with_odd_quotation_marks_each_has_its_own_text_or_a_ledger_row(tmp_path) -> None:
    broken_tables.make_sada(tmp_path / "corpus", broken_tables.sada_lines())
    again = prepare("sada", tmp_path / "corpus", tmp_path / "data")
    assert again.code == 0, again.output
    assert texts_of(again) == {f"seg_{n}": text for n, text in broken_tables.SADA_TEXTS.items()}
    rows = [row for row in read_ledger(again.out / "dropped.tsv") if row[2] == "malformed row"]
    assert [row[3].partition(": ")[0] for row in rows] == [f"test.csv, line {n}" for n in (3, 7, 9)]
    assert rows[0][3].endswith('seg_2,1,2.0,3.0,,Male,Najdi,Speaker1,Clean,"قال نعم,قال نعم')
    assert len(again.dropped) == 3


def test_a_comma_too_many_a_field_too_few_and_a_text_over_two_lines_cost_their_rows_and_not_the_corpus(
    tmp_path,
) -> None:
    tails = {2: "Clean,نص, 2,نص 2", 4: "Clean,نص 4", 6: "Clean,نص 6,نص\n6", 8: 'Clean,"نص 8","نص\n8"'}
    broken_tables.make_sada(tmp_path / "corpus", broken_tables.sada_lines(tails))
    again = prepare("sada", tmp_path / "corpus", tmp_path / "data")
    assert again.code == 0, again.output
    assert texts_of(again) == {f"seg_{n}": f"نص {n}" for n in (1, 3, 5, 7, 9)}
    lines = [id.rpartition(" ")[2] for id, reason in again.dropped if reason == "malformed row"]
    assert sorted(lines, key=int) == ["3", "5", "7", "8", "10", "11"] and len(again.dropped) == 6


@pytest.mark.parametrize(("rows", "broken"), [(1, 1), (19, 10)])
def test_a_table_of_which_most_rows_are_malformed_is_refused_with_the_first_of_them(tmp_path, rows, broken) -> None:
    tails = {n: "Clean,نص" for n in range(1, broken + 1)}
    broken_tables.make_sada(tmp_path / "corpus", broken_tables.sada_lines(tails, rows))
    again = prepare("sada", tmp_path / "corpus", tmp_path / "data")
    assert again.code == 1 and "Traceback" not in again.output, again.output
    message = (
        f"{broken} of {rows} lines are no rows of this table: test.csv, line 2: 13 fields where 14 belong: batch_1"
    )
    assert message in again.output


def test_marks_that_nobody_sees_make_no_second_speaker_gender_or_dialect(tmp_path) -> None:
    lines = broken_tables.sada_lines({})
    lines[1::2] = [
        line.replace("Speaker2", f"{MARK}Speaker2").replace("Male,Najdi", f"{MARK}Male,Na\u00adjdi")
        for line in lines[1::2]
    ]
    broken_tables.make_sada(tmp_path / "corpus", lines)
    tables = prepare("sada", tmp_path / "corpus", tmp_path / "data").set("sada_test").tables
    assert set(tables["utt2spk"].values()) == {"a_Speaker1", "a_Speaker2"} and len(tables["text"]) == 9
    assert tables["spk2gender"] == {"a_Speaker1": "m", "a_Speaker2": "m"}
    assert set(tables["utt2lang"].values()) == {"NAJ"}
