"""Rows that name one thing twice: equal ones count once, differing ones not at all."""

from trees import speech

from toolkit.data.corpora.repeats import CONTRADICTING, Statement, settled

from .conftest import prepare
from .test_commonvoice import language_folder, rows_of, texts


def test_equal_rows_count_once_and_differing_ones_not_at_all() -> None:
    sentences = [("a", "نعم"), ("b", "لا"), ("a", "نعم"), ("b", "ربما"), ("c", "قال"), ("b", "لا")]
    lost: list[tuple[str, str, str]] = []
    rows = [Statement(f"t.tsv:{i}", name, text, i) for i, (name, text) in enumerate(sentences)]
    assert settled(rows, "sentence", lambda *row: lost.append(row), "duplicate path") == [0, 4]
    assert [(where, reason) for where, reason, _ in lost] == [
        ("t.tsv:1", CONTRADICTING),
        ("t.tsv:2", "duplicate path"),
        ("t.tsv:3", CONTRADICTING),
        ("t.tsv:5", CONTRADICTING),
    ]
    assert lost[0][2] == "b: another sentence in t.tsv:3: لا here, ربما there"
    assert lost[2][2] == "b: another sentence in t.tsv:1: ربما here, لا there"


def test_a_clip_with_two_sentences_has_none_and_its_speaker_stays_out_of_train(make_tree, tmp_path) -> None:
    corpus = make_tree("commonvoice", count=24)
    at = language_folder(corpus)
    lines = (at / "test.tsv").read_text(encoding="utf-8").splitlines()
    fields = lines[1].split("\t")
    fields[3] = "جملة أخرى"
    (at / "test.tsv").write_text("\n".join([*lines, "\t".join(fields), ""]), encoding="utf-8")
    made = prepare("commonvoice", corpus, tmp_path / "data", "--validated", "true")
    assert made.code == 0, made.output
    assert fields[1].removesuffix(".mp3") not in texts(made, "commonvoice_test")
    assert [id for id, reason in made.dropped if reason == CONTRADICTING] == [
        "test.tsv:2",
        f"test.tsv:{len(lines) + 1}",
    ]
    of = {row[1] for row in rows_of(at / "validated.tsv") if row[0] == fields[0]}
    assert of and not of & {f"{name}.mp3" for name in texts(made, "commonvoice_train")}


def test_a_recording_that_two_parts_have_stays_in_test(make_tree, tmp_path) -> None:
    corpus = make_tree("fluent_speech_commands", count=8, english=True)
    train, test = ((corpus / f"data/{part}_data.csv") for part in ("train", "test"))
    row = test.read_text().splitlines()[1].split(",", 1)[1]
    train.write_text(f"{train.read_text()}99,{row}\n")
    made = prepare("fluent_speech_commands", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    assert len(made.set("fluent_train")) == len(speech(8, True)) // 2
    assert len(made.set("fluent_test")) == 2
    assert [reason for id, reason in made.dropped if id.startswith("train_data")] == ["duplicate id"]
