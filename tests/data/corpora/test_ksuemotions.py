"""KSUEmotions in its true layout."""

from collections import Counter

import pytest
from trees import ksuemotions, speech

from toolkit.data.corpora.ksuemotions import parse

from .conftest import Prepared, prepare

PARTS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Prepared:
    """The tree, prepared."""
    folder = tmp_path_factory.mktemp("ksuemotions")
    ksuemotions.make(folder / "corpus", speech())
    return prepare("ksuemotions", folder / "corpus", folder / "data")


def test_no_speaker_is_in_two_sets_and_none_is_lost(made: Prepared) -> None:
    assert made.code == 0, made.output
    speakers = [set(made.set(f"ksuemotions_{part}").tables["utt2spk"].values()) for part in PARTS]
    assert all(speakers) and sum(map(len, speakers)) == 12 and set.union(*speakers) == set(ksuemotions.SPEAKERS)
    assert made.set("ksuemotions_train").seconds > 60
    assert "ksuemotions: 12 speakers in all, against 23 published" in made.output


def test_emotions_are_those_of_the_names_and_genders_those_of_the_persons(made: Prepared) -> None:
    names = {"E00": "neutral", "E01": "happiness", "E02": "sadness", "E03": "surprise", "E05": "anger"}
    for part in PARTS:
        tables = made.set(f"ksuemotions_{part}").tables
        for id, original in tables["utt2orig"].items():
            assert tables["utt2emotion"][id] == names[original[10:13]], original  # phase1-D04E01...
        assert all(gender == ("f" if speaker[1] == "1" else "m") for speaker, gender in tables["spk2gender"].items())
        assert set(tables["utt2lang"].values()) == {"MSA"}


def test_questioning_and_odd_files_are_in_the_ledger_each_with_its_reason(made: Prepared) -> None:
    reasons = Counter(reason for _, reason in made.dropped)
    asked = sum((i + i // 12) % 5 == 4 for i in range(24))  # of phase 1
    assert reasons == {"emotion not asked for": asked, "bad name": 1, "no label": 1, "unreadable": 1, "empty": 1}
    kept = sum(len(made.set(f"ksuemotions_{part}")) for part in PARTS)
    assert kept + asked == 48


def test_another_seed_gives_another_split_and_the_same_one_the_same(made: Prepared, tmp_path) -> None:
    def split(*words: str) -> list[set[str]]:
        again = prepare("ksuemotions", made.corpus, tmp_path / "-".join(words), *words)
        assert again.code == 0, again.output
        return [set(again.set(f"ksuemotions_{part}").tables["utt2spk"].values()) for part in PARTS]

    first = [set(made.set(f"ksuemotions_{part}").tables["utt2spk"].values()) for part in PARTS]
    assert split("--seed", "1") == first
    assert any(split("--seed", str(seed)) != first for seed in (2, 3))


def test_one_phase_alone_and_other_emotions_can_be_asked_for(made: Prepared, tmp_path) -> None:
    words = ("--phases", "2", "--emotions", "neutral anger")
    again = prepare("ksuemotions", made.corpus, tmp_path / "data", *words)
    assert again.code == 0, again.output
    tables = [again.set(f"ksuemotions_{part}").tables for part in PARTS]
    assert {emotion for t in tables for emotion in t["utt2emotion"].values()} == {"neutral", "anger"}
    assert all(original.startswith("phase2-") for t in tables for original in t["utt2orig"].values())
    wrong = prepare("ksuemotions", made.corpus, tmp_path / "wrong", "--emotions", "joy")
    assert wrong.code == 1 and "joy is none of neutral" in wrong.output and "Traceback" not in wrong.output


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("Phase_1/E03/D05E03P104S01T01.flac", ("P104", "f", "surprise", 1)),
        ("phase 2/d05e05p004s01t01.wav", ("P004", "m", "anger", 2)),
        ("E00P17.wav", ("P17", "", "neutral", 0)),
        ("D05E99P104S01T01.flac", ("P104", "f", "", 0)),
    ],
)
def test_a_name_is_parsed_whatever_its_case_and_depth(path: str, told: tuple[str, str, str, int]) -> None:
    name = parse(path)
    assert name and (name.speaker, name.gender, name.emotion, name.phase) == told


def test_a_name_without_emotion_or_person_is_no_guess() -> None:
    assert parse("Phase_1/E03/take1.flac") is parse("P104.wav") is parse("E03.wav") is parse("") is None
