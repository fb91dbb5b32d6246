"""What a folder of recordings could lose without a word is told: in a row, a warning or an error."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from trees import broken_tables

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.data.corpora.folder import FolderConfig, prepare
from toolkit.data.kaldi import DataDir

SETS = ("train", "dev", "test")


def prepared(root, out):
    """Run the step in this process; (reasons of the ledger by id, counts)."""
    step = Step(FolderConfig(), [root], out, ["data.corpora.folder"])
    out.mkdir(parents=True)
    prepare(step)
    return {row[0]: row[2] for row in step.ledger.rows}, step.counts


@pytest.fixture
def nobody():
    """A folder of one's own and no rights beyond it: root could read everything."""
    root = os.geteuid() == 0
    np.random.default_rng(0)  # numpy loads modules here, which a user without rights may not read
    with tempfile.TemporaryDirectory() as folder:
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        yield Path(folder)
        if root:
            os.seteuid(0)


def test_what_may_not_be_read_gets_a_row(nobody, make_noise):
    root = nobody / "corpus"
    for s in range(7):
        (root / f"متحدث {s}").mkdir(parents=True)
        soundfile.write(root / f"متحدث {s}/a.wav", make_noise(2, seed=s), 16000)
    (root / "متحدث 3/a.wav").chmod(0)
    (root / "متحدث 4").chmod(0)
    (root / "متحدث 5").chmod(0o444)  # its names can be read, and nothing else
    dropped, counts = prepared(root, nobody / "out")
    assert dropped == {
        "متحدث 3/a.wav": "unreadable",
        "متحدث 4": "unreadable folder",
        "متحدث 5/a.wav": "unreadable",
    }
    assert counts["recordings_kept"] == 4


@pytest.mark.parametrize("name", ["سطر\nجديد", os.fsdecode(b"\xe3\xd1")])
def test_a_corpus_path_that_no_table_can_hold_is_refused_before_anything_is_decoded(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="no table can hold"):
        prepared(tmp_path / name, tmp_path / "out")


def test_small_sets_are_warned_of(corpus, tmp_path, capsys):
    for s in range(3):
        corpus(f"{s}/a.wav")
    prepared(corpus.root, tmp_path / "out")
    output = capsys.readouterr().out
    for name in SETS:
        assert f"WARNING: {name}: 1 speakers, 1 utterances, 33 % of the audio" in output


def test_labels_that_differ_only_in_case_and_labels_that_are_changed_are_told(corpus, tmp_path, capsys):
    rows = ["path\tdialect\n"]
    for i, label in enumerate(("ALG", "alg", "Alg", "../مصري", "مصري قاهري")):
        corpus(f"{i}.wav")
        rows.append(f"{i}.wav\t{label}\n")
    (corpus.root / "t.tsv").write_text("".join(rows), encoding="utf-8")
    prepared(corpus.root, tmp_path / "out")
    output = [line for line in capsys.readouterr().out.splitlines() if line.startswith("WARNING: dialect")]
    assert output == [
        "WARNING: dialect: ALG, Alg, alg differ only in case and stay apart",
        "WARNING: dialect: '../مصري' is written مصري",
    ]
    labels = {v for s in SETS for v in DataDir.read(tmp_path / "out" / s).tables["utt2lang"].values()}
    assert labels == {"ALG", "alg", "Alg", "مصري", "مصري_قاهري"}


def test_what_is_no_audio_is_called_what_it_is(corpus, tmp_path, capfd):
    for s in range(3):
        corpus(f"{s}/a.wav")
    (corpus.root / "صفحة.mp3").write_text("<!DOCTYPE html><p>غير موجود</p>" * 50, encoding="utf-8")
    (corpus.root / "zeros.mp3").write_bytes(bytes(5000))
    step = Step(FolderConfig(), [corpus.root], tmp_path, ["data.corpora.folder"])
    prepare(step)
    assert [row[2:] for row in step.ledger.rows] == [
        ("unreadable", "zeros, no audio"),
        ("unreadable", "a page of HTML, no audio"),
    ]
    assert "mpg123" not in (output := capfd.readouterr().err) and "MPEG" not in output


@pytest.mark.parametrize("keep", [False, True])
def test_a_recording_whose_row_is_broken_is_not_used_and_no_speaker_is_in_two_sets(tmp_path, keep):
    """Without its row its speaker would be the name of the folder, which is that of all recordings."""
    path = broken_tables.make_folder(tmp_path / "corpus")
    broken_tables.break_field(path, 2, 2)
    lines = path.read_text(encoding="utf-8").splitlines()
    fields = {4: lines[4].split("\t"), 5: lines[5].split("\t")}
    lines[4], lines[5] = "\t".join(fields[4][:3]), "\t".join([fields[5][0], "زائد", *fields[5][1:]])
    path.write_bytes("\n".join(lines).encode() + b"\nclips/00.mp3\t\xe3\t\t")
    step = Step(FolderConfig(keep_untranscribed=keep), [tmp_path / "corpus"], tmp_path / "out", ["data.corpora.folder"])
    prepare(step)
    reasons = {row[0]: row[2] for row in step.ledger.rows}
    gone = {"clips/00.wav": "malformed row", "clips/02.wav": "malformed row", "clips/03.wav": "malformed row"}
    assert reasons == {**gone, **{f"t.tsv:{n}": "malformed row" for n in (2, 3, 5, 6)}, "t.tsv:15": "encoding"}
    sets = [DataDir.read(tmp_path / "out" / name).tables for name in SETS]
    speakers = [set(tables["utt2spk"].values()) for tables in sets]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 6
    assert set.union(*speakers) == {f"متكلم_{n}" for n in range(6)} and sum(len(t["text"]) for t in sets) == 9


def test_a_mark_that_nobody_sees_makes_no_second_speaker_label_or_gender(tmp_path):
    path = broken_tables.make_folder(tmp_path / "corpus")
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    hidden = [line.replace("\tمتكلم", "\t\u200fمتكلم\u2066").replace("EGY", "E\u200eGY") for line in lines[:6]]
    rows = [f"{head}\tgender", *(f"{line}\t\u202bmale" for line in hidden), *(f"{line}\tmale" for line in lines[6:])]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    prepared(tmp_path / "corpus", tmp_path / "out")
    sets = [DataDir.read(tmp_path / "out" / name).tables for name in SETS]
    speakers = {speaker for tables in sets for speaker in tables["utt2spk"].values()}
    assert speakers == {f"متكلم_{n}" for n in range(6)}
    assert {label for tables in sets for label in tables["utt2lang"].values()} == {"EGY"}
    assert {k: v for tables in sets for k, v in tables["spk2gender"].items()} == dict.fromkeys(speakers, "m")


def of_table(corpus, tmp_path, header, rows):
    """Run the step on recordings 0.wav, 1.wav ... with these rows; the tables of the sets and the ledger."""
    for i in range(len(rows)):
        corpus(f"{i}.wav")
    lines = [f"path\t{header}", *(f"{i}.wav\t{row}" for i, row in enumerate(rows))]
    (corpus.root / "t.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    step = Step(FolderConfig(), [corpus.root], tmp_path / "out", ["data.corpora.folder"])
    prepare(step)
    tables = [DataDir.read(tmp_path / "out" / name).tables for name in SETS]
    return tables, {row[0]: row[2] for row in step.ledger.rows}


def test_a_recording_whose_rows_contradict_is_not_used(corpus, tmp_path):
    rows = [f"نعم\tمتكلم {i % 4}" for i in range(8)]
    for i in range(8):
        corpus(f"{i}.wav")
    lines = ["path\ttext\tspeaker", *(f"{i}.wav\t{row}" for i, row in enumerate(rows))]
    lines += ["1.wav\tنعم\tمتكلم 2", "2.wav\tلا\tمتكلم 2", "3.wav\tنعم\tمتكلم 3"]
    (corpus.root / "t.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    step = Step(FolderConfig(), [corpus.root], tmp_path / "out", ["data.corpora.folder"])
    prepare(step)
    reasons = {row[0]: row[2] for row in step.ledger.rows}
    contradicting = ["1.wav", "2.wav", "t.tsv:3", "t.tsv:4", "t.tsv:10", "t.tsv:11"]
    assert reasons == {**dict.fromkeys(contradicting, "contradiction"), "t.tsv:12": "duplicate row"}
    kept = {v for name in SETS for v in DataDir.read(tmp_path / "out" / name).tables["utt2orig"].values()}
    assert kept == {f"{i}.wav" for i in (0, 3, 4, 5, 6, 7)}


def test_words_that_say_a_name_is_not_known_are_no_class_and_no_speaker(corpus, tmp_path):
    words = ["nan", "NaN", "N/A", "-", "غير معروف", "UNKNOWN", "?"]
    tables, dropped = of_table(corpus, tmp_path, "speaker\tdialect", [*(f"{w}\t{w}" for w in words), "سعاد\tمصري"])
    assert not dropped
    assert {label for t in tables for label in t["utt2lang"].values()} == {"unknown", "مصري"}
    assert {s for t in tables for s in t["utt2spk"].values()} == {*map(str, range(len(words))), "سعاد"}


def test_recordings_without_a_speaker_are_counted_where_others_have_one(corpus, tmp_path, capsys):
    of_table(corpus, tmp_path, "speaker\tdialect", [("" if i % 2 else f"متكلم {i % 4}") + "\tEGY" for i in range(12)])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "who speaks" in line]
    assert line.startswith("WARNING: 6 of 12 recordings, such as 1.wav: no table or folder says who speaks")


def test_speakers_that_may_be_one_and_genders_that_contradict_are_told(corpus, tmp_path, capsys):
    names = ["3", "3.0", "03", "٣", "Ali", "ali", "محمد علي", "محمد_علي", "سعاد", "سعاد", "13"]
    genders = ["m"] * 8 + ["f", "ذكر", ""]
    rows = [f"{name}\t{gender}" for name, gender in zip(names, genders, strict=True)]
    tables, _ = of_table(corpus, tmp_path, "speaker\tgender", rows)
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("WARNING: sp", "WARNING: ge"))]
    assert told == [
        "WARNING: speaker: Ali, ali differ only in case and stay apart",
        "WARNING: speaker: محمد علي, محمد_علي differ only in case, space, _ or - and stay apart",
        "WARNING: speaker: 03, 3, 3.0, ٣ are one number and stay apart",
        "WARNING: gender: 1 speakers are m in one place and f in another, and get none: سعاد",
    ]
    assert sorted(s for t in tables for s in set(t["utt2spk"].values()) - set(t.get("spk2gender", ()))) == [
        "13",
        "سعاد",
    ]


def test_recordings_of_the_same_bytes_with_two_texts_all_go_and_with_one_text_one_stays(tmp_path, make_noise):
    root = tmp_path / "corpus"
    (root / "a").mkdir(parents=True)
    for n, seed in enumerate((1, 1, 2, 2, 3, 4, 5)):
        soundfile.write(root / f"a/{n}.wav", make_noise(2, seed=seed), 16000)
    texts = ["نعم يا أخي", "لا يا أخي", "مرحبا بك", "مرحبا بك", *["كيف حالك"] * 3]
    rows = [f"a/{n}.wav\t{text}\tمتحدث{n // 2}" for n, text in enumerate(texts)]
    (root / "t.tsv").write_text("\n".join(["path\ttext\tspeaker", *rows, ""]))
    step = Step(FolderConfig(), [root], tmp_path / "out", ["data.corpora.folder"])
    step.out.mkdir()
    prepare(step)
    assert [(row[0], row[2], row[3]) for row in sorted(step.ledger.rows)] == [
        ("a/0.wav", "contradiction", "the same bytes as a/1.wav: one text in line 2, another in line 3 of the table"),
        ("a/1.wav", "contradiction", "the same bytes as a/0.wav: one text in line 2, another in line 3 of the table"),
        ("a/3.wav", "duplicate", "the same bytes as a/2.wav"),
    ]
