"""The same audio in train and test is found whatever it is called and however it is stored, and nothing else is."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from toolkit.core.record import read_ledger, read_record
from toolkit.core.step import Step
from toolkit.data.contamination import ContaminationConfig, run
from toolkit.data.kaldi import write_data_dir

SECONDS = 120.0


def write_set(folder, files, segments=None, digits=4, extra=None):
    """A set over recordings id -> (path, seconds); segments: utterance -> (recording, start, end)."""
    tables = {
        "wav.scp": {id: str(path) for id, (path, _) in files.items()},
        "reco2dur": {id: f"{seconds:.{digits}f}" for id, (_, seconds) in files.items()},
    }
    if segments:
        tables["segments"] = {id: f"{rec} {start:.2f} {end:.2f}" for id, (rec, start, end) in segments.items()}
    tables["utt2spk"] = {id: id for id in segments or files}
    write_data_dir(folder, {**tables, **(extra or {})})
    return folder


def clean(root, **config):
    """The rows of the ledger of a run over root/data, in this process: id -> (reason, detail)."""
    out = root / "out"
    out.mkdir()
    step = Step(ContaminationConfig(most=1.0, **config), [root / "data"], out, ["data.contamination"])
    run(step)
    return {id: (reason, detail) for id, _, reason, detail in step.ledger.rows}


@pytest.fixture
def speech(make_noise):
    """Sixteen-bit samples: what a wav and a flac of them decode to is the same to the bit."""
    return lambda seconds, seed: np.round(make_noise(seconds, seed=seed) * 32767) / 32768


def test_a_flac_of_the_samples_of_a_wav_is_the_same_audio(tmp_path, record, speech):
    same, another = speech(2.5, 1), speech(2.5, 2)
    files = {"أ-1": (record("a.wav", same), 2.5), "أ-2": (record("b.wav", another), 2.5)}
    write_set(tmp_path / "data/train", files)
    write_set(tmp_path / "data/test", {"ب-1": (record("c.flac", same), 2.5)})
    assert clean(tmp_path) == {"أ-1": ("shared audio", "audio أ-1 = ب-1 is in test")}


@pytest.mark.parametrize("change", ["noise", "level", "delay"])
def test_audio_that_sounds_alike_and_has_other_samples_is_not_the_same(tmp_path, record, speech, change):
    wave = speech(2.0, 1)
    noisy = wave + np.random.default_rng(5).integers(-3, 4, len(wave)) / 32768
    another = {"noise": noisy, "level": wave * 0.9, "delay": np.roll(wave, 1)}[change]
    write_set(
        tmp_path / "data/train", {"أ-1": (record("a.wav", wave), 2.0), "أ-2": (record("b.wav", speech(2, 9)), 2.0)}
    )
    write_set(tmp_path / "data/test", {"ب-1": (record("c.wav", another), 2.0)})
    assert clean(tmp_path) == {}


def test_one_changed_sample_far_from_the_probe_makes_another_utterance(tmp_path, record, speech):
    wave = speech(2.0, 1)
    another = wave.copy()
    another[100] += 4 / 32768
    write_set(
        tmp_path / "data/train", {"أ-1": (record("a.wav", wave), 2.0), "أ-2": (record("b.wav", speech(2, 9)), 2.0)}
    )
    write_set(tmp_path / "data/test", {"ب-1": (record("c.wav", another), 2.0)})
    assert clean(tmp_path) == {}


@pytest.mark.parametrize("digits", [2, 3, 4])
@pytest.mark.parametrize("samples", [31999, 32000, 32001, 32079, 32080])
def test_lengths_that_tables_round_do_not_hide_the_same_audio(tmp_path, record, speech, digits, samples):
    wave, seconds = speech(3.0, 1)[:samples], samples / 16000
    record("b.wav", speech(3, 9))
    write_set(tmp_path / "data/train", {"أ-1": (record("a.wav", wave), seconds), "أ-2": (tmp_path / "b.wav", 3.0)})
    write_set(tmp_path / "data/test", {"ب-1": (record("c.flac", wave), seconds)}, digits=digits)
    assert [*clean(tmp_path)] == ["أ-1"]


def test_a_piece_of_a_recording_is_the_same_audio_as_a_file_of_that_piece(tmp_path, record, speech):
    wave = speech(9.0, 3)
    long = {"r1": (record("long.flac", wave), 9.0)}
    pieces = {"r1-a": ("r1", 1.5, 3.75), "r1-b": ("r1", 4.0, 6.25), "r1-c": ("r1", 3.76, 3.99)}
    write_set(tmp_path / "data/train", long, pieces)
    write_set(tmp_path / "data/test", {"ب-1": (record("piece.wav", wave[24000:60000]), 2.25)})
    assert clean(tmp_path) == {"r1-a": ("shared audio", "audio r1-a = ب-1 is in test")}


def test_silence_is_shared_with_nobody_and_a_silent_middle_hides_nothing(tmp_path, record, speech):
    silence, talk = np.zeros(32000), speech(2.0, 1)
    talk[8000:24000] = 0
    train = {"أ-0": (record("a.wav", silence), 2.0), "أ-1": (record("b.wav", talk), 2.0)}
    train["أ-2"] = (record("c.wav", speech(2, 8)), 2.0)
    write_set(tmp_path / "data/train", train)
    write_set(tmp_path / "data/test", {"ب-0": (record("d.flac", silence), 2.0), "ب-1": (record("e.flac", talk), 2.0)})
    assert clean(tmp_path) == {"أ-1": ("shared audio", "audio أ-1 = ب-1 is in test")}


@pytest.mark.parametrize("how", ["copy", "link", "itself"])
def test_a_recording_that_is_byte_for_byte_in_test_is_the_same_however_it_is_cut(tmp_path, record, speech, how):
    one = record("x/one.wav", speech(8.0, 1))
    two = {"copy": tmp_path / "x/two.wav", "link": tmp_path / "x/two.wav", "itself": one}[how]
    if how != "itself":
        {"copy": shutil.copyfile, "link": os.link}[how](one, two)
    another = record("x/other.wav", speech(8.0, 2))  # as large, and another
    segments = {"r1-a": ("r1", 0.0, 2.0), "r1-b": ("r1", 2.0, 4.5), "r2-a": ("r2", 0, 3.3)}
    write_set(tmp_path / "data/train", {"r1": (one, 8.0), "r2": (another, 8.0)}, segments)
    write_set(tmp_path / "data/test", {"t1": (two, 8.0)}, {"t1-a": ("t1", 5.0, 6.1)})
    rows = clean(tmp_path)
    assert {id: reason for id, (reason, _) in rows.items()} == {"r1-a": "shared audio", "r1-b": "shared audio"}
    assert rows["r1-a"][1] == f"audio one.wav = {two.name}, byte for byte is in test"


def test_recordings_of_another_rate_are_compared_at_16_khz(tmp_path, record, make_noise):
    wave = np.round(make_noise(2.0, rate=8000, seed=4) * 32767) / 32768
    files = {
        "أ-1": (record("a.wav", wave, 8000), 2.0),
        "أ-2": (record("b.wav", make_noise(2, 8000, seed=9), 8000), 2.0),
    }
    write_set(tmp_path / "data/train", files)
    write_set(tmp_path / "data/test", {"ب-1": (record("c.flac", wave, 8000), 2.0)})
    assert [*clean(tmp_path)] == ["أ-1"]


def test_recordings_that_cannot_be_heard_are_counted_and_stop_nothing(tmp_path, record, speech, capsys):
    (tmp_path / "bad.wav").write_bytes(b"RIFF" + b"\0" * 60)
    same = speech(2.0, 1)
    train = {
        "أ-1": (record("a.wav", same), 2.0),
        "أ-2": (tmp_path / "bad.wav", 2.0),
        "أ-3": (tmp_path / "gone.wav", 2.0),
    }
    write_set(tmp_path / "data/train", train)
    write_set(tmp_path / "data/test", {"ب-1": (record("c.flac", same), 2.0)})
    assert [*clean(tmp_path)] == ["أ-1"]
    assert "WARNING: 2 recordings could not be heard" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "out/contamination.json").read_text())["unreadable"]) == 2


def test_nothing_is_opened_where_no_length_and_no_size_is_shared(tmp_path, record, speech, monkeypatch):
    write_set(tmp_path / "data/train", {"أ-1": (record("a.wav", speech(2.0, 1)), 2.0)})
    write_set(tmp_path / "data/test", {"ب-1": (record("c.wav", speech(2.1, 1)), 2.1)})
    monkeypatch.setattr("toolkit.data.same_audio.open_recording", lambda *a, **k: pytest.fail("opened"))
    assert clean(tmp_path) == {}


@pytest.fixture
def many(tmp_path, record, speech):
    """Forty recordings of one length to train on, four of them in test too under other names, as flac."""
    waves = [speech(1.5, i) for i in range(44)]
    train = {f"م-{i:02}": (record(f"audio/{i}.wav", waves[i]), 1.5) for i in range(40)}
    test = {f"ن-{i:02}": (record(f"audio/t{i}.flac", waves[i]), 1.5) for i in (3, 14, 15, 39, 40, 41)}
    write_set(tmp_path / "data/train", train)
    write_set(tmp_path / "data/test", test)
    return tmp_path / "data"


def start(data, out, nj=1):
    env = {**os.environ, "SAWT_NJ": str(nj), "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, "-m", "toolkit.data.contamination", "--in", str(data), "--out", str(out)]
    argv += ["--allow-contamination", "true"]
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")


def finished(data, out, nj=1):
    """Run to the end; path -> bytes of all that neither jobs nor kills may change."""
    process = start(data, out, nj)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and "log" not in p.parts)
    measured = ("times.json", ".lock", "record.json")
    return {str(p.relative_to(out)): p.read_bytes() for p in files if p.name not in measured}


def killed(data, out, least):
    """Kill a run when `least` shards are there; whether it had not ended yet."""
    process, deadline = start(data, out, nj=2), time.monotonic() + SECONDS
    while process.poll() is None and len(list(out.glob("shards/*.jsonl"))) < least:
        assert time.monotonic() < deadline, f"no {least} shards in {SECONDS:.0f} s"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), output
    return process.returncode == -signal.SIGKILL and read_record(out)["state"] == "running"


def test_jobs_and_kills_change_no_byte(many, tmp_path):
    one, two = finished(many, tmp_path / "a/out"), finished(many, tmp_path / "b/out", nj=2)
    for least in (1, 5):
        while not killed(many, tmp_path / "c/out", least):
            shutil.rmtree(tmp_path / "c/out")  # done before its kill: begun anew
    assert finished(many, tmp_path / "c/out") == two == one
    rows = read_ledger(tmp_path / "a/out/dropped.tsv")
    assert {(id, reason) for id, _, reason, _ in rows} == {(f"م-{i:02}", "shared audio") for i in (3, 14, 15, 39)}
    assert read_record(tmp_path / "a/out")["counts"]["train_utterances"] == 36
