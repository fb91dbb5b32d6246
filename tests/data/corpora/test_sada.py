"""SADA in its true layout."""

import math
from collections import Counter

import pytest
from trees import sada, speech

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
