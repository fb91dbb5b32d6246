"""BAVED in its true layout."""

import os
import shutil

import pytest
from trees import baved, speech

from .conftest import Prepared, prepare

PARTS = ("train", "dev", "test")
WORDS = ("اعجبني", "لم يعجبني", "هذا", "الفيلم", "رائع", "مقول", "سيئ")  # of its README


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Prepared:
    """The tree, prepared."""
    folder = tmp_path_factory.mktemp("baved")
    baved.make(folder / "corpus", speech())
    return prepare("baved", folder / "corpus", folder / "data")


def test_no_speaker_is_in_two_sets_and_none_is_lost(made: Prepared) -> None:
    assert made.code == 0, made.output
    sets = [made.set(f"baved_{part}") for part in PARTS]
    speakers = [set(s.tables["utt2spk"].values()) for s in sets]
    assert all(speakers) and sum(map(len, speakers)) == 12 and sum(map(len, sets)) == 48
    assert sets[0].seconds > 60
    assert "baved: 48 utterances in all, against 1,935 published" in made.output


def test_words_emotions_and_genders_are_those_of_the_names(made: Prepared) -> None:
    for part in PARTS:
        tables = made.set(f"baved_{part}").tables
        for id, original in tables["utt2orig"].items():
            speaker, gender, _, word, emotion, _ = original.split("-")
            assert tables["text"][id] == WORDS[int(word)]
            assert tables["utt2emotion"][id] == ("low", "normal", "high")[int(emotion)]
            assert tables["utt2spk"][id] == f"s{int(speaker):03d}"
            assert tables["spk2gender"][tables["utt2spk"][id]] == gender


def test_odd_names_and_broken_files_are_in_the_ledger(made: Prepared) -> None:
    assert sorted(made.dropped) == [
        ("0/0-m-20-7-0-9.wav", "bad name"),
        ("0/readme.wav", "bad name"),
        ("1-f-21-0-0-998", "empty"),
        ("1-f-21-0-0-999", "unreadable"),
    ]


def test_a_link_out_of_the_corpus_and_a_name_in_another_encoding_are_ledger_rows(made: Prepared, tmp_path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    file = next(corpus.glob("*/3-*-0-1*.wav"))
    file.rename(tmp_path / "outside.wav")
    file.symlink_to(tmp_path / "outside.wav")
    (corpus / os.fsdecode("3-m-23-0-0-1\u0648.wav".encode("cp1256"))).write_bytes(b"x")
    again = prepare("baved", corpus, tmp_path / "data")
    assert again.code == 0, again.output
    assert (file.stem, "link out of the corpus") in again.dropped
    assert ("3-m-23-0-0-1\\xe6.wav", "unusable name") in again.dropped
    assert sum(len(again.set(f"baved_{part}")) for part in PARTS) == 47


def test_too_few_speakers_for_the_sets_and_another_corpus_are_clear_errors(made: Prepared, tmp_path) -> None:
    (tmp_path / "two").mkdir()
    for speaker in (1, 2):
        file = next(made.corpus.glob(f"*/{speaker}-*-0-1*.wav"))
        (tmp_path / "two" / file.name).write_bytes(file.read_bytes())
    few = prepare("baved", tmp_path / "two", tmp_path / "data")
    assert few.code == 1 and "2 speakers cannot be split into 3 parts" in few.output and "Traceback" not in few.output
    both = prepare("baved", tmp_path / "two", tmp_path / "both", "--shares", "train=0.5 test=0.5")
    assert both.code == 0 and len(both.set("baved_test")) == 1, both.output
    (tmp_path / "none").mkdir()
    none = prepare("baved", tmp_path / "none", tmp_path / "no")
    assert none.code == 1 and "not the layout of this corpus" in none.output
