"""Subsets, combinations and splits of data directories."""

import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.core.record import read_record
from toolkit.data import edit
from toolkit.data.checks import inspect
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.data.provenance import limits_of


def data_dir(folder, speakers=10, per_speaker=6, prefix="م", cut=True):
    """Speakers with a recording each (or a recording per utterance), labels in turn; every length differs."""
    utts = [(f"{prefix}{s:02}", f"{prefix}{s:02}-{u}") for s in range(speakers) for u in range(per_speaker)]
    tables = {
        "utt2spk": {u: s for s, u in utts},
        "text": {u: f"نص {i}" for i, (_, u) in enumerate(utts)},
        "utt2lang": {u: ("EGY", "ALG", "MSA")[i % 3] for i, (_, u) in enumerate(utts)},
        "utt2dur": {u: f"{1 + i % 7}" for i, (_, u) in enumerate(utts)},
        "spk2gender": {s: "m" for s, _ in utts},
    }
    audio = {
        name: str(folder.parent / f"{name}.wav") for name in [*dict.fromkeys(s for s, _ in utts), *(u for _, u in utts)]
    }
    for path in audio.values():
        Path(path).touch()
    if cut:
        tables["wav.scp"] = {s: audio[s] for s, _ in utts}
        tables["reco2dur"] = {s: "1000" for s, _ in utts}
        tables["segments"] = {u: f"{s} {i} {i + 1 + i % 7}" for i, (s, u) in enumerate(utts)}
    else:
        tables["wav.scp"] = {u: audio[u] for _, u in utts}
        tables["reco2dur"] = tables["utt2dur"]
    write_data_dir(folder, tables)
    (folder / "phones.ctm").write_text("".join(f"{u} 1 0 .1 a\n{u} 1 .1 .1 b\n" for _, u in utts))
    return DataDir.read(folder)


def call(*words):
    return subprocess.run(
        [sys.executable, "-m", "toolkit.data.edit", *map(str, words)], capture_output=True, text=True, encoding="utf-8"
    )


@pytest.mark.parametrize("cut", [True, False])
def test_a_restricted_directory_is_sound_and_has_what_was_asked(tmp_path, cut):
    data = data_dir(tmp_path / "d", cut=cut)
    keep = edit.drawn([u.id for u in data], 7, seed=3)
    write_data_dir(tmp_path / "out", edit.restrict(data.tables, keep))
    assert inspect(tmp_path / "out", looks=0).problems == []
    read = DataDir.read(tmp_path / "out")
    assert [u.id for u in read] == keep
    assert set(read.utterances) <= set(data.utterances)
    assert set(read.tables["spk2gender"]) == {u.speaker for u in read}


def test_drawing_is_seeded_and_does_not_depend_on_order(tmp_path):
    ids = [f"u{i}" for i in range(100)]
    assert edit.drawn(ids, 10, 1) == edit.drawn(ids[::-1], 10, 1) != edit.drawn(ids, 10, 2)
    assert set(edit.drawn(ids, 10, 1)) < set(edit.drawn(ids, 20, 1))  # a larger draw holds the smaller
    assert edit.drawn(ids, 1000, 1) == sorted(ids)


def test_each_way_of_choosing_chooses_so(tmp_path):
    data = data_dir(tmp_path / "d")
    ids = [u.id for u in data]
    assert edit.first(data, 4) == ids[:4]
    assert edit.of_list(data, [ids[5], ids[2]]) == [ids[2], ids[5]]
    assert edit.of_speakers(data, ["م03"]) == [i for i in ids if i.startswith("م03-")]
    chosen = edit.per_label(data, "utt2lang", 5, 1)
    labels = [data.tables["utt2lang"][i] for i in chosen]
    assert {label: labels.count(label) for label in set(labels)} == {"EGY": 5, "ALG": 5, "MSA": 5}


def test_what_is_not_there_is_named(tmp_path):
    data = data_dir(tmp_path / "d")
    for ask, message in (
        (lambda: edit.of_list(data, ["م00-0", "غائب"]), "غائب"),
        (lambda: edit.of_speakers(data, ["x9"]), "x9"),
        (lambda: edit.per_label(data, "utt2emotion", 1, 1), "utt2emotion"),
    ):
        with pytest.raises(UserError, match=message):
            ask()


@pytest.mark.parametrize("cut", [True, False])
def test_parts_combined_again_are_the_whole(tmp_path, cut):
    data = data_dir(tmp_path / "d", cut=cut)
    parts = edit.split(data, {"train": 0.6, "dev": 0.2, "test": 0.2}, seed=1)
    for name, ids in parts.items():
        write_data_dir(tmp_path / name, edit.restrict(data.tables, ids))
    tables, left = edit.combine([DataDir.read(tmp_path / name) for name in parts])
    assert tables == data.tables and left == []


def test_a_split_shares_no_speaker_and_comes_near_its_shares(tmp_path):
    data = data_dir(tmp_path / "d", speakers=60)
    parts = edit.split(data, {"train": 0.8, "dev": 0.1, "test": 0.1}, seed=7)
    by_id = {u.id: u for u in data}
    speakers = [{by_id[i].speaker for i in ids} for ids in parts.values()]
    assert len(set.union(*speakers)) == sum(map(len, speakers)) == 60
    for name in ("dev", "test"):
        assert sum(by_id[i].seconds for i in parts[name]) / data.seconds == pytest.approx(0.1, abs=0.01)


def test_ids_that_clash_are_refused_by_name(tmp_path):
    one, two = data_dir(tmp_path / "a"), data_dir(tmp_path / "b", speakers=1)
    with pytest.raises(UserError, match="م00-0"):
        edit.combine([one, two])
    two.tables["spk2gender"]["م00"] = "f"
    three = data_dir(tmp_path / "c", prefix="ن")
    three.tables["spk2gender"]["م00"] = "f"
    with pytest.raises(UserError, match="م00 "):
        edit.combine([one, three])


def test_a_directory_with_segments_and_one_without_combine(tmp_path):
    one, two = data_dir(tmp_path / "a", 2), data_dir(tmp_path / "b", 2, prefix="ن", cut=False)
    tables, _ = edit.combine([one, two])
    write_data_dir(tmp_path / "out", tables)
    assert inspect(tmp_path / "out", looks=0).problems == []
    read = DataDir.read(tmp_path / "out")
    assert {u.id: u.seconds for u in read} == {u.id: u.seconds for u in [*one, *two]}


def test_a_table_that_not_every_part_has_is_left_out_and_named(tmp_path):
    one, two = data_dir(tmp_path / "a", 2), data_dir(tmp_path / "b", 2, prefix="ن")
    del two.tables["utt2lang"]
    tables, left = edit.combine([one, two])
    assert "utt2lang" not in tables and len(left) == 1 and "utt2lang" in left[0]


def test_limits_that_become_those_of_all_are_said_with_their_origin(tmp_path):
    for name, prefix in (("few_train", "م"), ("quiet_train", "ن")):
        data_dir(tmp_path / name, 2, prefix=prefix)
    parts = ("--in", tmp_path / "few_train", tmp_path / "quiet_train", "--out")
    assert "WARNING" not in call("combine", *parts, tmp_path / "alike").stdout
    (tmp_path / "quiet_train/judged.json").write_text('{"limits": {"silent_dbfs": -90}}')
    ended = call("combine", *parts, tmp_path / "both")
    assert limits_of(tmp_path / "both").silent_dbfs == -90
    (line,) = [line for line in ended.stdout.splitlines() if "WARNING" in line]
    assert "silent_dbfs -90 holds for all" in line and "few_train -60 (default), quiet_train -90" in line


def test_the_command_line_subsets_splits_and_combines(tmp_path):
    data_dir(tmp_path / "d", speakers=20)
    (tmp_path / "list").write_text("م01-3\nم00-2\n", encoding="utf-8")
    assert (
        call("subset", "--in", tmp_path / "d", tmp_path / "list", "--out", tmp_path / "s", "--by", "list").returncode
        == 0
    )
    assert [u.id for u in DataDir.read(tmp_path / "s")] == ["م00-2", "م01-3"]
    assert (tmp_path / "s/phones.ctm").read_text(encoding="utf-8").count("م01-3") == 2
    ended = call("split", "--in", tmp_path / "d", "--out", tmp_path / "p", "--shares", "train=0.5,dev=0.5")
    assert ended.returncode == 0 and "train: " in ended.stdout
    assert sum(v for k, v in read_record(tmp_path / "p")["counts"].items() if k.endswith("_utterances")) == 120
    words = ("combine", "--in", tmp_path / "p/train", tmp_path / "p/dev", "--out", tmp_path / "c")
    assert call(*words).returncode == 0
    for name in ("text", "segments", "wav.scp", "utt2spk", "spk2utt", "phones.ctm"):
        assert (tmp_path / "c" / name).read_bytes() == (tmp_path / "d" / name).read_bytes()
    assert "is done: nothing to do" in call(*words).stdout


def test_mistakes_on_the_command_line_are_said_without_a_traceback(tmp_path):
    data_dir(tmp_path / "d", speakers=1)
    for words in (
        ("subset", "--in", tmp_path / "d", "--out", tmp_path / "o", "--by", "random"),
        ("split", "--in", tmp_path / "d", "--out", tmp_path / "p"),
        ("combine", "--in", tmp_path / "d", tmp_path / "d", "--out", tmp_path / "q"),
    ):
        ended = call(*words)
        assert ended.returncode == 1 and "error: " in ended.stderr and "Traceback" not in ended.stderr
