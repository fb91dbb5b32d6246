"""A set of which rows were read and none can be used is an error that says why; reasons say what is the case."""

import re
import shutil
from pathlib import Path

import pytest
from trees import anad, mgb2, mgb3, sada, speech, write_lines
from trees.broken_tables import make_sada, sada_lines

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.data.corpora.adi5 import named
from toolkit.data.corpora.fleurs import audio_of
from toolkit.data.corpora.segments import CorpusConfig, CorpusSegment, drop
from toolkit.data.corpora.sets import write_sets
from toolkit.data.corpora.sources import SourceError, table_rows

from .conftest import prepare
from .test_lengths_and_channels import noise, write


def test_a_training_set_of_times_with_commas_is_an_error_with_an_example(tmp_path) -> None:
    make_sada(tmp_path / "x", sada_lines({}), "test")
    rows = [line.replace(",seg_", ",s_") for line in sada_lines({})]
    starts = [row.split(",") for row in rows[1:]]
    broken = [",".join([*r[:5], f'"{r[5].replace(".", ",")}"', f'"{r[6].replace(".", ",")}"', *r[7:]]) for r in starts]
    write_lines(tmp_path / "x/train.csv", rows[0], *broken)
    done = prepare("sada", tmp_path / "x", tmp_path / "data")
    assert done.code == 1 and "Traceback" not in done.output
    assert "sada_train: none of its 9 rows can be used: 9 bad row, such as s_1: train.csv, line 2" in done.output
    assert "'1,0' to '2,0'" in done.output


@pytest.mark.parametrize(("of_table", "of_audio", "refused"), [(3, 2, True), (2, 3, False), (0, 3, False)])
def test_a_set_is_refused_if_most_of_its_rows_are_lost_for_what_they_say(tmp_path, of_table, of_audio, refused) -> None:
    write(tmp_path / "a.wav", noise(1, 1))
    step = Step(CorpusConfig(), [tmp_path], tmp_path / "out", ["data.corpora.x"])
    step.out.mkdir()
    for n in range(of_table):
        drop(step, f"t.tsv:{n}", "columns", "no number", "x_train")
    for n in range(of_audio):
        drop(step, f"{n}", "missing", "no such recording", "x_train")
    test = [CorpusSegment("x_test", "a", "a.wav", seconds=1.0, recording_seconds=1.0)]
    if refused:
        with pytest.raises(UserError, match=r"none of its 5 rows can be used: 3 columns, such as t\.tsv:0"):
            write_sets(step, tmp_path, test)
    else:
        write_sets(step, tmp_path, test)


@pytest.mark.parametrize("mark", [";", ",", "|"])
def test_a_table_whose_fields_are_apart_by_another_sign_names_it(tmp_path: Path, mark: str) -> None:
    write_lines(tmp_path / "t.tsv", *(mark.join(row) for row in (("path", "sentence"), ("1.wav", "نعم"))))
    for names in ((), ("path", "sentence", "age")):
        with pytest.raises(SourceError) as e:
            list(table_rows(tmp_path / "t.tsv", names=names, wanted=("path",), bad=lambda e: None))
        assert e.value.reason == "columns" and f"apart by {mark!r}" in e.value.remedy
    write_lines(tmp_path / "t.csv", "sep=,", "path,sentence", "1.wav,نعم")
    with pytest.raises(SourceError) as e:
        list(table_rows(tmp_path / "t.csv", ",", wanted=("path",), bad=lambda e: None))
    assert "Excel" in e.value.remedy


def test_numbers_of_labels_may_be_exported_as_decimals_or_in_arabic_digits() -> None:
    labels = {"a": "1.0", "b": "٥", "c": "3", "d": "GLF", "e": "3.5", "f": "خمسة"}
    wanted = {"a": "EGY", "b": "NOR", "c": "LAV", "d": "GLF", "e": "3.5", "f": "خمسة"}
    assert named(labels, "reference") == wanted


def test_rows_that_share_a_segment_id_are_kept_by_their_lines(tmp_path) -> None:
    lines = [line.replace(f",seg_{n},", ",1E+05,") if n < 4 else line for n, line in enumerate(sada_lines({}))]
    make_sada(tmp_path / "x", [*lines, lines[1], lines[2].replace("نص 2", "نص آخر")])
    done = prepare("sada", tmp_path / "x", tmp_path / "data")
    assert done.code == 0, done.output
    test = done.set("sada_test").tables
    assert sorted(test["text"].values()) == sorted(f"نص {n}" for n in range(1, 10) if n != 2)  # two texts of one place
    assert {"test.csv:2", "test.csv:4", "seg_4"} <= set(test["utt2orig"].values())
    assert sorted(done.dropped) == [
        ("test.csv:11", "duplicate id"),
        ("test.csv:12", "contradicting rows"),
        ("test.csv:3", "contradicting rows"),
    ]
    assert "2 rows share a SegmentID with others, such as 1E+05" in done.output


def test_recordings_under_other_names_than_the_tables_are_said_to_be_there(tmp_path) -> None:
    write(tmp_path / "audio/train/1.wav", noise(1, 1))
    with pytest.raises(UserError, match="none is in the folder of train") as e:
        audio_of(tmp_path, tmp_path / "out", "train", ["2.wav"], False)
    assert e.value.remedy and "it has 1.wav, the table 2.wav" in e.value.remedy
    anad.make(tmp_path / "anad", speech(12))
    write_lines(tmp_path / "anad/ANAD.csv", "name,Emotion", "V١_١ (١),angry")
    done = prepare("anad", tmp_path / "anad", tmp_path / "data")
    assert done.code == 1 and "ANAD.csv has rows such as V١_١ (١) angry; recordings are called" in done.output


def test_rows_that_a_corpus_itself_leaves_out_are_rows_of_their_set_and_all_of_them_an_error(tmp_path) -> None:
    clips = speech(16)
    mgb2.make(tmp_path / "mgb2", clips)
    for path in (tmp_path / "mgb2/train/xml/utf8").glob("*.xml"):
        without = re.sub(r' WMER="[^"]*"', "", path.read_text())
        path.write_text(without.replace("<segment ", '<segment WMER="95" '))
    done = prepare("mgb2", tmp_path / "mgb2", tmp_path / "data", "--evaluated", "all")
    assert done.code == 1 and "mgb2_train: none of its " in done.output and re.search(r": \d+ WMER, ", done.output)
    assert "95 % of its words do not match, more than 80" in done.output and "most_wmer" in done.output
    assert not (tmp_path / "data/shards").exists()  # another most_wmer begins anew, nothing is stale
    again = prepare("mgb2", tmp_path / "mgb2", tmp_path / "data", "--evaluated", "all", "--most_wmer", "100")
    assert again.code == 0, again.output
    mgb3.make(tmp_path / "mgb3", clips)
    write_lines(tmp_path / "mgb3/dev/Omar/text_noverlap", "nobody_0.000_1.000 نعم")
    done = prepare("mgb3", tmp_path / "mgb3", tmp_path / "data3")
    assert done.code == 1 and re.search(r"mgb3_dev: none of its \d rows can be used: \d not in all four", done.output)


def test_a_set_without_its_recordings_is_told_with_its_rows_and_one_without_rows_is_not_here(tmp_path) -> None:
    sada.make(tmp_path / "sada", speech(48))
    for path in (tmp_path / "sada").rglob("*valid*.wav"):
        path.unlink()
    done = prepare("sada", tmp_path / "sada", tmp_path / "data")
    assert done.code == 0, done.output
    told = r"WARNING: sada_dev: \d+ rows were read, none is left: \d+ missing, .*such as .*: no such recording"
    assert re.search(told, done.output), done.output
    mgb3.make(tmp_path / "mgb3", speech(16))
    shutil.rmtree(tmp_path / "mgb3/dev")
    done = prepare("mgb3", tmp_path / "mgb3", tmp_path / "data3")
    assert done.code == 0 and "WARNING: mgb3_dev: nothing of it is here" in done.output


def test_a_corpus_of_which_nothing_is_left_names_the_first_loss_and_the_next_run_begins_anew(tmp_path) -> None:
    for n in range(3):
        write(tmp_path / f"x/{n}.wav", noise(1, n))
    done = prepare("folder", tmp_path / "x", tmp_path / "data", "--limits.min_seconds", "2")
    assert done.code == 1 and "nothing is left of the corpus: 3 too short, such as 0.wav: " in done.output
    again = prepare("folder", tmp_path / "x", tmp_path / "data", "--limits.min_seconds", "0.5")
    assert again.code == 0, again.output


def test_lengths_that_a_table_states_wrongly_of_every_row_name_the_setting_that_does_without_them(tmp_path) -> None:
    sada.make(tmp_path / "sada", speech(48))
    train = tmp_path / "sada/train.csv"
    head, *rows = train.read_text(encoding="utf-8-sig").splitlines()
    place = head.split(",").index("FullFileLength")
    wrong = [",".join([*r[:place], "9999.5", *r[place + 1 :]]) for r in (row.split(",") for row in rows)]
    write_lines(train, head, *wrong)
    done = prepare("sada", tmp_path / "sada", tmp_path / "data")
    assert done.code == 1 and " stated length, " in done.output, done.output
    assert "say `take: {stated_lengths: false}` in conf/data.yaml" in done.output
    again = prepare("sada", tmp_path / "sada", tmp_path / "data", "--take.stated_lengths", "false")
    assert again.code == 0, again.output
