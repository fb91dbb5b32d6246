"""IEMOCAP in its true layout."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from trees import iemocap, tones

from .conftest import Prepared, prepare


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Prepared:
    """The tree, prepared."""
    folder = tmp_path_factory.mktemp("iemocap")
    iemocap.make(folder / "corpus", tones(80, 0.3))
    done = prepare("iemocap", folder / "corpus", folder / "data")
    assert done.code == 0, done.output
    return done


def test_excited_is_happy_and_other_emotions_are_left_out_and_counted(made: Prepared) -> None:
    data = made.set("iemocap")
    assert Counter(data.tables["utt2emotion"].values()) == {"neutral": 20, "happy": 20, "angry": 10, "sad": 10}
    assert Counter(reason for _, reason in made.dropped) == {"another emotion": 20}
    assert "another emotion: 10 fru, 10 xxx" in made.output or "another emotion: 10 xxx, 10 fru" in made.output
    assert "60 utterances against 5,531 published" in made.output and "10 speakers, as published" in made.output


def test_the_speaker_is_who_has_the_turn_and_the_session_is_a_label(made: Prepared) -> None:
    tables = made.set("iemocap").tables
    for id, original in tables["utt2orig"].items():
        speaker = f"{original[:5]}{original.rpartition('_')[2][0]}"
        assert tables["utt2spk"][id] == speaker and tables["utt2session"][id] == f"Session{original[4]}"
        assert tables["spk2gender"][speaker] == speaker[-1].lower()
        assert tables["utt2prog"][id] == original.rpartition("_")[0]
        assert tables["text"][id].endswith(f"of {tables['utt2prog'][id]}. [LAUGHTER]")
    assert {"Ses01F", "Ses05M"} < set(tables["utt2spk"].values()) and len(tables["spk2gender"]) == 10
    assert set(tables["utt2lang"].values()) == {"ENG"}


def test_the_release_may_be_a_folder_and_may_come_without_transcriptions(made: Prepared, tmp_path: Path) -> None:
    shutil.copytree(made.corpus, tmp_path / "IEMOCAP_full_release", ignore=lambda *_: ["transcriptions"])
    again = prepare("iemocap", tmp_path, tmp_path / "data")
    assert again.code == 0, again.output
    tables = again.set("iemocap").tables
    assert "text" not in tables and tables["utt2emotion"] == made.set("iemocap").tables["utt2emotion"]


def test_what_is_wrong_in_a_dialog_costs_no_other_utterance(made: Prepared, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    waves, ratings, texts = (
        corpus / f"Session1/{p}" for p in ("sentences/wav", "dialog/EmoEvaluation", "dialog/transcriptions")
    )
    (ratings / "Ses01M_script01_1.txt").unlink()  # its eight turns have no label
    secret = shutil.move(texts / "Ses01M_script01_1.txt", tmp_path / "secret.txt")
    (texts / "Ses01M_script01_1.txt").symlink_to(secret)
    (waves / "Ses01F_impro01/Ses01F_impro01_F000.wav").write_bytes(b"RIFF")
    (waves / "Ses01F_impro01/Ses01F_impro01_M000.wav").unlink()
    shutil.copy(waves / "Ses01F_impro01/Ses01F_impro01_F001.wav", waves / "Ses01F_impro01/صوت.wav")
    (waves / "Ses01F_impro01/._Ses01F_impro01_F001.wav").write_bytes(b"\0\5")
    rows = b"[1.0 - 2.0]\tSes01F_impro01_F001\tsad\t[1, 1, 1]\r\n[1 - 2]\t../x\tneu\t[1, 1, 1]\r\n"
    rows += "[1 - 2]\tصوت\tneu\t[1, 1, 1]\r\n[1 - 2]\tSes\xe9\tneu\t[1, 1, 1]\r\n".encode()[:-1] + b"\xff\n"
    file = ratings / "Ses01F_impro01.txt"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n") + rows)
    (ratings / "Ses01F_impro09.txt").write_text("[1 - 2]\tSes01F_impro09_F000\tneu\t[1, 1, 1]\n")
    again = prepare("iemocap", corpus, tmp_path / "data")
    assert again.code == 0 and "Traceback" not in again.output, again.output
    reasons = Counter(reason for _, reason in again.dropped)
    assert reasons == {
        "another emotion": 18,
        "no label": 8 + 1,
        "missing": 1 + 1 + 1 + 1 + 1,  # a file of ratings, M000, ../x, a turn of impro09, its file of text
        "link out of the corpus": 1,
        "unreadable": 1,
        "bad name": 1,
        "contradicting rows": 2,  # sad, and excited above
        "encoding": 1,
    }
    assert len(again.set("iemocap")) == 60 - 2 - 6 - 1


def test_another_folder_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "Session1").mkdir()
    empty = prepare("iemocap", tmp_path, tmp_path / "data")
    assert empty.code == 1 and "no dialog in it" in empty.output
    none = prepare("iemocap", tmp_path / "Session1", tmp_path / "no")
    assert none.code == 1 and "none of Session[1-5]" in none.output and "Traceback" not in none.output


def test_a_rating_of_other_fields_costs_its_turn_and_a_hidden_mark_costs_nothing(
    made: Prepared, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    file = corpus / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    text = file.read_text(encoding="utf-8")
    text = text.replace("_F000\tneu\t", "_F000\tneu\tsad\t").replace(
        "_M000\thap\t[2.5000, 2.5000, 2.5000]", "_M000\thap"
    )
    file.write_text(text.replace("\tang\t", "\t\u200fang\t"), encoding="utf-8")
    again = prepare("iemocap", corpus, tmp_path / "data")
    assert again.code == 0, again.output
    reasons = Counter(reason for _, reason in again.dropped)
    assert reasons == {"another emotion": 20, "malformed row": 2, "no label": 2} and len(again.set("iemocap")) == 58
    (first, *_) = [row for row in again.dropped if row[1] == "malformed row"]
    assert first[0].startswith("Ses01F_impro01.txt:")
