"""MGB-5 in its true layout."""

import shutil

import pytest
from trees import speech
from trees.mgb2 import spans

from toolkit.data.corpora.mgb_tables import read_texts
from toolkit.text.diacritics import strip_diacritics

from .conftest import prepare, prepare_tree

TRAIN, DEV = speech()[:32], speech()[32:40]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prepare_tree("mgb5", tmp_path_factory.mktemp("mgb5"))


def test_only_a_whole_word_stands_for_one_that_nobody_understood(tmp_path, capsys) -> None:
    (tmp_path / "dev.txt.bw").write_text("a UNK @@LAT@@FUNK klmp UNK\nb klmp\n")
    assert read_texts(tmp_path / "dev.txt.bw", "UNK", ids="a") == {"a": "FUNK كلمة", "b": "كلمة"}
    assert "/dev.txt.bw: 1 transcripts lack words (UNK), first: a" in capsys.readouterr().out


def test_buckwalter_becomes_arabic_and_words_that_nobody_understood_are_taken_out(made) -> None:
    train = made.set("mgb5_train").tables
    texts = [strip_diacritics(clip.text) for clip in TRAIN]
    ids = [f"vlog_1_{start:.3f}_{end:.3f}" for start, end in spans(TRAIN)]
    assert train["text"] == dict(sorted(zip(ids, texts)))  # the first was written `UNK ... UNK`
    assert set(train["utt2lang"].values()) == {"MOR"} and set(train["utt2prog"].values()) == {"vlog_1"}
    assert all(train["utt2spk"][id] == id for id in ids)
    assert train["wav.scp"]["vlog_1"].endswith("train/a/b/vlog_1.wav")


def test_what_has_no_words_or_no_times_is_in_the_ledger(made) -> None:
    rows = [row for row in made.dropped if row[0].startswith("vlog")]
    assert rows == [("vlog_1_998.000_998.500", "no transcript"), ("vlog_1_999.000_999.500", "no segment")]
    assert "mgb5_train: 1 recordings against 69 published" in made.output
    assert "hours against 10.2 published" in made.output


def test_other_annotators_of_dev_are_tables_where_their_times_are_the_same(made) -> None:
    dev, (start, end) = made.set("mgb5_dev").tables, spans(DEV)[0]
    words = {id: text for id, text in dev["text_Annotator2"].items() if text}
    assert words == {f"family_7_{start:.3f}_{end:.3f}": "مزيان"}
    assert ("Annotator3/family_7_0.100_0.900", "other times") in made.dropped
    assert not [name for name in made.set("mgb5_test").tables if name.startswith("text_")]


def test_train_alone_is_taken_without_dev_and_test(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb5")
    shutil.rmtree(corpus / "dev")
    shutil.rmtree(corpus / "test")
    done = prepare("mgb5", corpus, tmp_path / "data")
    assert done.code == 0 and "mgb5_dev: nothing of it is here" in done.output
    assert len(done.set("mgb5_train")) == len(TRAIN)


@pytest.mark.parametrize(
    ("file", "raw", "message"),
    [
        ("train.txt.bw", b"x kl\xe9mp\n", "no UTF-8"),
        ("train.txt.bw", b"x " + b"b" * (2 << 20), "a line of more than 1 MiB"),
        ("train.segments.bw", b"x vlog_1 0\n", "not `id recording start end`"),
        ("train.segments.bw", None, "no such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(make_tree, tmp_path, file, raw, message) -> None:
    corpus = make_tree("mgb5")
    (corpus / "train" / file).unlink()
    if raw is not None:
        (corpus / "train" / file).write_bytes(raw)
    done = prepare("mgb5", corpus, tmp_path / "data")
    assert done.code == 1 and message in done.output and file in done.output and "Traceback" not in done.output


def test_ids_and_paths_out_of_the_corpus_links_and_cut_audio_are_rows_of_the_ledger(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb5")
    with open(corpus / "train/train.txt.bw", "a") as f:
        f.write("../../x slAm\nodd slAm\n")
    with open(corpus / "train/train.segments.bw", "a") as f:
        f.write("../../x vlog_1 0 1\nodd ../../../etc/passwd 0 1\n")
    outside = tmp_path / "outside.wav"
    (corpus / "test/a/b/sports_2.wav").rename(outside)
    (corpus / "test/a/b/sports_2.wav").symlink_to(outside)
    raw = (corpus / "dev/a/b/family_7.wav").read_bytes()
    (corpus / "dev/a/b/family_7.wav").write_bytes(raw[:32000])  # a second of it
    done = prepare("mgb5", corpus, tmp_path / "data")
    assert done.code == 0, done.output
    assert ("odd", "path leaves the corpus") in done.dropped
    assert {"link out of the corpus", "truncated"} <= {reason for _, reason in done.dropped}
    train = done.set("mgb5_train").tables["utt2orig"]
    assert [id for id, original in train.items() if original == "../../x"] == ["x"]  # an id that stays in its folder
