"""Reading and writing data directories."""

import subprocess

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.data.ark import write_waves
from toolkit.data.audio import AudioError, audio_info, read_audio
from toolkit.data.ids import fault
from toolkit.data.kaldi import DataDir, Utterance, copy_phones, write_data_dir
from toolkit.data.repair import repair
from toolkit.data.validate import main
from toolkit.text.invisible import name_of
from toolkit.text.not_known import NO_TRANSCRIPT

ids = st.text("abzAZ019_-.سجلأإيَّ٣", min_size=1, max_size=12).filter(lambda s: not fault(s))
values = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=40)
    .map(lambda s: s.strip(" \t"))
    .filter(lambda s: s not in NO_TRANSCRIPT)  # these are read as no transcript
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.dictionaries(ids, values, min_size=1, max_size=8), data=st.data())
def test_what_is_written_is_read(tmp_path, texts, data):
    speakers = {id: data.draw(ids.map(name_of)) for id in texts}
    tables = {
        "wav.scp": {id: f"/صوت و كلام/{id} 1.wav" for id in texts},
        "text": texts,
        "utt2spk": speakers,
        "utt2dur": {id: "1.5" for id in texts},
    }
    write_data_dir(tmp_path / "d", tables)
    read = DataDir.read(tmp_path / "d")
    assert read.tables == tables
    assert [u.id for u in read] == sorted(texts, key=str.encode)
    assert {u.id: (u.path, u.speaker, u.seconds) for u in read} == {
        id: (tables["wav.scp"][id], speakers[id], 1.5) for id in texts
    }
    again = tmp_path / "again"
    write_data_dir(again, read.tables)
    for file in (tmp_path / "d").iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(ids, min_size=1, max_size=10))
def test_files_are_in_the_order_of_the_c_locale(tmp_path, names):
    write_data_dir(tmp_path / "d", {"wav.scp": {n: "x.wav" for n in names}, "utt2spk": {n: n for n in names}})
    for name in ("wav.scp", "utt2spk", "spk2utt"):
        data = (tmp_path / "d" / name).read_bytes()
        keys = [line.split(b" ")[0] for line in data.splitlines()]
        assert keys == sorted(keys) and data.endswith(b"\n")


def test_the_order_is_that_of_sort(tmp_path):
    names = ["b", "B", "a-b", "a", "a_b", "ab", "سجل", "é", "z", "٣", "日", "𐤀"]
    write_data_dir(tmp_path / "d", {"wav.scp": {n: "x.wav" for n in names}})
    checked = subprocess.run(["sort", "-c", "-u", "-k1,1", "wav.scp"], cwd=tmp_path / "d", env={"LC_ALL": "C"})
    assert checked.returncode == 0


def test_speakers_to_utterances_is_derived(tmp_path):
    write_data_dir(
        tmp_path / "d",
        {"wav.scp": dict.fromkeys("abc", "x.wav"), "utt2spk": {"c": "s1", "a": "s1", "b": "s2"}, "spk2utt": {"x": "y"}},
    )
    assert (tmp_path / "d/spk2utt").read_text() == "s1 a c\ns2 b\n"


def test_tables_of_an_earlier_writing_are_removed_and_other_files_are_not(tmp_path):
    folder = tmp_path / "d"
    write_data_dir(folder, {"wav.scp": {"a": "x.wav"}, "segments": {"a": "a 0 1"}, "text": {"a": "نص"}})
    (folder / "record.json").write_text("{}")
    write_data_dir(folder, {"wav.scp": {"b": "x.wav"}, "utt2spk": {"b": "b"}})
    assert sorted(p.name for p in folder.iterdir()) == ["record.json", "spk2utt", "utt2spk", "wav.scp"]


def test_what_a_table_cannot_hold_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UserError) as e:
        write_data_dir(
            tmp_path / "d", {"wav.scp": {"../x": "a.wav", "b": ""}, "text": {"b": "سطر\nسطر"}, "notes": {"a": "b"}}
        )
    for message in ("'../x' could leave", "b without a value", "line break", "no name of a table"):
        assert message in str(e.value)
    assert not (tmp_path / "d").exists()


def test_segments_become_utterances_with_their_audio(tmp_path, record, make_noise):
    path = record("تسجيل 1.wav", make_noise(5))
    tables = {
        "wav.scp": {"rec": str(path)},
        "segments": {"s-1": "rec 0.5 1.25", "s-2": "rec 2 -1"},
        "utt2spk": {"s-1": "s", "s-2": "s"},
    }
    write_data_dir(tmp_path / "d", tables)
    one, two = DataDir.read(tmp_path / "d")
    assert one == Utterance("s-1", str(path), 0.5, 1.25, "s", 0.75)
    assert two == Utterance("s-2", str(path), 2.0, None, "s", 3.0)
    whole = read_audio(path)
    np.testing.assert_array_equal(one.audio(), whole[8000:20000])
    np.testing.assert_array_equal(two.audio(), whole[32000:])


def test_audio_in_an_ark_is_read_at_its_offset(tmp_path, make_noise):
    wave = (make_noise(2) * 32767).astype("int16")
    stereo = np.stack([wave, -wave // 2], axis=1)
    write_waves(tmp_path / "a b.ark", [("س", 16000, wave), ("u", 16000, stereo), ("v", 8000, wave)])
    scp = dict(line.split(" ", 1) for line in (tmp_path / "a b.scp").read_text().splitlines())
    write_data_dir(tmp_path / "d", {"wav.scp": scp})
    u, v, s = DataDir.read(tmp_path / "d")
    np.testing.assert_array_equal(s.audio(), wave / np.float32(32768))
    np.testing.assert_allclose(u.audio(), wave / 32768, atol=1e-7)  # opposite in phase: the left one
    assert v.seconds == 4.0 and len(v.audio()) == 64000
    with pytest.raises(AudioError, match="no whole entry"):
        read_audio(f"{tmp_path}/a b.ark:4")


def test_lengths_come_from_tables_and_else_from_headers(tmp_path, record, make_noise):
    path = str(record("a.wav", make_noise(2)))
    for tables, expected in (
        ({}, 2.0),
        ({"utt2dur": {"a": "1.75"}}, 1.75),
        ({"reco2dur": {"a": "1.5"}}, 1.5),
    ):
        write_data_dir(tmp_path / "d", {"wav.scp": {"a": path}, **tables})
        assert DataDir.read(tmp_path / "d").utterances[0].seconds == expected


def test_a_table_that_covers_a_part_is_loaded_as_it_is(tmp_path):
    tables = {"wav.scp": dict.fromkeys("ab", "x.wav"), "utt2dur": dict.fromkeys("ab", "1"), "text": {"a": "نص"}}
    write_data_dir(tmp_path / "d", tables)
    read = DataDir.read(tmp_path / "d")
    assert read.tables["text"] == {"a": "نص"} and len(read) == 2
    assert [u.speaker for u in read] == ["a", "b"]


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("lost", ["wav.scp", "utt2spk"])
def test_utterances_that_lost_a_line_are_refused_with_their_number_their_ids_and_the_remedy(
    tmp_path, record, make_noise, cut, lost
):
    ids = [f"متكلم-{i:02}" for i in range(20)]
    tables = {name: dict.fromkeys(ids, "1.5") for name in ("utt2spk", "utt2dur", "text")}
    tables["wav.scp"] = dict.fromkeys(ids, str(record("a.wav", make_noise(1.5))))
    if cut:
        tables["segments"] = {id: f"{id} 0 1" for id in ids}
    write_data_dir(tmp_path / "d", tables)
    file = tmp_path / "d" / ("segments" if cut and lost == "wav.scp" else lost)
    file.write_text("".join(file.read_text(encoding="utf-8").splitlines(keepends=True)[:13]), encoding="utf-8")
    with pytest.raises(UserError) as e:
        DataDir.read(tmp_path / "d")
    assert "7 of its 20 ids are not in " + file.name in str(e.value) and "متكلم-13, متكلم-14" in str(e.value)
    assert "متكلم-19" not in str(e.value)
    assert f"toolkit.data.validate {tmp_path / 'd'}" in e.value.remedy and "--fix --out" in e.value.remedy
    assert main([str(tmp_path / "d"), "--fix", "--out", str(tmp_path / "out")]) == 0
    assert [u.id for u in DataDir.read(tmp_path / "out")] == ids[:13]


@pytest.mark.parametrize("name", ["text", "utt2dur", "utt2lang", "reco2dur"])
def test_a_table_with_a_stranger_is_refused_at_its_line(tmp_path, name):
    tables = {"wav.scp": {"أ": "x.wav"}, "utt2dur": {"أ": "1"}}
    write_data_dir(tmp_path / "d", {**tables, name: {"أ": "1", "ب": "2"}})
    with pytest.raises(UserError, match=rf"{name}:2: 1 of its 2 ids are not in wav\.scp: ب"):
        DataDir.read(tmp_path / "d")


def test_recordings_alone_are_a_data_directory_each_its_own_speaker(tmp_path, record, make_noise):
    write_data_dir(tmp_path / "d", {"wav.scp": {"أ": str(record("a.wav", make_noise(1)))}})
    assert [(u.id, u.speaker) for u in DataDir.read(tmp_path / "d")] == [("أ", "أ")]


def test_everything_that_stands_in_the_way_is_said_at_once(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "wav.scp").write_text("a/b x.wav\nc sox y |\nr x.wav\nr y.wav\nalone\n")
    (folder / "segments").write_text("u1 r 0 1\nu2 r 2 1\nu3 q 0 1\nu4 r 0\nu5 r x y\nu6 r -1 2\nu7 r nan 2\n")
    (folder / "text").write_bytes("u1 \xe3\xd1\n".encode("latin-1"))
    (folder / "reco2dur").write_text("r 10\n")
    with pytest.raises(UserError) as e:
        DataDir.read(folder)
    for place in (
        "wav.scp:1",
        "wav.scp:2",
        "wav.scp:4",
        "wav.scp:5",
        "text:1",
        *(f"segments:{i}" for i in range(2, 8)),
    ):
        assert place in str(e.value), place
    assert e.value.where and e.value.remedy


def test_a_folder_without_wav_scp_is_no_data_directory(tmp_path):
    with pytest.raises(UserError, match=r"no wav\.scp"):
        DataDir.read(tmp_path)


def test_an_empty_data_directory_is_refused(tmp_path):
    (tmp_path / "wav.scp").write_text("")
    with pytest.raises(UserError, match="without an utterance"):
        DataDir.read(tmp_path)


def test_a_pipe_is_refused_unless_allowed(tmp_path, record, make_noise):
    path = record("a.wav", make_noise(1))
    write_data_dir(tmp_path / "d", {"wav.scp": {"a": f"cat '{path}' |"}, "utt2dur": {"a": "1"}})
    with pytest.raises(UserError, match="a command in the place of a file"):
        DataDir.read(tmp_path / "d")
    (utterance,) = DataDir.read(tmp_path / "d", allow_pipes=True)
    np.testing.assert_array_equal(utterance.audio(), read_audio(path))


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("blank", [b" ", b"\t", b" \t "])
def test_marks_line_ends_and_tabs_of_other_systems_do_no_harm(tmp_path, mark, end, blank):
    lines = [b"a" + blank + "مرحبا  بكم".encode(), b"b" + blank + b"x "]
    (tmp_path / "wav.scp").write_bytes(mark + end.join([b"a" + blank + b"x y.wav", b"b" + blank + b"z.wav"]))
    (tmp_path / "text").write_bytes(mark + end.join(lines) + end)
    (tmp_path / "utt2dur").write_bytes(b"a 1" + end + b"b 2" + end)
    read = DataDir.read(tmp_path)
    assert read.tables["text"] == {"a": "مرحبا  بكم", "b": "x"}
    assert [u.path for u in read] == ["x y.wav", "z.wav"]


def test_a_line_ends_at_a_newline_alone(tmp_path):
    text = "قبل\u2028بعد\x0bو\x85ثم\x1cآخر"
    (tmp_path / "wav.scp").write_text("a x.wav\n")
    (tmp_path / "utt2dur").write_text("a 1\n")
    (tmp_path / "text").write_bytes(f"a {text}\n".encode())
    assert DataDir.read(tmp_path).tables["text"] == {"a": text}


def test_phones_of_the_utterances_kept_are_copied_in_order(tmp_path):
    for name, lines in (("x", "b 1 0 .1 a\nb 1 .1 .1 b\na 1 0 .2 c\n"), ("y", "c 1 0 .3 d\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "phones.ctm").write_text(lines)
    (tmp_path / "out").mkdir()
    copy_phones([(tmp_path / "x", {"a": "n"}), (tmp_path / "y", {"a": "n"})], tmp_path / "out", {"n", "b", "c"})
    assert (tmp_path / "out/phones.ctm").read_text() == "b 1 0 .1 a\nb 1 .1 .1 b\nc 1 0 .3 d\nn 1 0 .2 c\n"


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"utt2dur": {"u": "1.53"}}, "u: utt2dur says 1.53 s, and the audio has 6.13 s"),
        ({"utt2dur": {"u": "9"}}, "u: utt2dur says 9.00 s, and the audio has 6.13 s"),
        ({"reco2dur": {"u": "1.53"}}, "u: reco2dur says 1.53 s, and the audio has 6.13 s"),
        ({"utt2dur": {"u": "6.13"}, "reco2dur": {"u": "9"}}, "u: reco2dur says 9.00 s, and the audio has 6.13 s"),
        ({"segments": {"u": "r 2 -1"}, "reco2dur": {"r": "5"}}, "u: reco2dur says 5.00 s, and the audio has 6.13 s"),
        ({"segments": {"u": "r 0 1"}, "reco2dur": {"r": "20"}}, "u: reco2dur says 20.00 s, and the audio has 6.13 s"),
        ({"segments": {"u": "r 2 7"}}, "u: 2.0 to 7.0 s of a recording of 6.13 s"),
    ],
)
def test_a_table_that_gives_the_audio_another_length_is_refused_by_name_by_who_decodes(
    tmp_path, record, make_noise, tables, words
):
    """utt2dur of an earlier, shorter cut: whoever sliced by it would take 1.53 s for the whole transcript."""
    rec = "r" if "segments" in tables else "u"
    write_data_dir(tmp_path / "d", {"wav.scp": {rec: str(record("a.flac", make_noise(6.13)))}, **tables})
    (utterance,) = DataDir.read(tmp_path / "d")
    with pytest.raises(AudioError) as e:
        utterance.audio()
    assert e.value.what == words and e.value.reason in ("other length", "past end")
    assert e.value.where == utterance.path and "a.flac" in utterance.path
    assert ("--fix --out" in e.value.remedy) == (e.value.reason == "other length")


def test_tables_that_round_are_read(tmp_path, record, make_noise):
    path = str(record("a.wav", make_noise(6.13)))
    for table, number in (("utt2dur", "6.2"), ("utt2dur", "6.05"), ("reco2dur", "6.1")):
        write_data_dir(tmp_path / "d", {"wav.scp": {"u": path}, table: {"u": number}})
        assert len(DataDir.read(tmp_path / "d").utterances[0].audio()) == round(6.13 * 16000)
    write_data_dir(tmp_path / "d", {"wav.scp": {"u": path}, "segments": {"u": "u 1 6.2"}})
    assert len(DataDir.read(tmp_path / "d").utterances[0].audio()) == round(5.13 * 16000)


def test_a_file_that_is_cut_off_is_called_so_and_no_table_wrong(tmp_path, record, make_noise):
    path = record("a.wav", make_noise(4))
    path.write_bytes(path.read_bytes()[:64000])
    write_data_dir(tmp_path / "d", {"wav.scp": {"u": str(path)}, "utt2dur": {"u": "4.0"}})
    with pytest.raises(AudioError) as e:
        DataDir.read(tmp_path / "d").utterances[0].audio()
    assert e.value.reason == "truncated"


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg"])
def test_segments_before_a_cut_are_read_whether_the_tables_stem_from_before_it_or_from_after(
    tmp_path, record, make_noise, name
):
    path = record(name, make_noise(6))
    whole = read_audio(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    decodes = audio_info(path, whole=False).seconds
    assert 3 < decodes < 5
    for stated, further in ((decodes, {"to": "r 2 -1"}), (6.0, {"over": "r 2 5.5"})):
        segments = {"before": "r 1 2.5", **further}
        tables = {"wav.scp": {"r": str(path)}, "segments": segments, "reco2dur": {"r": f"{stated:.4f}"}}
        write_data_dir(tmp_path / "d", tables)
        utterances = {u.id: u for u in DataDir.read(tmp_path / "d")}
        np.testing.assert_allclose(utterances.pop("before").audio(), whole[16000:40000], atol=2e-5)
        for cut in utterances.values():
            with pytest.raises(AudioError) as e:
                cut.audio()
            assert e.value.reason == "truncated"
    repair(tmp_path / "d", tmp_path / "fixed", audio=True)
    (kept,) = DataDir.read(tmp_path / "fixed")
    assert kept.id == "before" and len(kept.audio()) == 24000


def test_a_segment_that_begins_past_the_end_is_refused_when_it_is_read(tmp_path, record, make_noise):
    path = str(record("a.wav", make_noise(2)))
    for tables in ({"reco2dur": {"r": "2"}}, {}):
        write_data_dir(tmp_path / "d", {"wav.scp": {"r": path}, "segments": {"u": "r 3 -1"}, **tables})
        with pytest.raises(UserError, match=r"segments:1: u: 3.0 s to its end of r, which has 2.00 s"):
            DataDir.read(tmp_path / "d")
