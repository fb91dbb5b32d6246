"""What is read of recordings of several channels: decided by their correlation, kept, and obeyed by all that read."""

import json
from pathlib import Path

import numpy as np
import pytest
from odd_channels import call, correlated, noise, pitch, tones, write

from toolkit.core.config import build
from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.data.ark import write_waves
from toolkit.data.audio import AudioError, open_recording, read_audio
from toolkit.data.by_speaker import recordings_of
from toolkit.data.channels import ALIKE, Comparison, channel_of, mix_of, taken
from toolkit.data.check import ANY_LENGTH, check_audio, check_channels
from toolkit.data.checks import inspect
from toolkit.data.corpora.segments import CorpusConfig
from toolkit.data.decided import of_corpus
from toolkit.data.edit import combine, restrict
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.data.overlap import SetOfData
from toolkit.data.repair import repair
from toolkit.data.same_audio import probe, tasks
from toolkit.data.sample import apart
from toolkit.pseudo.store import audio_key
from toolkit.report.sources.datasets import read_set
from toolkit.report.sources.recordings import Clip, Recordings, read_wave

CHANNELS, LEFT = "reco2file_and_channel", ("left",)


def mixed(path):
    with open_recording(path) as r:
        return mix_of(r)


@pytest.mark.parametrize(
    ("r", "channels"),
    [
        (1.0, ("",)),
        (0.8, ("",)),
        (0.33, ("",)),
        (0.27, ()),
        (0.0, ()),
        (-0.27, ()),
        (-0.33, ("left",)),
        (-1, ("left",)),
    ],
)
def test_the_correlation_decides_between_mean_left_and_nobody_knows(tmp_path, r, channels):
    mix = mixed(write(tmp_path / "a.wav", correlated(r)))
    assert mix.channels == channels
    assert abs(float(mix.detail.partition("r = ")[2].partition(":")[0]) - r) < 0.02


def test_a_telephone_call_is_for_the_user_to_decide(tmp_path):
    for turn, crosstalk in ((0.5, 0.0), (1.0, 0.05), (2.0, 0.1)):
        mix = mixed(write(tmp_path / f"{turn}.wav", call(turn=turn, crosstalk=crosstalk)))
        assert mix.channels == () and "two speakers" in mix.detail


def test_silence_between_words_does_not_count(tmp_path):
    """Speech on both sides, a second of six; in the rest each has its own hiss, 45 dB below."""
    speech = np.where(np.arange(96000) < 16000, noise(6, 1), 0)
    both = np.stack([speech + noise(6, 2, 5e-4), speech + noise(6, 3, 5e-4)], axis=1)
    mix = mixed(write(tmp_path / "a.wav", both))
    assert mix.channels == ("",) and mix.detail.endswith("r = 1.00")


def test_a_click_does_not_hide_the_speech(tmp_path):
    wave = correlated(0.0) * 0.05
    wave[1000:1010] = 0.99  # on both sides at once
    assert mixed(write(tmp_path / "a.wav", wave)).channels == ()


def test_one_word_of_the_other_side_is_speech(tmp_path):
    one, word = noise(6, 1), np.where(np.abs(np.arange(96000) - 48000) < 2000, noise(6, 2), 0)
    assert mixed(write(tmp_path / "a.wav", np.stack([one, word], axis=1))).channels == ()
    turns = np.stack([np.where(np.arange(96000) < 4000, one, 0), word], axis=1)  # and in a silent recording
    assert mixed(write(tmp_path / "b.wav", turns)).channels == ()


@pytest.mark.parametrize(("speaks", "channel"), [(0, "left"), (1, "right")])
def test_of_two_channels_one_of_which_is_silent_the_speaking_one_is_read(tmp_path, speaks, channel):
    wave = np.zeros((32000, 2))
    wave[:, speaks] = noise(2, 1)
    for hiss in (0.0, 2e-4):
        path = write(tmp_path / f"{hiss}.wav", wave + np.stack([noise(2, 8, hiss), noise(2, 9, hiss)], axis=1))
        mix = mixed(path)
        assert mix.channels == (channel,) and "silent" in mix.note and "silent" in mix.detail
        np.testing.assert_allclose(read_audio(path, channel=channel), wave[:, speaks], atol=1e-3)


def test_offsets_rates_levels_and_the_size_of_blocks_change_nothing(tmp_path):
    wave = correlated(0.5, 70)
    for name, made in (
        ("offset", wave + np.array([0.3, -0.5])),
        ("level", wave * np.array([1.0, 0.03])),
        ("rate", wave),
    ):
        path = write(tmp_path / f"{name}.wav", made, 44100 if name == "rate" else 16000)
        assert mixed(path).detail == "they are alike, r = 0.50"
    parts = Comparison(2, 16000)
    for first in range(0, len(wave), 777):
        parts.hear(wave[first : first + 777].astype(np.float32))
    assert parts.mix().detail == "they are alike, r = 0.50"


def test_more_than_two_channels_are_mixed_if_every_two_are_alike(tmp_path):
    one = noise(4, 1)
    alike = np.stack([one, one + noise(4, 2, 0.05), one + noise(4, 3, 0.05)], axis=1)
    assert mixed(write(tmp_path / "a.wav", alike)).channels == ("",)
    assert mixed(write(tmp_path / "silent.wav", np.column_stack([alike, 0 * one]))).channels == ("",)
    for name, odd in (("stranger", noise(4, 4)), ("opposite", -one)):
        mix = mixed(write(tmp_path / f"{name}.wav", np.column_stack([alike, odd])))
        assert mix.channels == () and "4 channels differ" in mix.detail
    assert mixed(write(tmp_path / "many.wav", np.stack([one] * 9, axis=1))).channels == ()


def test_the_only_one_of_six_channels_that_is_heard_is_read(tmp_path):
    """The centre of a film's sound."""
    one, six = noise(2, 1), np.zeros((32000, 6))
    six[:, 2] = one
    path = write(tmp_path / "film.wav", six)
    for choice in ("auto", "left", "both", "mean"):
        with open_recording(path) as r:
            assert taken(r, choice).channels == ("3",) and taken(r, choice).note.startswith("6 channels: the only one")
    np.testing.assert_array_equal(read_audio(path, channel="3"), one.astype(np.float32))
    tables = {"wav.scp": {"f": str(path)}, "utt2spk": {"f": "f"}}
    write_data_dir(tmp_path / "d", tables)
    np.testing.assert_array_equal(DataDir.read(tmp_path / "d").utterances[0].audio(), one.astype(np.float32))
    (warning,) = [p for p in inspect(tmp_path / "d", audio=True).problems if p.reason == "channels"]
    assert "`f FILE 3`" in warning.remedy
    write_data_dir(tmp_path / "named", {**tables, CHANNELS: {"f": "film 3"}})
    (utterance,) = DataDir.read(tmp_path / "named")
    np.testing.assert_array_equal(utterance.audio(), one.astype(np.float32))
    assert round(float(read_wave(Clip(str(path), 0.0, None, "3"))[0].std() / one.std()), 3) == 1
    write_data_dir(
        tmp_path / "few",
        {**tables, "wav.scp": {"f": str(write(tmp_path / "2.wav", tones(440, 1250)))}, CHANNELS: {"f": "film 3"}},
    )
    with pytest.raises(AudioError, match="channel 3 of a recording of 2 channels"):
        DataDir.read(tmp_path / "few").utterances[0].audio()


def test_silent_has_one_meaning(tmp_path):
    """The left side is at -66 dB of full scale, 36 dB below the other: silent for all who judge."""
    quiet = np.stack([noise(4, 1, 5e-4), noise(4, 2, 0.03)], axis=1)
    path = write(tmp_path / "quiet.wav", quiet)
    for choice in ("auto", "left", "both"):
        with open_recording(path) as r:
            assert taken(r, choice).channels == ("right",)
        assert [(v.reason, v.channel) for v in check_channels(path, ANY_LENGTH, choice)] == [("", "right")]
    with open_recording(path) as r:
        assert taken(r, "auto", silent_dbfs=-80.0).channels == (), "whoever calls it speech decides himself"


def test_one_channel_is_never_decoded_and_damage_is_told(tmp_path, monkeypatch):
    with open_recording(write(tmp_path / "mono.flac", noise(2, 1))) as r, monkeypatch.context() as patch:
        patch.setattr(r, "blocks_of_channels", lambda: pytest.fail("decoded"))
        assert taken(r, "auto").channels == ("",) and taken(r, "both").note == ""
    wave = correlated(0.9)
    wave[5] = np.nan
    with pytest.raises(AudioError, match="not numbers"):
        mixed(write(tmp_path / "nan.wav", wave))
    silent = mixed(write(tmp_path / "silent.wav", np.zeros((9000, 2))))
    assert silent.channels == ("",) and "nothing is heard" in silent.detail
    assert mixed(write(tmp_path / "one.wav", np.zeros((1, 2)))).channels == ("",)


def test_what_is_asked_for_is_read_and_both_only_where_channels_differ(tmp_path):
    one = noise(4, 1)
    two, alike = write(tmp_path / "two.wav", call()), write(tmp_path / "alike.wav", correlated(0.9))
    decided = {  # whatever is asked for: the choice for one call is none for all other files
        alike: ("",),
        write(tmp_path / "opposite.wav", np.stack([one, -one], axis=1)): ("left",),
        write(tmp_path / "silent.wav", np.stack([0 * one, one], axis=1)): ("right",),
    }
    for path, channels in decided.items():
        for choice in ("left", "right", "both", "mean"):
            with open_recording(path) as r:
                assert taken(r, choice).channels == channels
    for choice in ("left", "right"):
        with open_recording(two) as r:
            assert taken(r, choice).channels == (choice,)
    with open_recording(two) as r:
        assert taken(r, "mean").channels == ("",) and taken(r, "both").channels == ("left", "right")


def test_of_six_channels_that_differ_each_may_be_asked_for_and_is_named(tmp_path):
    waves = np.stack([noise(2, seed) for seed in range(6)], axis=1)
    path = write(tmp_path / "six.wav", waves)
    told = check_audio(path).detail
    assert told.endswith("say what is read of it with channel: left|right|3|4|5|6|mean")
    for choice, channel in (("left", 0), ("3", 2), ("6", 5)):
        with open_recording(path) as r:
            mix = taken(r, choice)
        np.testing.assert_array_equal(read_audio(path, channel=mix.channels[0]), waves[:, channel].astype(np.float32))
    for choice in ("7", "both"):
        with open_recording(path) as r:
            assert taken(r, choice).channels == (), "there is none"
    assert build(CorpusConfig, {"take": {"channel": 3}}, "conf/data.yaml").take.channel == "3"


def test_each_channel_is_read_whole_in_part_and_resampled(tmp_path):
    for name, rate in (("a.wav", 16000), ("b.flac", 44100), ("c.ogg", 48000), ("d.mp3", 22050)):
        path = write(tmp_path / name, tones(440, 1250, rate=rate), rate)
        for channel, hertz in (("left", 440), ("right", 1250)):
            for start, end in ((0.0, None), (0.5, 1.5)):
                assert abs(pitch(read_audio(path, start, end, channel=channel)) - hertz) < 2, name
        assert np.abs(read_audio(path)).max() < 0.35 and read_audio(path).std() == pytest.approx(0.15, abs=0.01)


def test_a_verdict_is_of_what_is_read(tmp_path):
    one = noise(2, 1)
    opposite = write(tmp_path / "opposite.wav", np.stack([one, -one], axis=1))
    verdict = check_audio(opposite, ANY_LENGTH)  # its mean is silence
    assert (verdict.reason, verdict.channel, verdict.clipped) == ("", "left", 0.0)
    assert verdict.notes == ("2 channels: left, as they are opposite in phase",)
    two = write(tmp_path / "two.wav", np.stack([one, np.clip(noise(2, 2) * 40, -1, 1)], axis=1))
    verdict = check_audio(two, ANY_LENGTH)
    assert verdict.reason == "channels that differ" and "channel: left|right|both|mean" in verdict.detail
    left, right = check_channels(two, ANY_LENGTH, "both")
    assert (left.reason, left.channel, right.reason, right.channel) == ("", "left", "clipped", "right")


@pytest.fixture
def calls(tmp_path):
    """A user's Kaldi folder of one call: both sides by segments, as recordings call-a and call-b of one file."""
    path = str(write(tmp_path / "call.wav", tones(440, 1250)))
    tables = {
        "wav.scp": {"call-a": path, "call-b": path},
        "segments": {"a-1": "call-a 0 1", "b-1": "call-b 1 2"},
        "utt2spk": {"a-1": "a", "b-1": "b"},
        "reco2dur": {"call-a": "2.0", "call-b": "2.0"},
        CHANNELS: {"call-a": "call A", "call-b": "call B"},
    }
    write_data_dir(tmp_path / "calls", tables)
    return tmp_path / "calls"


def test_a_table_of_channels_is_obeyed(calls):
    a, b = DataDir.read(calls)
    assert (a.channel, b.channel) == ("left", "right")
    assert round(pitch(a.audio())) == 440 and round(pitch(b.audio())) == 1250
    assert b.audio().std() == pytest.approx(0.3 / np.sqrt(2), rel=1e-3)  # not at half its level
    assert audio_key(a) != audio_key(b)
    assert inspect(calls, audio=True).problems == []


def test_the_table_of_channels_of_a_command_that_cut_the_side_out_changes_nothing(tmp_path):
    path = write(tmp_path / "b.wav", tones(1250, 1250)[:, 0])
    tables = {"wav.scp": {"call-b": f"cat {path} |"}, CHANNELS: {"call-b": "call B"}}
    write_data_dir(tmp_path / "d", tables)
    (utterance,) = DataDir.read(tmp_path / "d", allow_pipes=True)
    assert round(pitch(utterance.audio())) == 1250
    write_data_dir(
        tmp_path / "e",
        {"wav.scp": {"call-b": str(path)}, "utt2spk": {"call-b": "call"}, **{CHANNELS: {"call-b": "x B"}}},
    )
    (warning,) = [p for p in inspect(tmp_path / "e", audio=True).problems if p.file == CHANNELS]
    assert warning.level == "warning" and "one channel" in warning.message


@pytest.mark.parametrize(("side", "warned"), [("A", False), ("1", False), ("B", True), ("2", True), ("3", True)])
def test_the_first_channel_of_one_is_what_kaldi_writes_and_any_other_is_warned_of(tmp_path, side, warned):
    path = str(write(tmp_path / "mono.wav", noise(2, 1)))
    write_data_dir(tmp_path / "d", {"wav.scp": {"u": path}, "utt2spk": {"u": "u"}, CHANNELS: {"u": f"u {side}"}})
    for audio in (False, True):
        problems = [p for p in inspect(tmp_path / "d", audio=audio).problems if p.reason == "channels"]
        assert [(p.level, p.id) for p in problems] == [("warning", "u")] * warned


def test_a_side_of_an_ark_is_read(tmp_path):
    wave = (tones(440, 1250) * 32767).astype("int16")
    write_waves(tmp_path / "a.ark", [("u", 16000, wave)])
    scp = dict(line.split(" ", 1) for line in (tmp_path / "a.scp").read_text().splitlines())
    write_data_dir(tmp_path / "d", {"wav.scp": scp, CHANNELS: {"u": "a B"}})
    assert round(pitch(DataDir.read(tmp_path / "d").utterances[0].audio())) == 1250


@pytest.mark.parametrize("value", ["call C", "call b", "call left", "call 0", "call AB", "call"])
def test_a_channel_that_is_neither_a_nor_b_is_refused_by_name(calls, value):
    lines = (calls / CHANNELS).read_text().replace("call B", value)
    (calls / CHANNELS).write_text(lines)
    side = value.split()[-1]
    with pytest.raises(UserError, match=rf"{CHANNELS}:2: ") as told:
        DataDir.read(calls)
    if " " in value:
        assert f"channel {side} is none of A, B and 1 to 8; write A (left), B (right), or the channel" in str(
            told.value
        )
    told = repair(calls, calls.parent / "mended")
    assert "call-b" in told and [u.id for u in DataDir.read(calls.parent / "mended")] == ["a-1"]
    assert inspect(calls.parent / "mended", audio=True).errors == []


def test_one_and_two_name_the_sides_too(calls):
    (calls / CHANNELS).write_text("call-a call 1\ncall-b call 2\n")
    assert [u.channel for u in DataDir.read(calls)] == ["left", "right"]


def test_steps_that_copy_tables_keep_the_channels(calls, tmp_path):
    data = DataDir.read(calls)
    assert restrict(data.tables, ["b-1"])[CHANNELS] == {"call-b": "call B"}
    mono = {"wav.scp": {"m": str(write(tmp_path / "m.wav", noise(1, 1)))}, "utt2spk": {"m": "m"}}
    write_data_dir(tmp_path / "mono", mono)
    joined, _ = combine([data, DataDir.read(tmp_path / "mono")])
    assert joined[CHANNELS] == data.tables[CHANNELS]
    assert CHANNELS not in restrict(joined, ["m"])
    assert recordings_of(joined)["b-1"] == "call-b"


def test_one_recording_read_in_two_ways_is_renamed_or_refused(calls, tmp_path):
    data = DataDir.read(calls)
    tables = {name: dict(table) for name, table in data.tables.items() if name != CHANNELS}
    renamed = {
        name: {id.replace("-1", "-2"): value for id, value in tables[name].items()} for name in ("segments", "utt2spk")
    }
    write_data_dir(tmp_path / "means", {**tables, **renamed})
    means = DataDir.read(tmp_path / "means")
    with pytest.raises(UserError, match="clash"):
        combine([data, means])
    both, _ = combine(apart([data, means]))
    write_data_dir(tmp_path / "both", both)
    heard = {u.id: round(pitch(u.audio())) if u.channel else "mean" for u in DataDir.read(tmp_path / "both")}
    assert heard == {"a-1": 440, "a-2": "mean", "b-1": 1250, "b-2": "mean"}


def test_a_test_set_of_one_side_is_known_in_training_by_that_side(calls, tmp_path):
    tables = {"wav.scp": {"t": str(tmp_path / "call.wav")}, "segments": {"t-1": "t 1 2"}, CHANNELS: {"t": "x B"}}
    write_data_dir(tmp_path / "test", tables)
    sets = [
        SetOfData(name, name, "corpus", name == "train", name == "train", DataDir.read(path))
        for name, path in (("train", calls), ("test", tmp_path / "test"))
    ]
    hashes = {row.id: row.hash for task in tasks(sets) for row in probe(task) if row.place >= 0}
    assert hashes["t-1"] == hashes["b-1"] != hashes["a-1"]


def test_the_page_plays_the_side_that_is_read(calls):
    clip = Recordings([read_set(calls)]).clip("b-1")
    assert clip == Clip(DataDir.read(calls).tables["wav.scp"]["call-b"], 1.0, 2.0, "B")
    assert round(pitch(read_wave(clip)[0])) == 1250


def test_a_folder_whose_means_are_wrong_is_warned_of(tmp_path):
    one = noise(2, 1)
    waves = {"alike": correlated(0.9), "call": call(), "opposite": np.stack([one, -one], axis=1)}
    waves["silent"] = np.stack([0 * one, one], axis=1)
    wav = {name: str(write(tmp_path / f"{name}.wav", wave)) for name, wave in waves.items()}
    write_data_dir(tmp_path / "d", {"wav.scp": wav, "utt2spk": {name: name for name in wav}})
    warnings = {
        p.id: p.message + p.remedy for p in inspect(tmp_path / "d", audio=True).problems if p.reason == "channels"
    }
    assert warnings.keys() == {"call", "opposite", "silent"}
    assert "`opposite FILE A`" in warnings["opposite"] and "`silent FILE B`" in warnings["silent"]
    assert "A or B" in warnings["call"]


def test_without_a_table_a_data_directory_is_read_as_a_file_is(tmp_path, capsys):
    one, waves = noise(2, 1), {"call": call(), "alike": correlated(0.9)}
    waves |= {"opposite": np.stack([one, -one], axis=1), "silent": np.stack([0 * one, one], axis=1)}
    wav = {name: str(write(tmp_path / f"{name}.wav", wave)) for name, wave in waves.items()}
    write_data_dir(tmp_path / "d", {"wav.scp": wav, "utt2spk": {name: name for name in wav}})
    heard = {u.id: u.audio() for u in DataDir.read(tmp_path / "d")}
    for name in ("opposite", "silent"):
        np.testing.assert_array_equal(heard[name], one.astype(np.float32))
    for name in ("call", "alike"):
        np.testing.assert_allclose(heard[name], waves[name].mean(axis=1), atol=1e-7)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(line.startswith("WARNING: ") for line in lines)
    assert "no line of reco2file_and_channel" in next(line for line in lines if wav["call"] in line)
    assert "left, as they are opposite in phase" in next(line for line in lines if wav["opposite"] in line)
    assert [u.audio().std() > 0 for u in DataDir.read(tmp_path / "d")] == [True] * 4
    assert capsys.readouterr().out == "", "told once"
    (warning,) = [p for p in inspect(tmp_path / "d").problems if p.reason == "channels"]
    assert warning.level == "warning" and "4 recordings of several channels" in warning.message
    assert {p.reason for p in inspect(tmp_path / "d", audio=True).problems if p.id == "opposite"} == {"channels"}


def test_what_the_step_of_a_corpus_has_decided_is_not_decided_again(tmp_path, monkeypatch):
    """It was asked for the mean of a call; its sets, and sets drawn from them, are read so without a word."""
    monkeypatch.chdir(tmp_path)
    tables = {"wav.scp": {"call": str(write(tmp_path / "call.wav", call()))}, "utt2spk": {"call": "call"}}
    made = {
        "data": ["data.corpora.fleurs", "--in", "corpus", "--out", "data"],
        "dump/sets": ["data.sample", "--in", "data/test", "--out", "dump/sets"],
        "dump/mix": ["data.mix", "--in", "dump/sets", "mine", "--out", "dump/mix"],
    }
    for folder, command in made.items():
        write_json(
            tmp_path / folder / "record.json", {"state": "done", "id": "0", "parts": {"command": json.dumps(command)}}
        )
    for folder in ("data/test", "dump/sets/test", "dump/mix/test", "mine"):
        write_data_dir(tmp_path / folder, tables)
    decided = {"data/test": True, "dump/sets/test": True, "dump/mix/test": False, "mine": False}
    assert {folder: of_corpus(Path(folder)) for folder in decided} == decided
    assert {folder: DataDir.read(folder).utterances[0].decided for folder in decided} == decided
    assert [p.reason for p in inspect(Path("data/test")).problems if p.reason == "channels"] == []
    monkeypatch.setattr("toolkit.data.utterance.channel_read", lambda r: pytest.fail("decided again"))
    DataDir.read("dump/sets/test").utterances[0].audio()


def test_both_sides_of_a_file_of_one_channel_are_refused_by_its_header(tmp_path):
    path, side = (str(write(tmp_path / f"{name}.wav", noise(2, seed))) for seed, name in enumerate(("mono", "side")))
    wav = {"mono-A": path, "mono-B": path, "side-B": side}
    sides = {"mono-A": "mono A", "mono-B": "mono B", "side-B": "side B"}
    write_data_dir(tmp_path / "d", {"wav.scp": wav, "utt2spk": {rec: rec for rec in wav}, CHANNELS: sides})
    for audio in (False, True):
        problems = {p.id: p for p in inspect(tmp_path / "d", audio=audio).problems if p.reason == "channels"}
        assert {rec: p.level for rec, p in problems.items()} == {
            "mono-A": "error",
            "mono-B": "error",
            "side-B": "warning",
        }
        assert "mono-A and mono-B are sides of one file" in problems["mono-B"].message
    a, b, extracted = DataDir.read(tmp_path / "d")
    for utterance in (a, b):
        with pytest.raises(AudioError, match="sides of one file, which has one channel"):
            utterance.audio()
    assert len(extracted.audio()) == 32000


def test_one_file_is_told_of(tmp_path):
    path = write(tmp_path / "call.wav", call())
    channel, line = channel_of(path, "auto")
    assert channel == "" and line.startswith("WARNING") and "--channel left|right|mean" in line and f"{path}" in line
    channel, line = channel_of(path, "right")
    assert channel == "right" and line.startswith(
        f"note: {path}: 2 channels: right, as asked for (its 2 channels differ"
    )
    assert channel_of(write(tmp_path / "mono.wav", noise(1, 1)), "auto") == ("", "")
    assert ALIKE == 0.3
