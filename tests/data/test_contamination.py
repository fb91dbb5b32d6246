"""What is trained on shares nothing with what is tested, and each utterance that went has a row."""

import json
import math
import os
import subprocess
import sys

import pytest

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.data.checks import inspect
from toolkit.data.contamination import ContaminationConfig, run
from toolkit.data.kaldi import DataDir, write_data_dir

FILLER = "هذا نص طويل بما يكفي رقم"  # six words, then a number


def write_set(folder, rows, **more):
    """A set of utterances that are recordings of their own: id -> (speaker, text[, programme]); 2 s each."""
    ids = list(rows)
    tables = {
        "wav.scp": {id: f"{folder}/{id}.wav" for id in ids},
        "utt2spk": {id: rows[id][0] for id in ids},
        "text": {id: rows[id][1] for id in ids},
        "utt2dur": dict.fromkeys(ids, "2.0"),
    }
    if any(len(row) > 2 for row in rows.values()):
        tables["utt2prog"] = {id: row[2] for id, row in rows.items()}
    write_data_dir(folder, {**tables, **more})
    return folder


def filler(count, speaker="م", first=0):
    """Utterances that share nothing with those of another speaker or number."""
    return {f"{speaker}-{i:04}": (speaker, f"{FILLER} {i}{speaker}") for i in range(first, first + count)}


def clean(ins, out, **config):
    """Run the step in this process, without audio and without a limit unless `config` says another thing."""
    config = {"audio": False, "most": 1.0, **config}
    out.mkdir(exist_ok=True, parents=True)
    step = Step(ContaminationConfig(**config), [*ins], out, ["data.contamination"])
    run(step)
    return {id: (reason, detail) for id, _, reason, detail in step.ledger.rows}


def ids_of(folder):
    return [u.id for u in DataDir.read(folder)]


def pairs_of(out):
    """(train, test, kind) -> its row of contamination.json."""
    tree = json.loads((out / "contamination.json").read_text(encoding="utf-8"))
    return {(row["train"], row["test"], row["kind"]): row for row in tree["pairs"]}


@pytest.mark.parametrize(
    ("kind", "of_train", "of_test"),
    [
        ("speaker", ("سعاد", "كلام آخر تماما هنا"), ("سعاد", "جملة لا يعرفها أحد هناك")),
        ("prompt", ("سعاد", "قال الرجل كلمة واحدة"), ("هند", "قال الرجل كلمة واحدة")),
        ("programme", ("سعاد", "كلام آخر تماما هنا", "حلقة-1"), ("هند", "جملة لا يعرفها أحد هناك", "حلقة-1")),
    ],
)
@pytest.mark.parametrize("test", ["x_dev", "x_test"])
def test_what_a_test_set_shares_is_taken_out_of_train_and_written_down(tmp_path, kind, of_train, of_test, test):
    others = {id: (*row, "p2")[: len(of_train)] for id, row in filler(3).items()}
    write_set(tmp_path / "data/x_train", {**others, "سعاد-1": of_train})
    write_set(tmp_path / f"data/{test}", {f"{of_test[0]}-9": of_test})
    rows = clean([tmp_path / "data"], tmp_path / "out")
    assert [*rows] == ["سعاد-1"]
    reason, detail = rows["سعاد-1"]
    value = {"speaker": "سعاد", "prompt": "قال الرجل كلمه واحده", "programme": "حلقة-1"}[kind]
    assert reason == f"shared {kind}" and detail == f"{kind} {value} is in {test}"
    assert ids_of(tmp_path / "out/x_train") == sorted(others)
    row = pairs_of(tmp_path / "out")["x_train", test, kind]
    assert (row["shared"], row["utterances"], row["outcome"]) == (1, 1, "removed")
    assert math.isclose(row["hours"], 2 / 3600, abs_tol=1e-4) and row["share"] == 0.25


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("قَالَ الرَّجُلُ كَلِمَةً وَاحِدَةً", "قال الرجل كلمة واحدة"),
        ("أكل الولد إلى آخر الطعام", "اكل الولد الى اخر الطعام"),
        ("قــال الرجل كلمة واحدة", "قال الرجل، كلمة واحدة!"),
        ("\ufe91\ufe8e\ufead\ufe8d قال له كلمة", "بارا قال له كلمة"),
        ("\u200fقال الرجل كلمة واحدة", "قال الرجل كلمة\u200e واحدة"),
    ],
)
def test_prompts_are_equal_whatever_their_vowel_signs_alefs_and_forms(tmp_path, one, another):
    write_set(tmp_path / "data/train", {**filler(2), "أ-1": ("أ", one)})
    write_set(tmp_path / "data/test", {"ب-1": ("ب", another)})
    assert {id: row[0] for id, row in clean([tmp_path / "data"], tmp_path / "out").items()} == {"أ-1": "shared prompt"}


def test_prompts_of_few_words_are_counted_and_stay(tmp_path):
    write_set(tmp_path / "data/train", {**filler(2), "أ-1": ("أ", "نعم"), "أ-2": ("أ", "شكرا جزيلا لك")})
    write_set(tmp_path / "data/test", {"ب-1": ("ب", "نَعَمْ"), "ب-2": ("ب", "شكرا جزيلا لك")})
    assert clean([tmp_path / "data"], tmp_path / "out") == {}
    row = pairs_of(tmp_path / "out")["train", "test", "short prompt"]
    assert (row["shared"], row["utterances"], row["outcome"]) == (2, 2, "kept: too short to tell")
    assert [*clean([tmp_path / "data"], tmp_path / "out2", fewest_words=3)] == ["أ-2"]


@pytest.mark.parametrize("label", ["unknown", "UNKNOWN", "spk_unknown", "UNK", "unknown-3", "مجهول", "n_a"])
def test_speakers_that_nobody_knows_are_shared_with_nobody(tmp_path, label):
    write_set(tmp_path / "data/train", {f"{label}-1": (label, f"{FILLER} واحد")})
    write_set(tmp_path / "data/test", {f"{label}-2": (label, f"{FILLER} اثنان")})
    assert clean([tmp_path / "data"], tmp_path / "out") == {}
    assert pairs_of(tmp_path / "out")["train", "test", "speaker"]["outcome"] == "nothing shared"


def test_a_name_with_unknown_inside_a_word_is_a_name(tmp_path):
    write_set(tmp_path / "data/train", {**filler(1), "unkraut-1": ("unkraut", f"{FILLER} واحد")})
    write_set(tmp_path / "data/test", {"unkraut-2": ("unkraut", f"{FILLER} اثنان")})
    assert [*clean([tmp_path / "data"], tmp_path / "out")] == ["unkraut-1"]


@pytest.mark.parametrize(
    ("one", "another"),
    [("3C1A_44_F0", "3c1a-44-f0"), ("Al-Jazeera_News", "al jazeera news"), ("نشرة_الأخبار", "\u200fنشرة-الأخبار")],
)
def test_programmes_of_two_corpora_are_one_whatever_their_case_hyphens_and_hidden_marks(tmp_path, one, another):
    write_set(tmp_path / "a/data/mgb2_train", {**{k: (*v, "p") for k, v in filler(2).items()}, "s-1": ("s", "أ", one)})
    write_set(tmp_path / "b/data/qasr_test", {"t-1": ("t", "ب", another)})
    rows = clean([tmp_path / "a/data", tmp_path / "b/data"], tmp_path / "out")
    assert rows == {"s-1": ("shared programme", f"programme {one} is in qasr_test")}
    assert not (tmp_path / "out/qasr_test").exists()


def test_a_programme_that_is_a_bare_number_is_another_one_in_another_corpus(tmp_path):
    """FLEURS numbers its sentences, Mixat its episodes: 13 of the one is not 13 of the other."""
    text = "جملة لا يعرفها أحد هناك"
    write_set(tmp_path / "fleurs/train", {"أ-1": ("أ", f"{FILLER} واحد", "13"), "أ-2": ("أ", f"{FILLER} اثنان", "14")})
    write_set(tmp_path / "clips/test", {"ب-1": ("ب", text, "13")})
    assert clean([tmp_path / "fleurs", tmp_path / "clips"], tmp_path / "out") == {}
    write_set(tmp_path / "fleurs/dev", {"ج-1": ("ج", f"{text} أبدا", "14")})
    rows = clean([tmp_path / "fleurs", tmp_path / "clips"], tmp_path / "out2")
    assert rows == {"أ-2": ("shared programme", "programme 14 is in dev")}


def test_the_recording_of_a_segment_is_its_programme_where_no_table_says_one(tmp_path):
    for name, rec in (("train", "ABC_1"), ("test", "abc-1")):
        tables = {
            "wav.scp": {rec: f"/{name}.wav", f"{name}2": "/2.wav"},
            "segments": {f"{name}-1": f"{rec} 0 1", f"{name}-2": f"{name}2 0 1"},
            "utt2spk": {f"{name}-1": name, f"{name}-2": name},
            "reco2dur": {rec: "9", f"{name}2": "9"},
        }
        write_data_dir(tmp_path / "data" / name, tables)
    assert [*clean([tmp_path / "data"], tmp_path / "out")] == ["train-1"]
    assert ids_of(tmp_path / "out/train") == ["train-2"]
    assert [*DataDir.read(tmp_path / "out/train").tables["wav.scp"]] == ["train2"]
    row = pairs_of(tmp_path / "out")["train", "test", "prompt"]
    assert row["outcome"] == "not compared: train has no text"


def test_an_id_of_a_speaker_means_a_person_within_a_corpus_only(tmp_path):
    write_set(tmp_path / "a/train", {**filler(2), "s1-1": ("s1", f"{FILLER} واحد")})
    write_set(tmp_path / "b/test", {"s1-9": ("s1", f"{FILLER} اثنان")})
    assert clean([tmp_path / "a", tmp_path / "b"], tmp_path / "out") == {}
    names = {"spk2name": {"م": "فلان", "s1": "Fulan al-Fulani"}}
    write_set(tmp_path / "a/train", {**filler(2), "s1-1": ("s1", f"{FILLER} واحد")}, **names)
    write_set(tmp_path / "b/test", {"t7-9": ("t7", f"{FILLER} اثنان")}, spk2name={"t7": "fulan Al_Fulani"})
    rows = clean([tmp_path / "a", tmp_path / "b"], tmp_path / "out2")
    assert rows == {"s1-1": ("shared speaker", "speaker Fulan al-Fulani is in test")}


def test_the_reason_is_the_strongest_kind_and_the_detail_has_all(tmp_path):
    write_set(tmp_path / "data/train", {**filler(2), "أ-1": ("أ", "قال الرجل كلمة واحدة")})
    write_set(tmp_path / "data/test", {"أ-2": ("أ", "قال الرجل كلمة واحدة")})
    rows = clean([tmp_path / "data"], tmp_path / "out")
    assert rows["أ-1"] == ("shared prompt", "prompt قال الرجل كلمه واحده is in test; speaker أ is in test")


def test_train_sets_may_share_among_themselves_and_test_sets_only_warn(tmp_path, capsys):
    same = ("هند", "قال الرجل كلمة واحدة")
    write_set(tmp_path / "data/a_train", {**filler(2), "هند-1": same})
    write_set(tmp_path / "data/b_train", {**filler(2), "هند-2": same})
    another = ("زيد", "جملة لا يعرفها أحد هناك")
    write_set(tmp_path / "data/dev", {"زيد-1": another})
    write_set(tmp_path / "data/test", {"زيد-2": another})
    assert clean([tmp_path / "data"], tmp_path / "out") == {}
    assert "WARNING: dev and test, both test sets, share 1 prompt" in capsys.readouterr().out
    assert {train for train, _, _ in pairs_of(tmp_path / "out")} == {"a_train", "b_train"}


def test_a_kind_that_is_not_to_be_removed_is_reported_and_stays(tmp_path, capsys):
    write_set(tmp_path / "data/train", {**filler(2), "أ-1": ("أ", "قال الرجل كلمة واحدة")})
    write_set(tmp_path / "data/test", {"ب-2": ("ب", "قال الرجل كلمة واحدة")})
    assert clean([tmp_path / "data"], tmp_path / "out", remove=("speaker", "programme", "audio"), most=0.0) == {}
    assert "1 prompt (1 utterances, 0.00 h, kept: not in --remove)" in capsys.readouterr().out
    assert len(ids_of(tmp_path / "out/train")) == 3


def test_one_in_a_hundred_may_go_and_two_are_refused_until_somebody_allows_it(tmp_path):
    shared = {f"ش-{i}": ("ش", f"قال الرجل كلمة رقم {i}") for i in range(2)}
    write_set(tmp_path / "data/test", {f"ت-{i}": ("ت", text) for i, (_, text) in enumerate(shared.values())})
    write_set(tmp_path / "data/train", {**filler(99), "ش-0": shared["ش-0"]})
    assert [*clean([tmp_path / "data"], tmp_path / "one", most=0.01)] == ["ش-0"]
    write_set(tmp_path / "data/train", {**filler(98), **shared})
    with pytest.raises(UserError) as e:
        clean([tmp_path / "data"], tmp_path / "two", most=0.01)
    assert "train: 2 of 100 utterances (2.00 %): 2 by prompt" in e.value.what
    assert str(tmp_path / "data/train") in e.value.where and "--allow-contamination true" in e.value.remedy
    rows = clean([tmp_path / "data"], tmp_path / "three", most=0.01, allow_contamination=True)
    assert [*rows] == ["ش-0", "ش-1"] and len(ids_of(tmp_path / "three/train")) == 98


def test_a_corpus_of_one_speaker_is_told_how_to_keep_its_utterances(tmp_path):
    write_set(tmp_path / "data/train", filler(5, "نواف"))
    write_set(tmp_path / "data/test", filler(5, "نواف", first=7))
    with pytest.raises(UserError, match="nothing would be left") as e:
        clean([tmp_path / "data"], tmp_path / "out", allow_contamination=True)
    assert '--remove "programme prompt audio"' in e.value.remedy
    rows = clean([tmp_path / "data"], tmp_path / "out", remove=("programme", "prompt", "audio"))
    assert rows == {} and len(ids_of(tmp_path / "out/train")) == 5


def test_copies_are_sound_and_test_sets_are_copied_to_the_byte(tmp_path):
    write_set(
        tmp_path / "data/train", {**filler(3), "أ-1": ("أ", "قال الرجل كلمة واحدة")}, spk2gender={"م": "m", "أ": "f"}
    )
    test = write_set(tmp_path / "data/test", {"ب-1": ("ب", "قال الرجل كلمة واحدة")})
    (test / "text").write_bytes("ب-1\tقال  الرجل كلمة\tواحدة \n".encode())  # not as we would write it
    (test / "stm").write_text("ب 1 ب 0 2 قال\n", encoding="utf-8")
    for name in ("train", "test"):
        ids = ids_of(tmp_path / "data" / name)
        (tmp_path / "data" / name / "phones.ctm").write_text("".join(f"{id} 1 0 1.9 ب\n" for id in ids))
    clean([tmp_path / "data"], tmp_path / "out")
    copied = {p.name: p.read_bytes() for p in (tmp_path / "out/test").iterdir()}
    assert copied == {p.name: p.read_bytes() for p in test.iterdir()} and "stm" in copied
    assert [p.reason for p in inspect(tmp_path / "out/train").problems if p.reason != "missing"] == []
    read = DataDir.read(tmp_path / "out/train")
    assert read.tables["spk2gender"] == {"م": "m"}
    phones = (tmp_path / "out/train/phones.ctm").read_text(encoding="utf-8").split()[::5]
    assert phones == [u.id for u in read]


def test_sets_of_one_name_in_two_inputs_are_told_apart(tmp_path):
    write_set(tmp_path / "a/train", {**filler(2), "أ-1": ("أ", "قال الرجل كلمة واحدة")})
    write_set(tmp_path / "a/test", {"ب-1": ("ب", "جملة لا يعرفها أحد هناك")})
    write_set(tmp_path / "b/test", {"ج-1": ("ج", "قال الرجل كلمة واحدة")})
    rows = clean([tmp_path / "a", tmp_path / "b/test", tmp_path / "a/test"], tmp_path / "out")
    assert rows["أ-1"][1] == f"prompt قال الرجل كلمه واحده is in {tmp_path / 'b/test'}"
    assert ids_of(tmp_path / "out/test") == ["ب-1"]
    assert {test for _, test, _ in pairs_of(tmp_path / "out")} == {str(tmp_path / "a/test"), str(tmp_path / "b/test")}


def test_a_training_set_of_another_input_is_reported_and_not_written(tmp_path, capsys):
    write_set(tmp_path / "a/train", filler(2))
    write_set(tmp_path / "a/test", {"ب-1": ("ب", "قال الرجل كلمة واحدة")})
    write_set(tmp_path / "b/cv_train", {"ج-1": ("ج", "قال الرجل كلمة واحدة")})
    assert clean([tmp_path / "a", tmp_path / "b"], tmp_path / "out", most=0.0) == {}
    assert "WARNING: not of the first --in" in capsys.readouterr().out
    row = pairs_of(tmp_path / "out")["cv_train", "test", "prompt"]
    assert row["outcome"] == "kept: not of the first --in" and not (tmp_path / "out/cv_train").exists()


@pytest.mark.parametrize(
    ("train", "message", "named"),
    [
        (("mgb2_trian",), "no set is called mgb2_trian", "x_test, x_train"),
        (("x_*",), "every set is trained on", "x_test, x_train"),
        (("other_train",), "no set of the first input is trained on", "x_test, x_train"),
    ],
)
def test_names_of_training_sets_that_cannot_be_are_answered_with_those_that_are_there(tmp_path, train, message, named):
    write_set(tmp_path / "data/x_train", filler(2))
    write_set(tmp_path / "data/x_test", filler(2, "ن"))
    write_set(tmp_path / "more/other_train", filler(2, "ت"))
    ins = [tmp_path / "data", *([tmp_path / "more"] if "other" in train[0] else [])]
    with pytest.raises(UserError, match=message) as e:
        clean(ins, tmp_path / "out", train=train)
    assert named in str(e.value)


def test_a_pattern_may_name_several_training_sets(tmp_path):
    for name in ("a", "b"):
        write_set(tmp_path / f"data/{name}_learn", {**filler(2), "أ-1": ("أ", "قال الرجل كلمة واحدة")})
    write_set(tmp_path / "data/train_like", {"ب-1": ("ب", "قال الرجل كلمة واحدة")})
    clean([tmp_path / "data"], tmp_path / "out", train=("?_learn",))
    assert [len(ids_of(tmp_path / f"out/{name}")) for name in ("a_learn", "b_learn", "train_like")] == [2, 2, 1]


@pytest.mark.parametrize("id", ["../../etc", "a/b", "a\x00b", "a\u202eb"])
def test_ids_that_could_leave_their_folder_are_refused_by_name(tmp_path, id):
    write_set(tmp_path / "data/train", filler(2))
    write_set(tmp_path / "data/test", filler(2, "ن"))
    for name in ("wav.scp", "utt2spk", "utt2dur", "text"):
        with open(tmp_path / "data/test" / name, "a", encoding="utf-8") as f:
            f.write(f"{id} 1\n")
    with pytest.raises(UserError) as e:
        clean([tmp_path / "data"], tmp_path / "out")
    assert repr(id) in e.value.what and not (tmp_path / "out/train").exists()


@pytest.mark.parametrize("name", ["log", "shards", "record.json", "contamination.tsv"])
def test_a_set_called_like_a_file_of_the_step_is_refused(tmp_path, name):
    write_set(tmp_path / "data/train", filler(2))
    write_set(tmp_path / "data" / name, filler(2, "ن"))
    with pytest.raises(UserError, match="the step itself uses"):
        clean([tmp_path / "data"], tmp_path / "out")


def test_values_that_would_break_a_table_are_written_on_one_line(tmp_path):
    long = "كلمة " * 50_000 + "\u2028\x85آخر"
    write_set(tmp_path / "data/train", filler(2))
    write_set(tmp_path / "data/test", {"ب-1": ("ب", "x")})
    for name, id in (("train", "م-0000"), ("test", "ب-1")):
        text = "".join(f"{i} {long if i == id else FILLER + i}\n" for i in ids_of(tmp_path / "data" / name))
        (tmp_path / "data" / name / "text").write_text(text, encoding="utf-8")
    rows = clean([tmp_path / "data"], tmp_path / "out")
    assert [*rows] == ["م-0000"] and len(rows["م-0000"][1]) < 200
    table = (tmp_path / "out/contamination.tsv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 6 and {line.count("\t") for line in table} == {8}


def call(*words, nj=1):
    env = {**os.environ, "SAWT_NJ": str(nj), "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, "-m", "toolkit.data.contamination", *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", env=env)


def test_the_remedy_of_a_refusal_works_in_the_same_folder(tmp_path):
    write_set(tmp_path / "data/train", {**filler(9), "أ-1": ("أ", "قال الرجل كلمة واحدة")})
    write_set(tmp_path / "data/test", {"ب-1": ("ب", "قال الرجل كلمة واحدة")})
    words = ["--in", tmp_path / "data", "--out", tmp_path / "out"]
    refused = call(*words)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr, refused.stderr
    assert "--allow-contamination true" in refused.stderr and not (tmp_path / "out/train").exists()
    table = (tmp_path / "out/log/contamination.tsv").read_text(encoding="utf-8")
    assert "قال الرجل كلمه واحده" in table
    allowed = call(*words, "--allow-contamination", "true")
    assert allowed.returncode == 0, allowed.stderr
    assert len(ids_of(tmp_path / "out/train")) == 9
    assert call(*words, "--allow-contamination", "true").stdout.endswith("nothing to do\n")
    again = call(*words)
    assert again.stdout.endswith("nothing to do\n"), (
        "leave to go on is asked once: what is made is the same\n" + again.stderr
    )


def test_what_a_training_set_lacks_is_said_once_not_beside_every_test_set(tmp_path):
    write_set(tmp_path / "data/train", filler(9))
    (tmp_path / "data/train/text").unlink()
    for name, first in (("dev", 10), ("test", 20), ("test_far", 30)):
        write_set(tmp_path / "data" / name, filler(4, f"م{first}", first=first))
    output = call("--in", tmp_path / "data", "--out", tmp_path / "out").stdout
    assert output.count("prompt") == 1 and "prompt (it has no text)" in output, output


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(tmp_path):
    write_set(tmp_path / "data/train", filler(1))
    ended = call("--in", tmp_path / "data", "--out", tmp_path / "out", "--remove", "speakers")
    assert ended.returncode == 1 and "programme, prompt, audio, speaker" in ended.stderr
