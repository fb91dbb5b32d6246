"""ADI-5 in its true layout."""

import shutil
from collections import Counter
from pathlib import PurePosixPath

import pytest
from trees import adi5, record, speech, write_lines

from toolkit.core.errors import UserError
from toolkit.data.corpora.adi5 import first_number, named_label, part_of

from .conftest import Prepared, prepare


def labels_of(made: Prepared, part: str) -> dict[str, str]:
    """Original name -> label of a set."""
    tables = made.set(f"adi5_{part}").tables
    return {name: tables["utt2lang"][id] for id, name in tables["utt2orig"].items()}


def wanted(part: str) -> dict[str, str]:
    return {name: label for label, name, _ in adi5.names(speech())[part]}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Prepared:
    """The tree with its lists, prepared."""
    folder = tmp_path_factory.mktemp("adi5")
    adi5.make(folder / "corpus", speech())
    return prepare("adi5", folder / "corpus", folder / "data")


def test_every_utterance_of_the_lists_has_its_label(made: Prepared) -> None:
    assert made.code == 0, made.output
    for part in ("train", "dev", "test"):
        assert labels_of(made, part) == wanted(part)
    assert made.set("adi5_train").seconds > 60
    assert "adi5_train: 32 utterances against 14,592 published" in made.output


def test_videos_speakers_and_genders_are_those_of_the_names(made: Prepared) -> None:
    dev, test = made.set("adi5_dev").tables, made.set("adi5_test").tables
    for tables in (dev, test):
        assert all(tables["utt2orig"][id].startswith(video) for id, video in tables["utt2prog"].items())
    assert set(test["spk2gender"].values()) == {"f"}
    for id, speaker in test["utt2spk"].items():
        assert test["utt2orig"][id].startswith(speaker) and "_F_" in speaker
    assert len(set(dev["utt2spk"].values())) == len(dev["utt2orig"])  # nobody knows them
    assert "utt2prog" not in made.set("adi5_train").tables


def test_videos_of_test_that_are_in_dev_too_are_told(made: Prepared) -> None:
    dev, test = (set(made.set(f"adi5_{part}").tables["utt2prog"].values()) for part in ("dev", "test"))
    assert dev & test
    assert f"{len(dev & test)} of the {len(dev)} programmes of adi5_dev are in adi5_test too" in made.output


def test_audio_in_no_list_and_a_list_without_its_audio_are_ledger_rows(made: Prepared) -> None:
    assert sorted(made.dropped) == [("EGY999999", "missing"), ("NOR777777", "not listed")]


def test_numbers_that_count_from_0_give_the_same_labels(tmp_path) -> None:
    adi5.make(tmp_path / "corpus", speech(), first=0)
    again = prepare("adi5", tmp_path / "corpus", tmp_path / "data")
    assert again.code == 0 and labels_of(again, "test") == wanted("test"), again.output


def test_folders_without_lists_are_enough(tmp_path) -> None:
    adi5.make(tmp_path / "corpus", speech(), lists=False)
    again = prepare("adi5", tmp_path / "corpus", tmp_path / "data")
    assert again.code == 0 and all(labels_of(again, p) == wanted(p) for p in ("train", "dev", "test")), again.output


def test_numbers_that_do_not_tell_where_they_begin_are_refused(made: Prepared, tmp_path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    reference = corpus / "data/test.MGB3/reference"
    kept = [line for line in reference.read_text().splitlines() if not line.endswith(" 5")]
    write_lines(reference, *kept)
    refused = prepare("adi5", corpus, tmp_path / "data")
    assert refused.code == 1 and "nothing says whether EGY is 0 or 1" in refused.output
    assert str(reference) in refused.output and "Traceback" not in refused.output


def test_a_name_wins_over_a_number_and_a_list_of_paths_and_numbers_is_read(tmp_path) -> None:
    corpus, wave_N = tmp_path / "corpus", speech()[0].wave_N
    record(corpus / "train/EGY/EGY000001.wav", wave_N)
    record(corpus / "train/x/y.wav", wave_N)
    record(corpus / "train/x/z.wav", wave_N)
    write_lines(corpus / "train.txt", "./data/wav/EGY/EGY000001.wav 4", "x/y.wav 0", "x/z.wav 4")
    again = prepare("adi5", corpus, tmp_path / "data")
    assert again.code == 0 and labels_of(again, "train") == {"EGY000001": "EGY", "y": "EGY", "z": "NOR"}, again.output


def test_hostile_lists_are_clear_errors_or_ledger_rows(tmp_path) -> None:
    corpus, wave_N = tmp_path / "corpus", speech()[0].wave_N
    record(corpus / "train/EGY/EGY000001.wav", wave_N)
    record(tmp_path / "evil.wav", wave_N)
    (corpus / "train/EGY/link.wav").symlink_to(tmp_path / "evil.wav")
    write_lines(corpus / "train.lst", "EGY/EGY000001.wav", "../../evil.wav EGY", "EGY/link.wav")
    made = prepare("adi5", corpus, tmp_path / "data")
    assert made.code == 0 and len(made.set("adi5_train")) == 1
    line = f"{corpus / 'train.lst'}, line 2"  # the one of two words in a list of paths
    assert sorted(made.dropped) == [(line, "malformed row"), ("link", "link out of the corpus")]
    for text, message in (
        (b"EGY/EGY000001.wav EGY 3\n", "not `path`"),
        ("EGY/EGY000001.wav مصر\n".encode("cp1256"), "no UTF-8"),
        (b"EGY/" + b"E" * (2 << 20), "more than 1 MiB"),
    ):
        (corpus / "train.lst").write_bytes(text)
        broken = prepare("adi5", corpus, tmp_path / "broken")
        assert broken.code == 1 and message in broken.output and "Traceback" not in broken.output, broken.output


def test_only_a_0_or_a_5_tells_where_numbers_begin() -> None:
    assert first_number([0, 3], "") == 0 and first_number([5, 1], "") == 1
    for numbers in ([1, 2, 3, 4], [0, 5], [5, 6], [7]):
        with pytest.raises(UserError):
            first_number(numbers, "reference")


def test_labels_and_parts_are_read_off_paths() -> None:
    assert named_label("http://a/train/GLF/GLF000069.wav") == "GLF" == named_label("x/GLF000069.wav")
    assert named_label("http://a/wav/0a.wav") == named_label("EGYPT/000001.wav") == named_label("ABC000001.wav") == ""
    assert [
        part_of(p) for p in ("data/train.vardial2017/x", "test.MGB3/y", "training/x", "developer", "wav/dev/z")
    ] == [
        "train",
        "test",
        "",
        "",
        "dev",
    ]


def test_a_label_line_of_more_or_fewer_than_two_words_costs_its_utterance(made: Prepared, tmp_path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    reference = corpus / "data/test.MGB3/reference"
    numbers = reference.read_text().splitlines()
    names = [line.split()[0] for line in numbers]
    numbers[0], numbers[1] = f"{numbers[0]} 3", names[1]
    numbers[2], numbers[3] = numbers[2].replace(" ", "\t\u200f"), f"{names[3]} 1\n{names[3]} 2"
    write_lines(reference, *numbers)
    listed = corpus / "data/train.vardial2017/wav.lst"
    first, *rest = listed.read_text().splitlines()
    write_lines(listed, f"{first} GLF", *rest)
    again = prepare("adi5", corpus, tmp_path / "data")
    assert again.code == 0, again.output
    lost = {names[0], names[1], names[3]}
    assert labels_of(again, "test") == {name: label for name, label in wanted("test").items() if name not in lost}
    reasons = Counter(again.dropped)
    assert [reasons[name, "malformed row"] for name in names[:3]] == [1, 1, 0]
    assert reasons[names[3], "no label"] == reasons[names[3], "duplicate id"] == 1
    name = PurePosixPath(first).stem
    assert reasons[name, "not listed"] == 1 and name not in labels_of(again, "train")
    assert sum(reason == "malformed row" for _, reason in again.dropped) == 2 + 2 + 1
