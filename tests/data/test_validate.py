"""Validation of data directories, and their repair."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_audio import encoded, frames, joint, patched, tone, truncated, wav_with_sizes

from toolkit.core.errors import UserError
from toolkit.core.record import read_ledger
from toolkit.data import tables
from toolkit.data.checks import LOOKS, inspect
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.data.repair import repair
from toolkit.data.validate import main, text_of


def change(folder, name, old, new):
    data = (folder / name).read_bytes()
    old, new = (x if isinstance(x, bytes) else x.encode() for x in (old, new))
    assert old in data
    (folder / name).write_bytes(data.replace(old, new, 1))


def add(folder, name, line):
    with open(folder / name, "ab") as f:
        f.write(line if isinstance(line, bytes) else line.encode())


def test_a_sound_directory_has_no_problems(sound):
    report = inspect(sound, audio=True)
    assert report.problems == [] and report.utterances == 3 and report.seconds == pytest.approx(5.5)


FAULTS = {  # reason -> (file, line, level, words of the message, what does it)
    "bom": ("text", 1, "error", "U+FEFF", lambda d: change(d, "text", b"s2-r-a", b"\xef\xbb\xbfs2-r-a")),
    "carriage return": ("text", 1, "error", "U+000D", lambda d: change(d, "text", "world\n", "world\r\n")),
    "final newline": ("utt2lang", 3, "error", "no newline", lambda d: change(d, "utt2lang", "EGY\n", "EGY")),
    "encoding": ("text", 2, "error", "0xE3", lambda d: change(d, "text", "مرحبا", b"\xe3\xd1")),
    "duplicate": ("text", 4, "error", "line 1", lambda d: add(d, "text", "s2-r-a hello, world\n")),
    "contradiction": ("text", 4, "error", "another text", lambda d: add(d, "text", "s2-r-a مرة\n")),
    "order": ("utt2dur", 4, "error", "C (byte) order", lambda d: add(d, "utt2dur", "aaa 1\n")),
    "empty line": ("text", 4, "error", "empty line", lambda d: add(d, "text", "\n")),
    "columns": ("segments", 1, "error", "3 columns where 4", lambda d: change(d, "segments", " 2.5\n", "\n")),
    "white space": ("text", 2, "error", "U+00A0 NO-BREAK", lambda d: change(d, "text", "مرحبا ", "مرحبا\u00a0")),
    "control character": ("text", 1, "error", "U+0007", lambda d: change(d, "text", "hello", "hel\x07lo")),
    "invisible marks": ("text", 2, "warning", "RIGHT-TO-LEFT", lambda d: change(d, "text", "مر", "م\u200fر")),
    "reserved word": ("text", 1, "error", "<s>", lambda d: change(d, "text", "hello,", "<s>")),
    "empty transcript": ("text", 1, "warning", "empty", lambda d: change(d, "text", " hello, world", "")),
    "not covered": (
        "segments",
        1,
        "error",
        "audio without a",
        lambda d: change(d, "text", "s2-r-a hello, world\n", ""),
    ),
    "extra": ("text", 4, "error", "transcript without audio", lambda d: add(d, "text", "ي-9 نص\n")),
    "segment": ("segments", 1, "error", "no later", lambda d: change(d, "segments", "0.5 2.5", "2.5 0.5")),
    "past end": ("segments", 1, "error", "3.00 s", lambda d: change(d, "segments", "0.5 2.5", "0.5 3.5")),
    "duration": ("utt2dur", 1, "error", "2.00 s", lambda d: change(d, "utt2dur", "s2-r-a 2.0", "s2-r-a 2.2")),
    "gender": ("spk2gender", 1, "error", "m or f", lambda d: change(d, "spk2gender", "s2 f", "s2 female")),
    "prefix": ("utt2spk", 1, "warning", "does not begin", lambda d: change(d, "utt2spk", "a s2", "a other")),
    "not inverse": ("spk2utt", 1, "error", "utt2spk", lambda d: change(d, "spk2utt", "s2-r-a", "s2-r-b")),
    "missing": ("wav.scp", 1, "error", "no such recording", lambda d: change(d, "wav.scp", "b.flac", "c.flac")),
    "pipe": ("wav.scp", 1, "error", "command", lambda d: change(d, "wav.scp", "b.flac", "b.flac cat |")),
    "unused": ("wav.scp", 3, "warning", "no segment", lambda d: add(d, "wav.scp", f"ي {d}/wav.scp\n")),
    "missing table": ("utt2spk", 0, "error", "no utt2spk", lambda d: (d / "utt2spk").unlink()),
    "empty file": ("utt2lang", 0, "error", "nothing in it", lambda d: (d / "utt2lang").write_text("")),
    "id": ("text", 4, "error", "SOLIDUS", lambda d: add(d, "text", "a/b نص\n")),
}


@pytest.mark.parametrize("reason", FAULTS)
def test_each_fault_is_found_with_its_file_line_and_remedy(sound, reason):
    file, line, level, message, spoil = FAULTS[reason]
    spoil(sound)
    report = inspect(sound)
    problems = [p for p in report.problems if (p.reason, p.file, p.line) == (reason, file, line)]
    assert problems, report.problems
    assert problems[0].level == level and message in problems[0].message and problems[0].remedy


def test_phones_may_lack_utterances_but_name_no_other_ones(sound):
    (sound / "utt2phones").write_text("s2-r-a HH AH0\n")
    assert inspect(sound).problems == []
    add(sound, "utt2phones", "ي-9 L\n")
    assert [(p.file, p.reason) for p in inspect(sound).problems] == [("utt2phones", "extra")]


def test_ids_that_are_not_in_the_order_of_their_speakers_are_told_once(tmp_path):
    """validate_data_dir.sh of Kaldi refuses such a folder, though each id begins with its speaker."""
    ids = {"1000_a": "1000", "10000_a": "10000", "10000_b": "10000", "1001_a": "1001"}
    wav = {id: str(tmp_path / "x.wav") for id in ids}
    write_data_dir(tmp_path / "data", {"wav.scp": wav, "utt2spk": ids, "utt2dur": dict.fromkeys(ids, "1.0")})
    (told,) = [p for p in inspect(tmp_path / "data").problems if p.reason == "speaker order"]
    assert told.level == "warning" and "10000_b of 10000 stands before 1000_a of 1000" in told.message


@pytest.mark.parametrize("odd", ["a/b", "a..b", "a:b", "a\u00a0b", "a\u200eb"])
def test_ids_that_cannot_be_are_named_by_their_characters(sound, odd):
    add(sound, "text", f"{odd} نص\n")
    (problem,) = [p for p in inspect(sound).problems if p.reason == "id"]
    assert repr(odd) in problem.message and ("U+" in problem.message or ".." in problem.message)


def test_the_sum_of_lengths_has_segments_to_the_end_and_tells_what_it_lacks(tmp_path, record, make_noise):
    path = record("r.wav", make_noise(3))
    tables = {"wav.scp": {"r": str(path)}, "segments": {"r-1": "r 0 1.5", "r-2": "r 1.5 -1"}}
    write_data_dir(tmp_path / "a", {**tables, "utt2spk": {"r-1": "r", "r-2": "r"}})
    for audio in (False, True):
        assert inspect(tmp_path / "a", audio=audio).seconds == pytest.approx(3.0)
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    wav = {"a": str(path), "b": str(tmp_path / "bad.wav")}
    write_data_dir(tmp_path / "b", {"wav.scp": wav, "utt2spk": {"a": "a", "b": "b"}})
    assert "(2 utterances, 3.0 s without 1 of unknown length)" in text_of(tmp_path / "b", inspect(tmp_path / "b"))


def test_names_that_may_be_one_are_a_warning_for_each_table(tmp_path):
    ids = {"أحمد-1": "أحمد", "احمد-2": "احمد", "على-3": "على", "علي-4": "علي"}
    wav = {id: str(tmp_path / "x.wav") for id in ids}
    tables = {"wav.scp": wav, "utt2spk": ids, "utt2dur": dict.fromkeys(ids, "1.0")}
    labels = dict(zip(ids, ("EGY", "egy", "LEV", "EGY"), strict=True))
    write_data_dir(tmp_path / "data", {**tables, "utt2lang": labels, "utt2emotion": dict.fromkeys(ids, "happy")})
    told = {p.file: p for p in inspect(tmp_path / "data").problems if p.reason == "names alike"}
    assert told.keys() == {"utt2spk", "utt2lang"} and all(p.level == "warning" for p in told.values())
    assert told["utt2lang"].message == "EGY, egy differ only in case and stay apart"
    assert "احمد" in told["utt2spk"].message and "علي" in told["utt2spk"].message


@pytest.mark.parametrize("audio", [False, True])
def test_a_missing_reco2dur_is_a_warning_as_kaldi_needs_none(sound, audio):
    (sound / "reco2dur").unlink()
    (problem,) = [p for p in inspect(sound, audio=audio).problems if p.file == "reco2dur"]
    assert problem.level == "warning" and main([str(sound)]) == 0


def test_headers_are_believed_over_tables_where_they_are_asked(sound, tmp_path):
    change(sound, "reco2dur", "s2-r 3.0", "s2-r 2.6")
    assert inspect(sound, looks=0).problems == []
    (problem,) = inspect(sound, audio=True).problems
    assert (problem.file, problem.reason) == ("reco2dur", "duration") and "3.00 s" in problem.message
    (tmp_path / "b.flac").write_bytes(b"")
    assert [p.reason for p in inspect(sound, audio=True).problems] == ["empty"]


def test_all_problems_stand_in_one_report_and_the_status_is_one(sound, capsys):
    for reason in ("bom", "duplicate", "past end", "prefix", "not inverse", "missing"):
        FAULTS[reason][4](sound)
    assert main([str(sound)]) == 1
    output = capsys.readouterr().out
    for reason in ("bom", "duplicate", "past end", "prefix", "not inverse", "missing"):
        file, line, level, words, _ = FAULTS[reason]
        assert any(row.startswith(f"{level}: {file}:{line}: ") and words in row for row in output.splitlines()), reason
    assert "errors, " in output.splitlines()[-1]


def test_warnings_alone_do_not_fail(sound, capsys):
    FAULTS["prefix"][4](sound)
    change(sound, "spk2utt", "s2 ", "other ")
    (sound / "spk2gender").unlink()
    assert main([str(sound)]) == 0
    assert "0 errors, 1 warnings" in capsys.readouterr().out


def test_pipes_pass_with_the_flag(sound, capsys):
    change(sound, "wav.scp", "b.flac", "b.flac cat |")
    assert main([str(sound)]) == 1
    assert main([str(sound), "--allow-pipes"]) == 0


def test_no_data_directory_is_a_mistake_without_a_traceback(tmp_path):
    argv = [sys.executable, "-m", "toolkit.data.validate", str(tmp_path / "nothing")]
    ended = subprocess.run(argv, capture_output=True, text=True, encoding="utf-8")
    assert ended.returncode == 1 and "no wav.scp" in ended.stderr and "Traceback" not in ended.stderr
    with pytest.raises(SystemExit) as e:
        main([str(tmp_path), "--fix"])
    assert e.value.code == 2


def test_the_command_line_ends_with_the_status(sound):
    FAULTS["id"][4](sound)
    ended = subprocess.run(
        [sys.executable, "-m", "toolkit.data.validate", sound], capture_output=True, text=True, encoding="utf-8"
    )
    assert ended.returncode == 1 and "U+002F SOLIDUS" in ended.stdout and "Traceback" not in ended.stderr


@pytest.mark.parametrize("reason", [r for r in FAULTS if r not in ("empty file",)])
def test_a_repaired_copy_has_no_errors_whatever_the_fault(sound, tmp_path, reason):
    FAULTS[reason][4](sound)
    before = {p.name: p.read_bytes() for p in sound.iterdir()}
    repair(sound, tmp_path / "out")
    assert inspect(tmp_path / "out", audio=True).errors == []
    assert len(DataDir.read(tmp_path / "out")) >= 2
    assert {p.name: p.read_bytes() for p in sound.iterdir()} == before


def test_a_repair_of_everything_at_once_says_what_it_dropped(sound, tmp_path, capsys, record, make_noise):
    change(sound, "wav.scp", "b.flac", "gone.flac")
    add(sound, "wav.scp", f"ر/4 {record('r4.wav', make_noise(2))}\n")
    add(sound, "segments", "ر/4:a ر/4 0 2.3\nر/4:b ر/4 3 4\n")
    add(sound, "text", "ر/4:a نص\u00a0ثم <s> نص\nر/4:b نص\nيتيم-9 نص\n")
    add(sound, "utt2spk", "ر/4:a ر/4\nر/4:b ر/4\n")
    add(sound, "utt2lang", "ر/4:a MSA\nر/4:b MSA\n")
    assert main([str(sound), "--fix", "--out", str(tmp_path / "out")]) == 0
    output = capsys.readouterr().out
    rows = {id: reason for id, _, reason, _ in read_ledger(tmp_path / "out/dropped.tsv")}
    assert rows == {
        "s2-r": "missing",
        "s2-r-a": "missing",
        "ر-4-b": "past end",
        "يتيم-9": "transcript without audio",
    }
    assert "trimmed 1" in output and "renamed 3" in output
    read = DataDir.read(tmp_path / "out")
    assert read.tables["text"]["ر-4-a"] == "نص ثم نص"
    assert {u.id: u.seconds for u in read}["ر-4-a"] == pytest.approx(2.0)
    assert (tmp_path / "out/renamed.tsv").read_text(encoding="utf-8").count("\t") == 3


def test_repairing_a_repaired_copy_changes_nothing(sound, tmp_path):
    for reason in ("bom", "duplicate", "past end", "white space", "missing table"):
        FAULTS[reason][4](sound)
    repair(sound, tmp_path / "one")
    repair(tmp_path / "one", tmp_path / "two")
    assert read_ledger(tmp_path / "two/dropped.tsv") == []
    for file in (tmp_path / "one").iterdir():
        if file.name != "dropped.tsv":
            assert (tmp_path / "two" / file.name).read_bytes() == file.read_bytes(), file.name


def test_the_copy_never_overwrites_a_data_directory(sound):
    with pytest.raises(UserError, match="there is a data directory"):
        repair(sound, sound)


def test_nothing_left_is_an_error(sound, tmp_path):
    (sound / "text").write_text("x y\n")
    with pytest.raises(UserError, match="nothing would be left"):
        repair(sound, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recording_cut_short_is_found_in_its_header(sound, tmp_path):
    path = tmp_path / "تسجيل.wav"
    path.write_bytes(path.read_bytes()[:64044])  # 2 of 4 s
    problems = inspect(sound, audio=True).errors
    assert {(p.file, p.reason) for p in problems} == {("segments", "past end"), ("reco2dur", "duration")}
    repair(sound, tmp_path / "out", audio=True)
    assert np.isclose(DataDir.read(tmp_path / "out").seconds, 3.5)


@pytest.fixture
def whole_clips(tmp_path):
    """A data directory of whole recordings: right ones, and one for each way to be no right one."""
    wav = tone("wav", 4)
    clips = {
        "a": ("mp3", tone("mp3", 4)),
        "b": ("mp3", truncated(tone("mp3", 4))),
        "c": ("mp3", joint(tone("mp3", 1), tone("mp3", 2, rate=22050))),
        "d": ("flac", patched(tone("flac", 4), 40000, bytes(50))),
        "e": ("wav", wav_with_sizes(wav, 32000)),
        "f": ("wav", wav_with_sizes(wav, 0x7FFFFFFF)),
        "g": ("ogg", joint(tone("opus", 3), tone("opus", 5))),
        "h": ("wav", encoded("wav", np.full(16000, np.nan), subtype="FLOAT")),
    }
    for id, (ending, data) in clips.items():
        (tmp_path / f"{id}.{ending}").write_bytes(data)
    tables = {
        "wav.scp": {id: str(tmp_path / f"{id}.{ending}") for id, (ending, _) in clips.items()},
        "utt2spk": {id: id for id in clips},
        "utt2dur": {id: "8.0" if id == "g" else "4.0" for id in clips},
        "reco2dur": {id: "8.0" if id == "g" else "4.0" for id in clips},
    }
    write_data_dir(tmp_path / "clips", tables)
    return tmp_path / "clips"


def test_what_does_not_decode_is_an_error_with_a_remedy_and_what_is_odd_a_warning(whole_clips):
    """Headers promise 4 s of every recording."""
    assert inspect(whole_clips, looks=0).problems == []
    report = inspect(whole_clips, audio=True)
    of_recordings = {(p.id, p.level, p.reason) for p in report.problems if p.file == "wav.scp"}
    assert of_recordings == {
        ("b", "error", "truncated"),
        ("c", "error", "several streams"),
        ("d", "error", "truncated"),
        ("e", "warning", "header"),
        ("f", "warning", "header"),
        ("g", "warning", "header"),
        ("h", "error", "non-finite"),
    }
    assert all(p.remedy and p.message.startswith(f"{p.id}: ") for p in report.problems)


def test_the_problems_do_not_depend_on_the_number_of_processes(whole_clips, capsys):
    assert main([str(whole_clips), "--audio", "--nj", "1"]) == 1
    one = capsys.readouterr()
    assert main([str(whole_clips), "--audio", "--nj", "3"]) == 1
    three = capsys.readouterr()
    assert one.out == three.out and "b.mp3" in one.out
    for output in (one.err, three.err):
        assert "decode 100%" in output and "8/8 recordings" in output


def test_a_repaired_copy_has_only_what_decodes(whole_clips, tmp_path):
    repair(whole_clips, tmp_path / "out", audio=True, nj=2)
    assert inspect(tmp_path / "out", audio=True).errors == []
    assert set(DataDir.read(tmp_path / "out").tables["wav.scp"]) == {"a", "e", "f", "g"}
    dropped = {(id, reason) for id, _, reason, _ in read_ledger(tmp_path / "out/dropped.tsv")}
    assert dropped == {("b", "truncated"), ("c", "several streams"), ("d", "truncated"), ("h", "non-finite")}


def test_a_cut_recording_is_a_warning_where_all_its_segments_are_there(sound, tmp_path):
    path = tmp_path / "تسجيل.wav"
    path.write_bytes(path.read_bytes()[:64044])  # 2 of 4 s
    change(sound, "segments", "متكلم-1 2 4", "متكلم-1 0.5 1.9")
    change(sound, "utt2dur", "متكلم-1-b 2", "متكلم-1-b 1.4")
    change(sound, "reco2dur", "متكلم-1 4.0", "متكلم-1 2.0")
    (problem,) = inspect(sound, audio=True).problems
    assert (problem.level, problem.reason, problem.id) == ("warning", "truncated", "متكلم-1")
    change(sound, "segments", "0.5 1.9", "0.5 -1")
    assert ("error", "truncated") in {(p.level, p.reason) for p in inspect(sound, audio=True).problems}


@pytest.mark.parametrize("piped", [False, True])
def test_of_a_recording_that_is_damaged_inside_only_what_does_not_decode_is_lost(tmp_path, piped):
    """One bit of a FLAC of 12 s is another one in the middle. Its length is unknown, and no table is wrong."""
    flac = tone("flac", 12)
    half = len(flac) // 2
    (tmp_path / "r.flac").write_bytes(patched(flac, half, bytes([flac[half] ^ 8])))
    spans = {"متكلم-1": "r 0 3", "متكلم-2": "r 4.5 7.5", "متكلم-3": "r 8 9", "متكلم-4": "r 9 12"}
    source = f"cat {tmp_path}/r.flac |" if piped else f"{tmp_path}/r.flac"
    tables = {"wav.scp": {"r": source}, "reco2dur": {"r": "12"}, "segments": spans}
    write_data_dir(tmp_path / "d", {**tables, "utt2spk": dict.fromkeys(spans, "متكلم")})
    problems = inspect(tmp_path / "d", allow_pipes=True, audio=True).problems
    assert {(p.file, p.level, p.reason, p.id) for p in problems} == {
        ("segments", "error", "truncated", "متكلم-2"),
        ("wav.scp", "warning", "truncated", "r"),
    }
    told = repair(tmp_path / "d", tmp_path / "out", allow_pipes=True, audio=True)
    assert {u.id for u in DataDir.read(tmp_path / "out", allow_pipes=True)} == set(spans) - {"متكلم-2"}
    assert "commands are not run" not in told and "cut off or damaged" in told


def test_segments_behind_a_hole_of_an_mp3_are_lost(tmp_path):
    """3,000 bytes are lost at 10 s of 20 s: what follows sounds earlier, so 0.7 s before the end is no other speech."""
    mp3 = tone("mp3", 20)
    at = frames(mp3)[round(10 * 16000 / 576)] + 50
    (tmp_path / "r.mp3").write_bytes(mp3[:at] + mp3[at + 3000 :])
    spans = {"متكلم-1": "r 0 3", "متكلم-2": "r 8 9.8", "متكلم-3": "r 11 14", "متكلم-4": "r 16 19"}
    tables = {"wav.scp": {"r": f"{tmp_path}/r.mp3"}, "segments": spans}
    write_data_dir(tmp_path / "d", {**tables, "utt2spk": dict.fromkeys(spans, "متكلم")})
    errors = inspect(tmp_path / "d", audio=True).errors
    assert {(p.reason, p.id) for p in errors} == {("truncated", "متكلم-3"), ("truncated", "متكلم-4")}
    repair(tmp_path / "d", tmp_path / "out", audio=True)
    assert {u.id for u in DataDir.read(tmp_path / "out")} == {"متكلم-1", "متكلم-2"}


lines = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(
            [b"a x.wav", b"a a 0 1", b"b a 0.5 2", b"a s", b"b s", b"a \xd9\x86\xd8\xb5", b"s m", b"a/b c", b"", b"a"]
        ),
    ),
    max_size=6,
).map(b"\n".join)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(st.sampled_from(["segments", "text", "utt2spk", "utt2dur", "reco2dur", "spk2gender"]), lines)
)
def test_any_bytes_at_all_are_reported_and_repaired_or_refused(sound, tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("any")
    (folder / "x.wav").write_bytes((sound.parent / "تسجيل.wav").read_bytes())
    (folder / "wav.scp").write_text(f"a {folder}/x.wav\n")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    report = inspect(folder, audio=True)
    try:
        DataDir.read(folder)
    except UserError:
        assert report.errors
    try:
        repair(folder, folder / "out", audio=True)
    except UserError:
        return
    assert inspect(folder / "out", audio=True).errors == []
    DataDir.read(folder / "out")


plain = st.lists(
    st.sampled_from(["a x", "b y", "ب نص", "c 1 2 3", "c  d", "d", "", " e f", "b z\r", "a\ty", "و ن\u200fص"])
)


@settings(max_examples=200)
@given(lines=plain, end=st.sampled_from(["\n", ""]), name=st.sampled_from(["text", "utt2lang", "segments", "utt2x"]))
def test_a_table_read_at_once_is_the_table_read_line_by_line(tmp_path_factory, lines, end, name):
    path = tmp_path_factory.mktemp("t") / name
    path.write_bytes(("\n".join(sorted(lines, key=str.encode)) + end).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "BLOCK", 5)  # a block ends with the line in which its fifth byte is
        blocks = tables.read_table(path)
        patch.setattr(tables, "_plain", lambda data: None)
        assert blocks == tables.read_table(path)


def test_a_line_without_an_end_is_one_problem_and_the_lines_around_it_are_read(tmp_path) -> None:
    with open(tmp_path / "text", "wb") as f:
        f.write("أ نعم\n".encode())
        f.truncate(50 << 20)
        f.seek(0, 2)
        f.write("\nب لا\n".encode())
    table, problems = tables.read_table(tmp_path / "text")
    assert table == {"أ": "نعم", "ب": "لا"} and [(p.line, p.reason) for p in problems] == [(2, "line too long")]


def durations(folder, record, make_noise, count, wrong, table="utt2dur"):
    """A data directory of `count` recordings of 6.13 s; of those in `wrong` the table says 1.53 s."""
    path = str(record("a.wav", make_noise(6.13)))
    ids = [f"متكلم-{i:04d}" for i in range(count)]
    seconds = {id: "1.53" if i in wrong else "6.13" for i, id in enumerate(ids)}
    write_data_dir(
        folder, {"wav.scp": dict.fromkeys(ids, path), "utt2spk": dict.fromkeys(ids, "متكلم"), table: seconds}
    )
    return ids


@pytest.mark.parametrize("table", ["utt2dur", "reco2dur"])
def test_durations_of_an_earlier_cut_are_errors_without_audio_too(tmp_path, record, make_noise, capsys, table):
    ids = durations(tmp_path / "d", record, make_noise, 3, {1}, table)
    (problem,) = inspect(tmp_path / "d").problems
    assert (problem.file, problem.line, problem.id) == (table, 2, ids[1])
    assert problem.message == f"{ids[1]}: 1.53 s, where it is 6.13 s" and "--fix" in problem.remedy
    assert main([str(tmp_path / "d")]) == 1
    assert main([str(tmp_path / "d"), "--fix", "--out", str(tmp_path / "mended")]) == 0
    assert "not looked at" not in capsys.readouterr().out
    mended = DataDir.read(tmp_path / "mended")
    assert [u.seconds for u in mended] == [6.13] * 3 and [len(u.audio()) for u in mended] == [98080] * 3


def test_of_many_recordings_some_headers_are_looked_at_and_the_rest_is_said(tmp_path, record, make_noise, capsys):
    durations(tmp_path / "all", record, make_noise, 2 * LOOKS, range(2 * LOOKS))
    assert len(inspect(tmp_path / "all").problems) == LOOKS
    ids = durations(tmp_path / "one", record, make_noise, 2 * LOOKS, {7})  # every second one is looked at
    assert main([str(tmp_path / "one")]) == 0
    assert f"{LOOKS} recordings were not looked at, only their files' names: --audio" in capsys.readouterr().out
    assert [p.id for p in inspect(tmp_path / "one", audio=True).problems] == [ids[7]]
    assert main([str(tmp_path / "one"), "--fix", "--out", str(tmp_path / "mended")]) == 0
    assert {u.seconds for u in DataDir.read(tmp_path / "mended")} == {6.13}


def test_a_segment_past_the_end_is_an_error_though_reco2dur_agrees_with_it(tmp_path, record, make_noise):
    tables = {"wav.scp": {"r": str(record("a.wav", make_noise(2)))}, "segments": {"s-1": "r 1 3", "s-2": "r 0 1"}}
    tables |= {"utt2spk": {"s-1": "s", "s-2": "s"}, "reco2dur": {"r": "3"}, "utt2dur": {"s-1": "2", "s-2": "1"}}
    write_data_dir(tmp_path / "d", tables)
    assert [(p.file, p.reason) for p in inspect(tmp_path / "d").problems] == [
        ("reco2dur", "duration"),
        ("segments", "past end"),
    ]


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path):
    """`| head -3` of a report that is longer than a pipe holds."""
    wav = {f"متكلم-{number:04}": f"/nowhere/{number}.wav" for number in range(1500)}
    write_data_dir(tmp_path / "d", {"wav.scp": wav, "utt2spk": {id: "متكلم" for id in wav}})
    script = f"{sys.executable} -m toolkit.data.validate {tmp_path}/d | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.stderr == "" and done.stdout.startswith("warning: reco2dur")


def test_a_word_for_no_transcript_is_read_as_an_empty_one_told_by_validate_and_mended(sound, tmp_path):
    id = sorted(DataDir.read(sound).tables["text"])[0]
    change(sound, "text", f"{id} {DataDir.read(sound).tables['text'][id]}\n", f"{id} nan\n")
    assert DataDir.read(sound).tables["text"][id] == ""
    (problem,) = inspect(sound).problems
    assert (problem.reason, problem.level, problem.id) == ("empty transcript", "warning", id)
    assert "nan stands for none" in problem.message
    repair(sound, tmp_path / "mended")
    assert f"{id}\n" in (tmp_path / "mended/text").read_text()
