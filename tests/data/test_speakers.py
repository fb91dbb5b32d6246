"""Two corpora that both have a speaker s1: nobody becomes one person with somebody of another corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from toolkit.core.config import build
from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data import by_speaker, contamination, edit, mix, sample
from toolkit.data.checks import inspect
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.data.provenance import corpora_of


def write_set(folder: Path, utterances: Sequence[str], segments: bool = False) -> Path:
    """A data directory of utterances `speaker-number`, with phones and genders (s1 is f in b, else m)."""
    folder.mkdir(parents=True, exist_ok=True)
    speakers = {id: id.partition("-")[0] for id in utterances}
    recordings = {f"{folder.name}-{id}" if segments else id: id for id in utterances}
    for rec in recordings:
        (folder.parent / f"{rec}.wav").touch()
    tables: dict[str, dict[str, str]] = {
        "wav.scp": {rec: str(folder.parent / f"{rec}.wav") for rec in recordings},
        "reco2dur": dict.fromkeys(recordings, "2"),
        "utt2dur": dict.fromkeys(utterances, "2"),
        "utt2spk": speakers,
        "text": {id: f"قال {id} في {folder.name} كلمة واحدة" for id in utterances},
        "spk2gender": {s: "f" if s == "s1" and folder.name.startswith("b") else "m" for s in speakers.values()},
    }
    if segments:
        tables["segments"] = {id: f"{rec} 0 2" for rec, id in recordings.items()}
    write_data_dir(folder, tables)
    lines = (f"{id} 1 0 1 ب\n{id} 1 1 1 {folder.name}\n" for id in utterances)
    (folder / "phones.ctm").write_text("".join(lines), encoding="utf-8")
    return folder


def made_by(folder: Path, step: str, *ins: str, **config: object) -> None:
    """The record of a finished step at `folder`, its inputs by their paths from the working directory."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [step, "--in", *ins, "--out", str(folder)]
    parts = {"command": json.dumps(command)}
    write_json(folder / "record.json", {"state": "done", "id": "0", "parts": parts, "config": config})


def run(module: object, out: str, ins: Sequence[str], **fields: object) -> Step:
    name = module.__name__.removeprefix("toolkit.")
    configs = {"edit": edit.EditConfig, "mix": mix.MixConfig, "sample": sample.SampleConfig}
    configs |= {"by_speaker": by_speaker.BySpeakerConfig, "contamination": contamination.ContaminationConfig}
    config = build(configs[name.rpartition(".")[2]], fields, name)
    step = Step(config, [Path(p) for p in ins], Path(out), [name], ledger=Ledger(name))
    module.run(step)
    return step


def speakers(folder: str) -> dict[str, str]:
    return DataDir.read(folder).tables["utt2spk"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def two(here: Path) -> Path:
    """Two corpora of known names, with s1 and s2 in the one and s1 and s3 in the other; s1 is in a test set too."""
    write_set(Path("dump/mgb2/a_train"), ["s1-01", "s2-01"])
    write_set(Path("dump/mgb2/a_dev"), ["s4-01"])
    write_set(Path("dump/mgb2/a_test"), ["s1-07"])
    write_set(Path("dump/qasr/b_train"), ["s1-01", "s3-01"], segments=True)
    made_by(Path("dump/mgb2"), "data.corpora.mgb2", "/data/mgb2")
    made_by(Path("dump/qasr"), "data.corpora.qasr", "/data/qasr")
    return here


def test_mix_tells_a_speaker_of_two_corpora_apart_and_calls_a_person_alike_in_all_sets(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    step = run(mix, "data", ["dump/mgb2", "dump/qasr"])
    assert speakers("data/train") == {
        "mgb2_s1-01": "mgb2_s1",
        "s2-01": "s2",
        "qasr_s1-01": "qasr_s1",
        "s3-01": "s3",
    }
    assert speakers("data/a_test") == {"mgb2_s1-07": "mgb2_s1"} and speakers("data/dev") == {"s4-01": "s4"}
    train = DataDir.read("data/train")
    assert train.tables["spk2gender"] == {"mgb2_s1": "m", "qasr_s1": "f", "s2": "m", "s3": "m"}
    assert train.tables["text"]["qasr_s1-01"] == "قال s1-01 في b_train كلمة واحدة"
    phones = [line.split() for line in Path("data/train/phones.ctm").read_text(encoding="utf-8").splitlines()]
    assert [row[4] for row in phones if row[0] == "mgb2_s1-01"] == ["ب", "a_train"]
    assert [row[4] for row in phones if row[0] == "qasr_s1-01"] == ["ب", "b_train"]
    for name in ("train", "dev", "a_train", "a_test", "b_train"):
        assert inspect(Path("data", name), looks=0).problems == [], name
    assert step.counts["speakers_told_apart"] == 1
    assert "told apart: s1 is mgb2_s1 and qasr_s1" in capsys.readouterr().out


def test_a_speaker_of_train_and_test_of_one_corpus_is_still_found_after_mixing_and_nobody_else(two: Path) -> None:
    run(mix, "data", ["dump/mgb2", "dump/qasr"])
    step = run(contamination, "sets", ["data"], train=["train", "*_train"], audio=False, most=1.0, remove=["speaker"])
    assert {(row[0], row[2]) for row in step.ledger.rows} == {("mgb2_s1-01", "shared speaker")}


def test_combine_does_the_same_of_two_data_directories(two: Path) -> None:
    run(edit, "both", ["dump/mgb2/a_train", "dump/qasr/b_train"], action="combine")
    assert {*speakers("both").values()} == {"mgb2_s1", "s2", "qasr_s1", "s3"}
    assert inspect(Path("both"), looks=0).problems == []


def test_a_sample_and_sets_of_speakers_tell_them_apart_too(here: Path) -> None:
    for corpus, name in (("mgb2", "a_train"), ("qasr", "b_train")):
        write_set(Path(f"dump/{corpus}/{name}"), [f"s1-{i:02}" for i in range(12)], segments=True)
        made_by(Path(f"dump/{corpus}"), f"data.corpora.{corpus}", f"/data/{corpus}")
    run(sample, "drawn", ["dump/mgb2", "dump/qasr"])
    assert {*speakers("drawn").values()} == {"mgb2_s1", "qasr_s1"} and len(speakers("drawn")) == 24
    run(by_speaker, "sid", ["dump/mgb2", "dump/qasr"])
    assert {*speakers("sid/sid_test").values()} == {"mgb2_s1", "qasr_s1"}


def test_parts_of_one_corpus_share_their_speakers_whether_of_one_output_or_of_two(here: Path) -> None:
    write_set(Path("one/a_train"), ["s1-01"])
    write_set(Path("one/a_more_train"), ["s1-02"])
    write_set(Path("two/c_train"), ["s1-03"])
    write_set(Path("two/b_dev"), ["s9-03"])
    for name in ("one", "two"):
        made_by(Path(name), "data.corpora.librispeech", f"/data/{name}")
    step = run(mix, "data", ["one", "two"], speakers="by_corpus")
    assert speakers("data/train") == {"s1-01": "s1", "s1-02": "s1", "s1-03": "s1"}
    assert "speakers_told_apart" not in step.counts


@pytest.mark.parametrize("module", [edit, mix, sample, by_speaker])
def test_speakers_of_sets_that_no_record_tells_apart_are_refused_by_name_with_both_ways_out(
    here: Path, module: object
) -> None:
    write_set(Path("x/a_train"), ["s1-01", "s2-01"])
    write_set(Path("y/b_train"), ["s1-02", "s3-01"])
    write_set(Path("y/b_dev"), ["s9-03"])
    ins = ["x/a_train", "y/b_train"] if module in (edit, by_speaker) else ["x", "y"]
    fields = {"action": "combine"} if module is edit else {}
    with pytest.raises(UserError) as refused:
        run(module, "out", ins, **fields)
    assert refused.value.what.endswith("of one corpus or of several: s1 (a_train, b_train)")
    assert "--speakers same" in refused.value.remedy and "--speakers apart" in refused.value.remedy
    assert not Path("out").exists()


def test_whoever_says_so_has_one_person_or_two(here: Path) -> None:
    write_set(Path("x/a_train"), ["s1-01"])
    write_set(Path("x/a_dev"), ["s1-03"])
    write_set(Path("y/b_train"), ["s1-02"])
    run(mix, "same", ["x", "y"], speakers="same", train=["a_train"], dev=["a_dev"])
    assert speakers("same/train") == {"s1-01": "s1"} and speakers("same/b_train") == {"s1-02": "s1"}
    run(mix, "apart", ["x", "y"], speakers="apart")
    assert speakers("apart/train") == {"x_s1-01": "x_s1", "y_s1-02": "y_s1"}
    assert speakers("apart/dev") == {"x_s1-03": "x_s1"}  # of the same input


def test_parts_that_were_split_from_one_folder_are_one_corpus_though_nobody_knows_which(here: Path) -> None:
    write_set(Path("mine"), ["s1-01", "s1-02"])
    write_set(Path("p/train"), ["s1-01"])
    write_set(Path("q"), ["s1-02"])
    made_by(Path("p"), "data.edit", "mine", action="split")
    made_by(Path("q"), "data.edit", "mine", action="subset")
    run(edit, "both", ["p/train", "q"], action="combine")
    assert speakers("both") == {"s1-01": "s1", "s1-02": "s1"}


@pytest.mark.parametrize("rule", ["by_corpus", "apart"])
@pytest.mark.parametrize("word", ["unknown", "غير_معروف"])
def test_a_speaker_whom_nobody_knows_stays_so_and_is_nobody_of_two_corpora(here: Path, word: str, rule: str) -> None:
    write_set(Path("x/train"), [f"{word}-01", f"{word}-02"])
    write_set(Path("y/train"), [f"{word}-02", f"{word}-03"])
    Path("y/train/spk2gender").write_text(f"{word} f\n", encoding="utf-8")
    run(edit, "both", ["x/train", "y/train"], action="combine", speakers=rule)
    ids = {f"{word}-01", f"{word}-x_{word}-02", f"{word}-y_{word}-02", f"{word}-03"}  # as two corpora have the second
    assert speakers("both") == dict.fromkeys(ids, word)
    data = DataDir.read("both")
    assert data.tables["text"][f"{word}-y_{word}-02"] == f"قال {word}-02 في train كلمة واحدة"
    assert not data.tables.get("spk2gender") and "spk2orig" not in data.tables  # m in the one and f in the other
    assert [p.reason for p in inspect(Path("both"), looks=0).problems if p.level == "error"] == []


def test_sets_of_speakers_have_no_class_of_those_whom_nobody_knows(here: Path) -> None:
    for name in ("x", "y"):
        write_set(Path(name, "train"), [f"{s}-{name}{i:02}" for s in ("unknown", f"{name}1") for i in range(10)])
    step = run(by_speaker, "sid", ["x", "y"])
    assert {*speakers("sid/sid_train").values()} == {"x1", "y1"}
    assert [row[0::2] for row in step.ledger.rows] == [("unknown", "speaker not known")]
    assert step.counts["utterances_of_unknown_speakers"] == 20


def test_a_person_who_was_told_apart_is_still_found_in_a_test_set_that_was_not_there(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for corpus in "AB":
        write_set(Path(corpus, "data/train"), ["s1-01", f"s{corpus}-01"])
    write_set(Path("sets/test"), ["s1-07", "s9-01"])
    run(edit, "sets/train", ["A/data/train", "B/data/train"], action="combine", speakers="apart")
    assert DataDir.read("sets/train").tables["spk2orig"] == {"A_s1": "s1", "B_s1": "s1"}
    step = run(contamination, "clean", ["sets"], audio=False, most=1.0, remove=["speaker"])
    assert {row[0] for row in step.ledger.rows} == {"A_s1-01", "B_s1-01"}  # one of them is in the test set
    warning = "WARNING: of speakers who were told apart, nothing tells which has kept its id elsewhere"
    assert f"{warning}: s1 may be A_s1 or B_s1" in capsys.readouterr().out


def test_sets_of_one_name_are_drawn_from_under_the_names_of_their_folders(here: Path) -> None:
    for corpus in "AB":
        write_set(Path(corpus, "data/train"), ["s1-01", f"{corpus}2-01"], segments=True)
    step = run(sample, "drawn", ["A/data", "B/data"], speakers="apart")
    assert {*speakers("drawn").values()} == {"A_s1", "A2", "B_s1", "B2"}
    corpora = DataDir.read("drawn").tables["utt2corpus"]
    assert {speakers("drawn")[id]: corpus for id, corpus in corpora.items()} == {
        "A_s1": "A_train",
        "A2": "A_train",
        "B_s1": "B_train",
        "B2": "B_train",
    }
    recordings = {rec for rec in DataDir.read("drawn").tables["wav.scp"] if "s1" in rec}
    assert recordings == {"A_train-train-s1-01", "B_train-train-s1-01"}
    assert inspect(Path("drawn"), looks=0).problems == [] and step.counts["utterances"] == 4


def test_a_sample_tells_its_speakers_from_those_of_another_inputs_test_set(here: Path) -> None:
    write_set(Path("A/a_train"), ["s1-01", "s4-01"])
    write_set(Path("B/b_train"), ["s2-01"])
    write_set(Path("B/b_test"), ["s4-07"])
    run(sample, "drawn", ["A", "B"], speakers="apart")
    assert {*speakers("drawn").values()} == {"s1", "A_s4", "s2"}


def test_ids_of_speakers_told_apart_do_not_depend_on_where_their_corpora_lie(here: Path) -> None:
    made = []
    for place in ("one", "two/deeper"):
        for corpus in "AB":
            write_set(Path(place, corpus, "data/train"), ["s1-01"])
        ins = [f"{place}/{corpus}/data/train" for corpus in "AB"]
        run(edit, f"{place}/both", ins, action="combine", speakers="apart")
        made.append(speakers(f"{place}/both"))
    assert made == [{"A_s1-01": "A_s1", "B_s1-01": "B_s1"}] * 2


def test_sets_of_two_roles_in_one_folder_are_one_corpus_also_when_inputs_are_told_apart(here: Path) -> None:
    for name, number in (("A/train", "01"), ("A/test", "07"), ("B/b_train", "02"), ("B/c_train", "03")):
        write_set(Path(name), [f"s1-{number}"])
    run(edit, "all", ["A/train", "A/test", "B/b_train", "B/c_train"], action="combine", speakers="apart")
    assert speakers("all") == {"A_s1-01": "A_s1", "A_s1-07": "A_s1", "b_s1-02": "b_s1", "c_s1-03": "c_s1"}


@pytest.mark.parametrize(
    ("one", "another"),
    [("train_egy", "train_lev"), ("train-clean-100", "test-other"), ("train", "train_2"), ("k_train_a", "k_train_b")],
)
def test_names_that_differ_behind_their_role_may_be_of_one_corpus_or_two_and_are_refused(
    here: Path, one: str, another: str
) -> None:
    ins = [str(write_set(Path("x", name), [f"s1-{i}", f"unknown-{i}"])) for i, name in enumerate((one, another))]
    for rule in ("by_corpus", "apart"):  # the first does not send its user to the second, which refuses too
        with pytest.raises(UserError) as refused:
            run(edit, "out", ins, action="combine", speakers=rule)
        assert refused.value.what.endswith(f"of one corpus or of several: s1 ({one}, {another})")
        assert "--speakers same" in refused.value.remedy and "rename the folders" in refused.value.remedy
    run(edit, "same", ins, action="combine", speakers="same")
    assert speakers("same") == {"s1-0": "s1", "s1-1": "s1", "unknown-0": "unknown", "unknown-1": "unknown"}
    for name in (one, another):
        Path("x", name).rename(Path("x", name[-1] + "_train"))
    ins = [f"x/{name[-1]}_train" for name in (one, another)]
    run(edit, "apart", ins, action="combine", speakers="apart")
    assert {speaker for id, speaker in speakers("apart").items() if "s1" in id} == {
        f"{name[-1]}_s1" for name in (one, another)
    }


def test_names_that_differ_behind_their_role_are_one_corpus_if_a_record_or_the_rest_tells_it(here: Path) -> None:
    for i, name in enumerate(("train-clean-100", "train-other-500")):
        write_set(Path("libri", name), [f"s1-{i}"])
    made_by(Path("libri"), "data.corpora.librispeech", "/data/libri")
    run(edit, "libri960", ["libri/train-clean-100", "libri/train-other-500"], action="combine", speakers="apart")
    assert speakers("libri960") == {"s1-0": "s1", "s1-1": "s1"}
    for i, name in enumerate(("training_egy", "test_egy")):
        write_set(Path("x", name), [f"s1-{i}"])
    run(edit, "egy", ["x/training_egy", "x/test_egy"], action="combine", speakers="apart")
    assert speakers("egy") == {"s1-0": "s1", "s1-1": "s1"}


def test_the_corpora_of_a_set_are_told_by_the_records_of_all_steps_between(two: Path) -> None:
    write_set(Path("dump/own/own_train"), ["s8-01"])
    made_by(Path("dump/own"), "data.corpora.folder", "/data/own")
    made_by(Path("dump/sets"), "data.contamination", "dump/mgb2", "dump/qasr", train=["*train*"])
    write_set(Path("dump/sets/a_train"), ["s1-01"])
    made_by(Path("data"), "data.mix", "dump/sets", "dump/own", train=["*train*"], dev=["a_dev"])
    write_set(Path("data/train"), ["s1-01"])
    made_by(Path("drawn"), "data.sample", "dump/mgb2", "dump/qasr", sets=["b_*"])
    write_set(Path("drawn"), ["s1-01"])
    write_set(Path("bare"), ["s1-01"])
    assert corpora_of(Path("dump/mgb2/a_test")) == {"mgb2"}
    assert corpora_of(Path("dump/sets/a_train")) == {"mgb2"}  # qasr was only compared with
    assert corpora_of(Path("data/train")) == {"mgb2", "/data/own"}
    assert corpora_of(Path("drawn")) == {"qasr"}
    assert corpora_of(Path("bare")) == {str(two / "bare")}
