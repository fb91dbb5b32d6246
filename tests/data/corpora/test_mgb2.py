"""MGB-2 in its true layout."""

from pathlib import Path

import pytest
from trees import record, speech, write_lines
from trees.mgb2 import guid, make_large, programme, segment

from toolkit.text.diacritics import strip_diacritics

from .conftest import prepare, prepare_tree

TRAIN, DEV, TEST = guid(0), guid(100), guid(200)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prepare_tree("mgb2", tmp_path_factory.mktemp("mgb2"))


def add_programme(corpus: Path, name: str, xml: str | bytes) -> None:
    record(corpus / "train/wav" / f"{name}.wav", speech()[0].wave_N)
    raw = xml if isinstance(xml, bytes) else xml.encode()
    (corpus / "train/xml/utf8" / f"{name}.xml").write_bytes(raw)


def test_ids_speakers_programmes_and_dialect_are_those_of_the_corpus(made) -> None:
    train = made.set("mgb2_train")
    id = f"{TRAIN}_spk-0001_seg-0000000-0000225"  # 2.26 s, of which the official pattern keeps 225: %d of 225.99999
    assert train.tables["utt2orig"][id] == f"{TRAIN}_spk-0001_seg-0000000:0000225"
    assert train.tables["utt2spk"][id] == f"{TRAIN}_spk-0001"
    assert train.tables["utt2prog"][id] == TRAIN
    assert train.tables["segments"][id] == f"{TRAIN} 0.0000 2.2600"
    assert set(train.tables["utt2lang"].values()) == {"ARA"}
    assert {guid(n) for n in range(3)} == set(train.tables["wav.scp"])


def test_train_in_utf8_keeps_the_captions_and_in_bw_the_normalised_words_in_arabic_script(made, tmp_path) -> None:
    text = speech()[0].text
    id = f"{TRAIN}_spk-0001_seg-0000000-0000225"
    assert made.set("mgb2_train").tables["text"][id] == text
    again = prepare("mgb2", made.corpus, tmp_path / "bw", "--transcripts", "bw")
    assert again.set("mgb2_train").tables["text"][id] == strip_diacritics(text)


def test_a_speaker_without_a_number_is_the_unknown_one_of_his_programme_and_counted(made) -> None:
    unknown = [s for s in made.set("mgb2_train").tables["utt2spk"].values() if s.endswith("_spk-unknown")]
    assert sorted(unknown) == sorted(f"{guid(n)}_spk-unknown" for n in range(3) for _ in ("narrator", "x_speaker12"))
    assert "6 utterances are of the unknown speakers" in made.output


def test_marks_leave_the_text_and_latin_words_stay(made) -> None:
    text = made.set("mgb2_train").tables["text"]
    marked = next(t for id, t in text.items() if "seg-0000020-" in id and id.startswith(TRAIN))
    assert marked == f"CNN {speech()[0].text}"


def test_every_segment_left_out_of_train_has_a_row_with_its_reason(made) -> None:
    reasons = [reason for id, reason in made.dropped if id.replace("_", "-").startswith(TRAIN)]
    assert sorted(reasons) == ["WMER", "bad times", "no duration", "no words", "past end"]
    assert (f"train/wav/{guid(7)}.wav", "no transcript") in made.dropped
    assert (f"{guid(8)}_spk-0001_seg-0000000:0000100", "missing") in made.dropped


def test_most_wmer_is_how_badly_a_caption_may_match(made, tmp_path) -> None:
    worse = prepare("mgb2", made.corpus, tmp_path / "b", "--most-wmer", "80.1")
    assert len(worse.set("mgb2_train")) == len(made.set("mgb2_train")) + 3
    better = prepare("mgb2", made.corpus, tmp_path / "c", "--most-wmer", "21.3")
    assert set(better.set("mgb2_train").tables["utt2spk"].values()) == {f"{guid(n)}_spk-unknown" for n in range(3)}


def test_dev_and_test_are_the_utterances_without_overlap_and_the_others_are_in_the_ledger(made) -> None:
    clips = speech()[36:42]
    dev = made.set("mgb2_dev")
    assert len(dev) == len(clips) - 2
    assert set(dev.tables["text"].values()) == {strip_diacritics(c.text) for c in clips[:-2]}
    assert set(dev.tables["wav.scp"]) == set(dev.tables["utt2prog"].values()) == {DEV}
    dropped = sorted(reason for id, reason in made.dropped if id.startswith(DEV))
    assert dropped == ["music", "no segment", "overlap speech"]


def test_the_overlap_set_is_made_where_asked_for(make_tree, tmp_path) -> None:
    done = prepare("mgb2", make_tree("mgb2"), tmp_path / "data", "--overlap-sets", "true")
    assert list(done.set("mgb2_dev_overlap").tables["text"].values()) == [strip_diacritics(speech()[41].text)]
    assert "mgb2_dev_overlap: 1 utterances against 840 published" in done.output
    assert len(done.set("mgb2_dev")) == 4


def test_all_of_dev_is_taken_where_asked_for(make_tree, tmp_path) -> None:
    done = prepare("mgb2", make_tree("mgb2"), tmp_path / "data", "--evaluated", "all")
    assert len(done.set("mgb2_dev")) == len(done.set("mgb2_test")) == 6


@pytest.mark.parametrize("ending", ["", ".lst"])
def test_the_lists_say_what_overlaps_where_no_table_does(make_tree, tmp_path, ending) -> None:
    corpus = make_tree("mgb2")
    for path in (corpus / "dev").glob("*.non_overlap_speech"):
        path.unlink()
    (corpus / "dev/non_overlap_speech").rename(corpus / f"dev/non_overlap_speech{ending}")
    assert len(prepare("mgb2", corpus, tmp_path / "data").set("mgb2_dev")) == 4


def test_references_for_sclite_become_tables_by_their_times_and_what_matches_nothing_is_said(made) -> None:
    test = made.set("mgb2_test")
    first, *rest = sorted(test.tables["text"], key=lambda id: test.tables["segments"][id].split()[1])
    assert test.tables["text_orig"][first] == speech()[42].text
    assert test.tables["text_norm"][first] == strip_diacritics(speech()[42].text)
    assert test.tables["text_ndnp"][first] == ""
    assert all(test.tables["text_ndnp"][id] == test.tables["text_norm"][id] for id in rest)
    assert "1 utterances of test have no reference in stm_ndnp.stm" in made.output
    assert "no reference in stm_orig.stm" not in made.output
    lines = [id for id, reason in made.dropped if reason == "reference" and "stm_orig" in id]
    assert lines == [f"test/stm_orig.stm:{n}" for n in (5, 6, 7, 9)]  # music, overlap, no such time, no fields
    ledger = (made.out / "dropped.tsv").read_text(encoding="utf-8").splitlines()
    assert [row.split("\t")[3] for row in ledger if row.startswith("test/stm_orig.stm:6")] == [
        "overlap, which is not among the utterances"
    ]


def test_counts_are_held_against_the_published_ones(made) -> None:
    assert "mgb2_train: 45 utterances against 375,103 published" in made.output
    assert "mgb2_dev: 4 utterances against 5,002 published" in made.output
    assert "mgb2_test: 1 recordings against 17 published" in made.output


def test_two_jobs_make_the_same_bytes_as_one(made, tmp_path) -> None:
    again = prepare("mgb2", made.corpus, tmp_path / "two", nj=2)
    assert again.code == 0, again.output
    for name in ("mgb2_train", "mgb2_dev", "mgb2_test"):
        for file in sorted((made.out / name).iterdir()):
            assert file.read_bytes() == (again.out / name / file.name).read_bytes()
    assert (made.out / "dropped.tsv").read_bytes() == (again.out / "dropped.tsv").read_bytes()


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE t [<!ENTITY a "كلمة"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<transcript><segments><segment>&b;</segment></segments></transcript>"
)
HOSTILE = {
    "bomb": (BOMB, "entities"),
    "dtd": ('<!DOCTYPE t SYSTEM "file:///etc/passwd"><t/>', "entities"),
    "cut": (programme("cut", [segment("cut", 0, 0, 1, ["كلمة"])])[:-30], "xml"),
    "bytes": (programme("bytes", [segment("bytes", 0, 0, 1, ["كلمة"])]).encode("cp1256", "replace"), "xml"),
    "deep": ("<a>" * 100000 + "</a>" * 100000, "xml"),
    "none": (programme("none", []), "no segment"),
    "nan": (programme("nan", [segment("nan", 0, 0, 1, ["كلمة"], starttime="nan", id="nan")]), "bad times"),
    "many": ("<segments>" + "<segment/>" * 100_001 + "</segments>", "xml"),
    "huge": (programme("huge", [segment("huge", 0, 0, 1, ["كلمة"], endtime="1e300")]), "past end"),
    "minus": (programme("minus", [segment("minus", 0, 0, 1, ["كلمة"], starttime="-1")]), "bad times"),
    "reserved": (programme("reserved", [segment("reserved", 0, 0, 1, ["كلمة", "<s>"])]), "reserved word"),
}


def test_a_hostile_programme_is_a_row_of_the_ledger_and_the_others_go_on(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb2")
    for name, (xml, _) in HOSTILE.items():
        add_programme(corpus, name, xml)
    done = prepare("mgb2", corpus, tmp_path / "data")
    assert done.code == 0, done.output
    for name, (_, reason) in HOSTILE.items():
        rows = [row for row in done.dropped if Path(row[0]).stem.startswith(name) or f"/{name}.xml" in row[0]]
        assert [reason for _, reason in rows] == [reason], name
    assert len(done.set("mgb2_train")) == 45


def test_audio_that_cannot_be_used_and_links_out_of_the_corpus_are_rows_of_the_ledger(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb2")
    (corpus / "train/wav" / f"{guid(0)}.wav").write_bytes(b"")
    outside = tmp_path / "outside.wav"
    (corpus / "train/wav" / f"{guid(1)}.wav").rename(outside)
    (corpus / "train/wav" / f"{guid(1)}.wav").symlink_to(outside)
    done = prepare("mgb2", corpus, tmp_path / "data")
    assert done.code == 0, done.output
    assert {id.split("_")[0] for id, reason in done.dropped if reason == "empty"} == {guid(0)}
    assert {id.split("_")[0] for id, reason in done.dropped if reason == "link out of the corpus"} == {guid(1)}
    followed = prepare("mgb2", corpus, tmp_path / "b", "--take.follow-links", "true")
    assert guid(1) in followed.set("mgb2_train").tables["wav.scp"]


def test_a_recording_id_that_leaves_the_corpus_is_a_row_of_the_ledger(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb2")
    id = "../../../etc/passwd_spk-0001_seg-0000000:0000100"
    for file in ("segments.non_overlap_speech", "segments.all"):
        with open(corpus / "dev" / file, "a") as f:
            f.write(f"{id} ../../../etc/passwd 0.00 1.00\n")
    with open(corpus / "dev/text.all", "a") as f:
        f.write(f"{id} hy\n")
    done = prepare("mgb2", corpus, tmp_path / "data")
    assert done.code == 0, done.output
    assert (id, "path leaves the corpus") in done.dropped
    assert len(done.set("mgb2_dev")) == 4


@pytest.mark.parametrize(
    ("file", "raw", "message"),
    [
        ("text.all", "x كلمة\n".encode("cp1256"), "no UTF-8"),
        ("text.all", b"x " + b"b" * (2 << 20) + b"\n", "a line of more than 1 MiB"),
        ("segments.all", b"x y 0.0\n", "not `id recording start end`"),
        ("segments.all", b"x y 0.0 1.0\nx y 0.0 2.0\n", "stands there twice"),
        ("overlap_speech", b"x\0y\n", "a NUL"),
    ],
)
def test_a_table_of_dev_that_cannot_be_read_is_an_error_that_names_it(make_tree, tmp_path, file, raw, message) -> None:
    corpus = make_tree("mgb2")
    (corpus / "dev" / file).write_bytes(raw)
    done = prepare("mgb2", corpus, tmp_path / "data", nj=2)
    assert done.code == 1 and message in done.output and f"dev/{file}" in done.output and "Traceback" not in done.output


def test_a_line_of_200_mb_is_refused_in_little_memory(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb2")
    with open(corpus / "test/text.all", "wb") as f:
        f.write(b"x ")
        f.truncate(200 << 20)  # sparse: NULs to its end
    done = prepare("mgb2", corpus, tmp_path / "data")
    assert done.code == 1 and "a line of more than 1 MiB" in done.output and "Traceback" not in done.output


def test_a_tree_without_the_wanted_script_names_the_other(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb2")
    (corpus / "train/xml/utf8").rename(corpus / "train/other")
    done = prepare("mgb2", corpus, tmp_path / "data")
    assert done.code == 1 and "--transcripts bw" in done.output and "Traceback" not in done.output


def test_a_tree_of_any_size_can_be_made_and_is_prepared_whole(tmp_path) -> None:
    make_large(tmp_path / "x", programmes=3, segments=50)
    done = prepare("mgb2", tmp_path / "x", tmp_path / "data", nj=2)
    assert done.code == 0, done.output
    assert len(done.set("mgb2_train")) == 50 and [reason for _, reason in done.dropped] == ["WMER"] * 10
    assert (
        1500 < sum(path.stat().st_blocks for path in tmp_path.rglob("*")) * 512 < 2 << 20
    )  # 90 min of audio are sparse


def test_another_folder_is_refused_with_what_was_looked_for(tmp_path) -> None:
    write_lines(tmp_path / "x/readme")
    done = prepare("mgb2", tmp_path / "x", tmp_path / "data")
    assert done.code == 1 and "train/xml/*" in done.output and "Traceback" not in done.output
