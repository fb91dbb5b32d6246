"""What a Whisper wrote as the text of a data directory."""

from dataclasses import replace
from pathlib import Path

import pytest
from pseudo.label_trees import hypothesis, write_data, write_labels

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.kaldi import DataDir
from toolkit.pseudo.as_text import AsTextConfig, run

IDS = ("س1-1", "س1-2", "س2-1", "س2-2", "س2-3")


def made(data: Path, labels: Path, out: Path) -> Ledger:
    ledger = Ledger("pseudo.as_text")
    run(Step(AsTextConfig(), [labels, data], out, ["pseudo.as_text"], ledger=ledger))
    return ledger


def test_its_words_are_the_text_and_what_it_did_not_end_is_left_out_with_a_row(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data/test", dict.fromkeys(IDS), dict.fromkeys(IDS, "MOR"))
    heard = {
        "س1-1": "قالَ  المعلّم",
        "س1-2": " ",
        "س2-1": replace(hypothesis("س2-1", "شكرا"), ended=False),
        "س2-2": "نعم",
    }
    ledger = made(data, write_labels(tmp_path / "labels", heard), tmp_path / "out")
    assert DataDir.read(tmp_path / "out").tables["text"] == {"س1-1": "قالَ المعلّم", "س2-2": "نعم"}
    assert DataDir.read(tmp_path / "out").tables["utt2lang"] == {"س1-1": "MOR", "س2-2": "MOR"}
    why = {row[0]: row[2] for row in ledger.rows}
    assert why == {"س1-2": "empty label", "س2-1": "label cut off", "س2-3": "no label"}


def test_transcripts_that_there_are_give_way(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data/test", dict.fromkeys(IDS, "نص بشري"))
    made(data, write_labels(tmp_path / "labels", dict.fromkeys(IDS, "نص آلي")), tmp_path / "out")
    assert set(DataDir.read(tmp_path / "out").tables["text"].values()) == {"نص آلي"}


def test_labels_of_which_none_can_stand_for_a_transcript_are_refused(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data/test", dict.fromkeys(IDS))
    with pytest.raises(UserError, match="can stand for a transcript"):
        made(data, write_labels(tmp_path / "labels", dict.fromkeys(IDS, "")), tmp_path / "out")
    with pytest.raises(UserError, match="a data directory and its labels"):
        made(data, data, tmp_path / "out2")
