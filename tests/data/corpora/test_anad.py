"""ANAD in its true layout."""

import math
from collections import Counter

import pytest
from trees import anad, record, speech, write_lines

from .conftest import Prepared, prepare

PARTS = ("train", "dev", "test")
NOUNS = {"happy": "happiness", "angry": "anger", "surprised": "surprise"}


@pytest.fixture(scope="module", params=[True, False], ids=["table", "folders"])
def made(request, tmp_path_factory) -> Prepared:
    """The tree, with its table or with folders of emotions, prepared."""
    folder = tmp_path_factory.mktemp("anad")
    anad.make(folder / "corpus", speech(), request.param)
    return prepare("anad", folder / "corpus", folder / "data")


def test_no_video_is_in_two_sets_and_none_is_lost(made: Prepared) -> None:
    assert made.code == 0, made.output
    sets = [made.set(f"anad_{part}") for part in PARTS]
    videos = [set(s.tables["utt2prog"].values()) for s in sets]
    assert all(videos) and sum(map(len, videos)) == 8 == len(set.union(*videos))
    assert sum(map(len, sets)) == sum(math.ceil(clip.seconds) for clip in speech())
    assert sets[0].seconds > 60


def test_emotions_are_those_of_the_table_or_the_folder(made: Prepared) -> None:
    for part in PARTS:
        tables = made.set(f"anad_{part}").tables
        for id, video in tables["utt2prog"].items():
            assert tables["utt2emotion"][id] == NOUNS[anad.EMOTIONS[int(video[1:]) % 3]]


def test_a_set_that_lacks_an_emotion_is_told(made: Prepared) -> None:
    for part in PARTS:
        lacking = set(NOUNS.values()) - set(made.set(f"anad_{part}").tables["utt2emotion"].values())
        assert (f"WARNING: anad_{part} has no" in made.output) == bool(lacking)
    assert "too few programmes for its share" in made.output  # 8 videos are too few for three sets


def test_units_without_a_row_and_rows_without_a_unit_are_in_the_ledger(made: Prepared) -> None:
    part = "1sec_segmented_part1/1sec_segmented_part1"
    rows = [(f"{part}/V1_9 (1).wav", "no label"), (f"{part}/V1_9 (2).wav", "no label"), ("V9_1 (1)", "missing")]
    assert sorted(made.dropped) == (rows if (made.corpus / "ANAD.csv").exists() else [])


def test_broken_tables_are_clear_errors(tmp_path) -> None:
    anad.make(tmp_path / "corpus", speech())
    table = tmp_path / "corpus/ANAD.csv"
    for bytes, message in (
        ("name,Emotion \nV1_1 (1).wav,غاضب\n".encode("cp1256"), "no UTF-8"),
        (b"file,label\n", "no column name, emotion"),
        (b"name,Emotion \n" + b"V" * (2 << 20), "more than 1 MiB"),
    ):
        table.write_bytes(bytes)
        broken = prepare("anad", tmp_path / "corpus", tmp_path / "data")
        assert broken.code == 1 and message in broken.output and "Traceback" not in broken.output, broken.output


def test_malformed_rows_marks_nobody_sees_and_two_emotions_of_one_unit(tmp_path) -> None:
    corpus = tmp_path / "corpus"
    units = ["V1_1 (1)", "V1_1 (2)", "V2_1 (1)", "V3_1 (1)", "V4_1 (1)", "V5_1 (1)"]
    for unit in units:
        record(corpus / f"1sec_segmented_part1/angry/{unit}.wav", speech()[0].wave_N[:16000])
    rows = [f"{units[0]}.wav',angry", f"{units[1]}.wav',ha,ppy", f"{units[2]}.wav',\"angry"]
    rows += [f"\u200f{units[3]}.wav',ang\u200bry", f"{units[4]}.wav',happy", f"{units[4]}.wav',angry"]
    rows += [f"{units[5]}.wav',surprised"]
    write_lines(corpus / "ANAD.csv", "name,Emotion ", *rows)
    made = prepare("anad", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    emotions = {}
    for part in PARTS:
        tables = made.set(f"anad_{part}").tables
        emotions |= {tables["utt2orig"][id]: emotion for id, emotion in tables["utt2emotion"].items()}
    assert emotions == {units[0]: "anger", units[3]: "anger", units[5]: "surprise"}
    reasons = Counter(reason for _, reason in made.dropped)
    assert reasons == {"malformed row": 2, "duplicate id": 1, "no label": 3}  # the folder says angry of all of them
