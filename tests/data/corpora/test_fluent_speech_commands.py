"""Fluent Speech Commands in its true layout."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from trees import fluent_speech_commands, tones

from .conftest import Prepared, prepare

PARTS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Prepared:
    """The tree, prepared."""
    folder = tmp_path_factory.mktemp("fluent")
    fluent_speech_commands.make(folder / "corpus", tones(24, 1.0))
    done = prepare("fluent_speech_commands", folder / "corpus", folder / "data")
    assert done.code == 0, done.output
    return done


def test_an_intent_is_three_words_and_text_is_in_lower_case(made: Prepared) -> None:
    assert [len(made.set(f"fluent_{part}")) for part in PARTS] == [12, 6, 6]
    for part in PARTS:
        tables = made.set(f"fluent_{part}").tables
        intents = {tables["text"][id]: intent for id, intent in tables["utt2intent"].items()}
        assert intents == {
            "turn on the lights, please": "activate lights none",
            "change language": "change_language none none",
            "switch the lights on in the washroom": "activate lights washroom",
        }
        assert set(tables["utt2lang"].values()) == {"ENG"}
        assert all(tables["utt2orig"][id].startswith(f"{speaker}/") for id, speaker in tables["utt2spk"].items())


def test_counts_are_held_against_the_published_ones_and_absent_audio_is_in_the_ledger(made: Prepared) -> None:
    assert made.dropped == [("x/absent", "missing")]
    for count in ("23,132", "3,118", "3,793"):
        assert f"utterances against {count} published" in made.output
    assert "speakers against 77 published" in made.output and "speakers against 10 published" in made.output


def test_the_folder_above_that_of_the_archive_will_do(made: Prepared, tmp_path: Path) -> None:
    shutil.copytree(made.corpus, tmp_path / "fluent_speech_commands_dataset")
    again = prepare("fluent_speech_commands", tmp_path, tmp_path / "data")
    assert again.code == 0, again.output
    assert again.set("fluent_test").tables["utt2intent"] == made.set("fluent_test").tables["utt2intent"]


def test_rows_that_cannot_be_used_cost_themselves_alone(made: Prepared, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    (tmp_path / "out.wav").write_bytes(next(corpus.glob("wavs/speakers/*/*.wav")).read_bytes())
    (corpus / "wavs/speakers/x").mkdir()
    (corpus / "wavs/speakers/x/broken.wav").write_bytes(b"RIFF")
    shutil.copy(tmp_path / "out.wav", corpus / "wavs/speakers/x/مساء.wav")
    table = corpus / "data/test_data.csv"
    first = table.read_text(encoding="utf-8").splitlines()[1]
    rows = [
        first,  # twice
        "1,wavs/speakers/../../../out.wav,x,Out,activate,lights,none",
        "2,/etc/passwd,x,Out,activate,lights,none",
        "3,wavs/speakers/x/broken.wav,x,Broken,activate,lights,none",
        "4,wavs/speakers/x/nothing.wav,x,Nothing,activate,,none",
        "5,wavs/speakers/x/more.wav,x,More,activate,lights,none,more",
        "6,wavs/speakers/x/مساء.wav,x,Évening مساء,activate,lights,none",
    ]
    bad = b"7,wavs/speakers/x/b.wav,x,caf\xe9,activate,lights,none\r\n"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes() + "".join(f"{r}\r\n" for r in rows).encode() + bad)
    again = prepare("fluent_speech_commands", corpus, tmp_path / "data")
    assert again.code == 0 and "Traceback" not in again.output, again.output
    reasons = sorted(reason for _, reason in again.dropped)
    assert reasons == sorted(
        [
            "missing",
            "duplicate id",
            "path leaves the corpus",
            "columns",
            "unreadable",
            "no label",
            "malformed row",
            "encoding",
        ]
    )
    assert "évening مساء" in again.set("fluent_test").tables["text"].values()
    assert len(again.set("fluent_test")) == 6 + 1


def test_a_table_that_is_absent_or_lacks_a_column_is_an_error_that_names_it(made: Prepared, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    table = corpus / "data/valid_data.csv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace(",object,", ",thing,"), encoding="utf-8")
    lacking = prepare("fluent_speech_commands", corpus, tmp_path / "data")
    assert lacking.code == 1 and "no column object" in lacking.output and "valid_data.csv" in lacking.output
    table.unlink()
    absent = prepare("fluent_speech_commands", corpus, tmp_path / "data")
    assert absent.code == 1 and "valid_data.csv" in absent.output and "Traceback" not in absent.output


def test_an_open_quotation_mark_and_a_speaker_with_a_hidden_mark(made: Prepared, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    table = corpus / "data/test_data.csv"
    head, first, second, *rest = table.read_text(encoding="utf-8").splitlines()
    speaker = second.split(",")[2]
    second = second.replace(f",{speaker},", f",\u200f{speaker},")
    first = ",".join([*first.split(",")[:3], '"Turn on', "activate", "lights", "none"])
    table.write_text("\n".join([head, first, second, *rest]), encoding="utf-8")
    again = prepare("fluent_speech_commands", corpus, tmp_path / "data")
    assert again.code == 0, again.output
    one, two = (m.set("fluent_test").tables["utt2spk"] for m in (made, again))
    assert len(one) - len(two) == 1 and two.items() <= one.items()
    assert Counter(reason for _, reason in again.dropped) == {"missing": 1, "malformed row": 1}
