"""MGB-3 in its true layout."""

import shutil

import pytest
from trees import speech
from trees.mgb2 import spans
from trees.mgb3 import ANNOTATORS, spelt

from .conftest import prepare, prepare_tree

ADAPT, DEV = speech()[:32], speech()[32:40]
VIDEO = "comedy_75_first_12min"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prepare_tree("mgb3", tmp_path_factory.mktemp("mgb3"))


def test_every_utterance_has_the_words_of_four_people_and_one_of_them_is_its_text(made) -> None:
    adapt = made.set("mgb3_adapt").tables
    (start, end), clip = spans(ADAPT)[2], ADAPT[2]
    id = f"{VIDEO}_{start:.3f}_{end:.3f}"
    assert {who: adapt[f"text_{who}"][id] for who in ANNOTATORS} == {who: spelt(clip.text, who) for who in ANNOTATORS}
    assert adapt["text"] == adapt["text_Ali"]
    assert adapt["segments"][id] == f"{VIDEO} {start:.4f} {end:.4f}"
    assert adapt["utt2spk"][id] == adapt["utt2orig"][id] == id
    assert set(adapt["utt2lang"].values()) == {"EGY"} and set(adapt["utt2prog"].values()) == {VIDEO}


def test_what_one_of_the_four_left_out_is_in_the_ledger(made) -> None:
    assert [reason for _, reason in made.dropped] == ["not in all four"] * 3
    assert {id.partition("_first")[0] for id, _ in made.dropped} == {"comedy_75", "sports_3", "cooking_20"}
    assert len(made.set("mgb3_adapt")) == len(ADAPT) - 1 and len(made.set("mgb3_dev")) == len(DEV) - 1
    assert "mgb3_dev: 7 utterances against 1,927 published" in made.output


def test_latin_words_lose_their_mark_and_nothing_else(made) -> None:
    start, end = spans(ADAPT)[1]
    text = made.set("mgb3_adapt").tables["text_Omar"][f"{VIDEO}_{start:.3f}_{end:.3f}"]
    assert text == f"{spelt(ADAPT[1].text, 'Omar')} foundation"


def test_buckwalter_says_the_same_and_another_reference_other_words(made, tmp_path) -> None:
    again = prepare("mgb3", made.corpus, tmp_path / "b", "--script", "buckwalter", "--reference", "Mohamed")
    ours, theirs = made.set("mgb3_dev").tables, again.set("mgb3_dev").tables
    assert theirs["text"] == theirs["text_Mohamed"] == ours["text_Mohamed"] != ours["text"]
    assert {who: theirs[f"text_{who}"] for who in ANNOTATORS} == {who: ours[f"text_{who}"] for who in ANNOTATORS}


def test_parts_may_bear_a_date_and_recordings_lie_anywhere(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb3")
    (corpus / "dev").rename(corpus / "dev.20170322")
    shutil.move(corpus / "wav", corpus / "audio/all")
    again = prepare("mgb3", corpus, tmp_path / "b")
    assert len(again.set("mgb3_dev")) == 7 and len(again.set("mgb3_adapt")) == 31


def test_a_missing_annotator_is_an_error_that_names_him(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb3")
    shutil.rmtree(corpus / "dev/Omar")
    done = prepare("mgb3", corpus, tmp_path / "data")
    assert done.code == 1 and "dev/Omar" in done.output and "Traceback" not in done.output


@pytest.mark.parametrize(
    ("file", "raw", "message"),
    [
        ("text_noverlap", "x كلمة\n".encode("cp1256"), "no UTF-8"),
        ("text_noverlap", b"x " + b"b" * (2 << 20), "a line of more than 1 MiB"),
        ("segments", "x y ١ ساعة\n".encode(), "not `id recording start end`"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(make_tree, tmp_path, file, raw, message) -> None:
    corpus = make_tree("mgb3")
    (corpus / "adapt/Alaa" / file).write_bytes(raw)
    done = prepare("mgb3", corpus, tmp_path / "data")
    assert (
        done.code == 1
        and message in done.output
        and f"adapt/Alaa/{file}" in done.output
        and "Traceback" not in done.output
    )


def test_paths_and_links_out_of_the_corpus_and_empty_audio_are_rows_of_the_ledger(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb3")
    for who in ANNOTATORS:
        with open(corpus / "dev" / who / "segments", "a") as f:
            f.write("odd ../../../etc/passwd 0 1\n")
        with open(corpus / "dev" / who / "text_noverlap", "a", encoding="utf-8") as f:
            f.write("odd كلمة\n")
    outside = tmp_path / "outside.wav"
    (corpus / "wav/cooking_20_first_12min.wav").rename(outside)
    (corpus / "wav/cooking_20_first_12min.wav").symlink_to(outside)
    (corpus / "wav/sports_3_first_12min.wav").write_bytes(b"")
    done = prepare("mgb3", corpus, tmp_path / "data")
    assert done.code == 0, done.output
    reasons = {reason: id for id, reason in done.dropped}
    assert reasons.keys() == {"not in all four", "path leaves the corpus", "link out of the corpus", "empty"}
    assert reasons["path leaves the corpus"] == "odd"
    assert "mgb3_dev: 9 rows were read, none is left: 7 empty, 1 not in" in done.output
