"""Decoding in a step: a disk that is away is waited for; what is broken, or no speech, is a row; too many end it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger, read_ledger
from toolkit.core.step import Step
from toolkit.data import listen
from toolkit.data.audio import AudioError
from toolkit.data.kaldi import DataDir, Utterance, write_data_dir
from toolkit.data.listen import WARNED, Listener, decoded, drop_warned, hear_all, system_error, too_many, undecodable

RATE = 16000


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which took its time."""
    made: list[float] = []
    monkeypatch.setattr(listen.time, "sleep", made.append)
    return made


def clip(path: Path, id: str = "متكلم-1") -> Utterance:
    return Utterance(id, str(path), 0.0, None, "متكلم", 1.0)


def failing(monkeypatch: pytest.MonkeyPatch, errors: Sequence[Exception | None]) -> None:
    """Utterance.audio raises these errors, one at each call; None: it reads."""
    left, honest = list(errors), Utterance.audio

    def audio(self: Utterance) -> np.ndarray:
        error = left.pop(0) if left else None
        if error:
            raise error
        return honest(self)

    monkeypatch.setattr(Utterance, "audio", audio)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_disk_that_comes_back_is_waited_for_and_loses_no_clip(
    number: int, record: Callable[..., Path], make_noise: Callable[..., np.ndarray],
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = record("a.wav", make_noise(1))
    failing(monkeypatch, [OSError(number, os.strerror(number), str(path))] * 3)
    assert len(decoded(clip(path))) == RATE
    assert pauses == [2.0, 10.0, 60.0]
    written = capsys.readouterr().out
    assert written.count(errno.errorcode[number]) == 3 and "متكلم-1" in written and "tried again in 10 s" in written


def test_a_disk_that_stays_away_ends_the_step_and_is_named(
    record: Callable[..., Path], make_noise: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record("a.wav", make_noise(1))
    failing(monkeypatch, [OSError(errno.EIO, "Input/output error", str(path))] * 9)
    with pytest.raises(UserError, match=r"Input/output error \(EIO\), 4 times in 72 s") as e:
        decoded(clip(path))
    assert not isinstance(e.value, AudioError) and e.value.where == str(path) and "rerun" in e.value.remedy


def test_an_error_of_the_system_beneath_a_decoder_is_told_from_a_broken_clip(tmp_path: Path) -> None:
    """/proc/self/mem cannot be read at its beginning: the kernel says EIO, a decoder that the file is empty."""
    link = tmp_path / "a.wav"
    link.symlink_to("/proc/self/mem")
    error = system_error(str(link))
    assert error is not None and error.errno == errno.EIO
    with pytest.raises(UserError, match="EIO") as e:
        decoded(clip(link))
    assert not isinstance(e.value, AudioError)


def test_a_file_that_is_gone_is_a_broken_clip_and_a_folder_that_is_gone_a_disk(tmp_path: Path) -> None:
    with pytest.raises(AudioError) as e:
        decoded(clip(tmp_path / "gone.wav"))
    assert e.value.reason == "missing"
    with pytest.raises(UserError, match=r"\(ENOENT\), 4 times") as away:
        decoded(clip(tmp_path / "share/gone.wav"))
    assert not isinstance(away.value, AudioError)
    assert system_error(f"{tmp_path}/gone.ark:17") is None
    assert system_error(f"{tmp_path}/share/gone.ark:17") is not None
    assert system_error("cat gone.wav |") is None


def test_a_clip_is_broken_only_if_it_fails_twice(
    record: Callable[..., Path], make_noise: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may be back before anybody has asked it what was wrong."""
    path = record("a.wav", make_noise(1))
    failing(monkeypatch, [AudioError("truncated", "System error", str(path))])
    assert len(decoded(clip(path))) == RATE


def made_set(folder: Path, waves: dict[str, np.ndarray | bytes | None]) -> Path:
    """A data directory; bytes are written as they are, None is no file."""
    (folder.parent / "wav").mkdir(exist_ok=True)
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "utt2spk": {}, "utt2dur": {}}
    for id, wave in waves.items():
        path = folder.parent / "wav" / f"{id}.wav"
        if isinstance(wave, np.ndarray):
            soundfile.write(path, wave, RATE, "FLOAT")
        elif wave is not None:
            path.write_bytes(wave)
        tables["wav.scp"][id], tables["utt2spk"][id], tables["utt2dur"][id] = str(path), id, "1.0"
    write_data_dir(folder, tables)
    return folder


def heard(folder: Path, out: Path) -> tuple[set[str], Step[None]]:
    step = Step(None, [folder], out, ["pseudo.pack"], ledger=Ledger("pseudo.pack"))
    data = DataDir.read(folder)
    return hear_all(step, data, data.utterances), step


def test_training_rows_go_to_the_ledger_and_test_rows_stay_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = (0.5 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE + 0.1)).astype(np.float32)
    waves = {"a": loud, "b": 0 * loud, "c": np.sign(loud), "d": loud * 32768, "e": loud * 1e-4, "f": b"", "g": None}
    undecodable = {("f", "empty"), ("g", "missing")}
    judged = {("b", "silent"), ("c", "clipped"), ("d", "out of range"), ("e", "silent")}
    lost, step = heard(made_set(tmp_path / "train", waves), tmp_path / "one")
    assert lost == {"b", "c", "d", "e", "f", "g"}
    assert {(row[0], row[2]) for row in step.ledger.rows} == undecodable | judged
    assert not (tmp_path / "one" / WARNED).exists() and "warned" not in step.counts
    lost, step = heard(made_set(tmp_path / "test", waves), tmp_path / "two")
    assert lost == {"f", "g"} and {(row[0], row[2]) for row in step.ledger.rows} == undecodable
    assert {(row[0], row[2]) for row in read_ledger(tmp_path / "two" / WARNED)} == judged
    written = capsys.readouterr().out
    assert (
        "WARNING: e: silent: its loudest tenth of a second is at -89 dB" in written
        and "multiply it by 10,000" in written
    )
    assert "WARNING: c: clipped: 100.0% of the samples are at full scale" in written and step.counts["warned"] == 4


@pytest.mark.parametrize("name", ["train", "test"])
def test_ten_words_in_a_tenth_of_a_second_are_judged_by_whoever_decodes_them(
    name: str, make_noise: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    folder = made_set(tmp_path / name, {"a": make_noise(0.1), "b": make_noise(4)})
    (folder / "utt2dur").write_text("a 0.1\nb 4.0\n")
    text = "ذهبت مع أخي إلى السوق القديم في وسط المدينة أمس"
    (folder / "text").write_text(f"a {text}\nb {text}\n", encoding="utf-8")
    lost, step = heard(folder, tmp_path / "out")
    rows = step.ledger.rows if name == "train" else read_ledger(tmp_path / "out" / WARNED)
    letters = sum(map(str.isalpha, text))
    assert [(row[0], row[2]) for row in rows] == [("a", "letters per second")] and len(lost) == (name == "train")
    assert f"{letters} letters in 0.10 s: {letters / 0.1:.1f} a second, more than 35" in rows[0][3]


def test_transcripts_keep_no_audio_out_where_they_are_not_learnt(
    make_noise: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    """Units are of the audio, and a pseudo-label is the teacher's."""
    folder = made_set(tmp_path / "train", {"a": make_noise(0.1)})
    (folder / "utt2dur").write_text("a 0.1\n")
    (folder / "text").write_text("a ذهبت مع أخي إلى السوق القديم في وسط المدينة أمس\n", encoding="utf-8")
    data = DataDir.read(folder)
    assert len(Listener.of([data]).hear(data.utterances[0])) == RATE // 10
    with pytest.raises(AudioError, match=r"letters in 0\.10 s"):
        Listener.of([data], texts=True).hear(data.utterances[0])
    scored = Listener.of([data], trained=False, texts=True)
    scored.hear(data.utterances[0])
    scored.write_warned(tmp_path, "pseudo.transcribe")
    step = Step(None, [], tmp_path / "out", ["pseudo.pack"], ledger=Ledger("pseudo.pack"))
    assert scored.warned.keys() == {"a"} and drop_warned(step, folder, tmp_path, ["a"]) == set() == {*step.ledger.rows}


def test_what_was_warned_of_is_dropped_where_the_set_is_trained_on(tmp_path: Path) -> None:
    """As transcripts of a training set are packed, whose step warns because it also serves test sets."""
    ledger = Ledger("pseudo.transcribe")
    ledger.drop("b", "silent", "every sample is 0")
    (tmp_path / "labels").mkdir()
    ledger.write(tmp_path / "labels" / WARNED)
    for name, lost in (("data/train", {"b"}), ("data/dev", set())):
        step = Step(None, [], tmp_path / "out", ["pseudo.pack"], ledger=Ledger("pseudo.pack"))
        assert drop_warned(step, Path(name), tmp_path / "labels", ["a", "b"]) == lost
        assert [row[0] for row in step.ledger.rows] == sorted(lost)


def test_a_clip_that_was_cut_since_its_tables_were_made_is_broken(
    record: Callable[..., Path], make_noise: Callable[..., np.ndarray]
) -> None:
    """A whole file of less audio, as after another export."""
    path = record("a.wav", make_noise(2))
    with pytest.raises(AudioError, match=r"utt2dur says 4\.00 s, and the audio has 2\.00 s") as e:
        Listener.plain().hear(replace(clip(path), seconds=4.0, table="utt2dur"))
    assert undecodable(e.value.reason)


@pytest.mark.parametrize("rate", [1, 3999])
def test_a_rate_that_would_fill_all_memory_is_a_broken_clip(
    rate: int, record: Callable[..., Path], make_noise: Callable[..., np.ndarray]
) -> None:
    with pytest.raises(AudioError, match=f"{rate} samples a second, fewer than 4000: a damaged header") as e:
        decoded(clip(record("a.wav", make_noise(1), rate)))
    assert e.value.reason == "rate"


@pytest.mark.parametrize("kind", ["fifo", "zero", "folder"])
def test_what_is_no_file_is_a_broken_clip_and_is_not_read_for_ever(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    {"fifo": lambda: os.mkfifo(path), "zero": lambda: path.symlink_to("/dev/zero"), "folder": path.mkdir}[kind]()
    with pytest.raises(AudioError, match="not a file"):
        decoded(clip(path))


@pytest.mark.parametrize(("broken", "size", "many"), [(3, 10, False), (4, 10, True), (4, 4000, False), (5, 4000, True)])
def test_three_clips_or_a_thousandth_of_a_set_may_be_broken(broken: int, size: int, many: bool) -> None:
    assert too_many(broken, size) == many


def test_a_step_with_too_many_broken_clips_ends_with_their_list_and_tries_them_again(
    make_noise: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    good = make_noise(1)
    ids = [f"u{i}" for i in range(8)]
    folder = made_set(tmp_path / "train", {id: b"RIFF" if id < "u4" else good for id in ids})
    with pytest.raises(UserError, match="4 of 8 clips cannot be used, where 3 may be left out:") as e:
        heard(folder, tmp_path / "out")
    assert all(f"\n  {id}: unreadable: " in e.value.what for id in ids[:4]) and "validate" in e.value.remedy
    for id in ids[:2]:
        soundfile.write(tmp_path / f"wav/{id}.wav", good, RATE)
    lost, step = heard(folder, tmp_path / "out")  # the shards of the first run do not hide that two are whole again
    assert lost == {"u2", "u3"} == {row[0] for row in step.ledger.rows}


def test_sets_of_one_step_are_judged_each_by_its_own_rules(
    make_noise: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    silent = np.zeros(RATE, np.float32)
    sets = [made_set(tmp_path / name, {f"{name}-1": silent}) for name in ("train", "dev")]
    listener = Listener.of([DataDir.read(path) for path in sets])
    with pytest.raises(AudioError, match="every sample is 0"):
        listener.hear(clip(tmp_path / "wav/train-1.wav", "train-1"))
    listener.hear(clip(tmp_path / "wav/dev-1.wav", "dev-1"))
    assert listener.warned == {"dev-1": ("silent", "every sample is 0")}
