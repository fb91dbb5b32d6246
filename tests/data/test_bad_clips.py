"""Clips that go bad after the data stage: their rows leave the batches of a training, the others are the same bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.data import bad_clips, listen
from toolkit.data.audio import AudioError
from toolkit.data.bad_clips import BadClips, BadClipsOfRun
from toolkit.data.batches import CroppedSpeech, LabelledSpeech, Left, is_empty, prefetch, without_lost
from toolkit.data.frames import HOP, frames_of, samples_of
from toolkit.data.judge import Limits
from toolkit.data.kaldi import Utterance
from toolkit.data.labels import LabelHeader, Labels, write_labels
from toolkit.data.provenance import Rules
from toolkit.train.augment import augmented
from toolkit.train.config import AugmentConfig

RATE, SIZES = 16000, (9000, 12000, 16001, 9000, 24000, 9000)


def damaged(path: Path) -> None:
    """A WAV whose end is gone, as after an interrupted copy."""
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 4])


def deleted(path: Path) -> None:
    path.unlink()


def shortened(path: Path) -> None:
    """A whole file again, and of less audio."""
    wave, _ = soundfile.read(path)
    soundfile.write(path, wave[: len(wave) // 2], RATE, "FLOAT")


def silenced(path: Path) -> None:
    wave, _ = soundfile.read(path)
    soundfile.write(path, 0 * wave, RATE, "FLOAT")


def corrupted(path: Path) -> None:
    """A FLAC whose middle is overwritten, in the place of a WAV."""
    wave, _ = soundfile.read(path)
    soundfile.write(path, wave, RATE, format="FLAC")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3 : len(whole) // 2] = os.urandom(len(whole) // 2 - len(whole) // 3)
    path.write_bytes(bytes(whole))


SPOILS = {
    "truncated": damaged, "missing": deleted, "changed": shortened, "silent": silenced, "corrupted": corrupted
}  # fmt: skip


def corpus(folder: Path) -> list[Utterance]:
    random = np.random.default_rng(0)
    folder.mkdir()
    utterances = []
    for i, size in enumerate(SIZES):
        path = folder / f"u{i}.wav"
        soundfile.write(path, 0.1 * random.standard_normal(size), RATE, "FLOAT")
        utterances.append(Utterance(f"u{i}", str(path), 0.0, None, "متكلم", size / RATE))
    return utterances


def labels_of(folder: Path) -> Labels:
    arrays = [np.arange(frames_of(size) * 2, dtype=np.uint16) for size in SIZES]
    write_labels(folder, LabelHeader(100.0, 60000, "hash", "mfcc"), [f"u{i}" for i in range(len(SIZES))], arrays)
    return Labels.open(folder)


def remembers(folder: Path, trains: bool = True, size: int = len(SIZES)) -> BadClips:
    return BadClipsOfRun(folder).of("train" if trains else "dev", size, Rules(trains, Limits()), "data/train")


def rows_of(folder: Path) -> list[tuple[str, str]]:
    """(id, reason) of the ledger that a run would leave."""
    ledger = Ledger("train.pretrain")
    BadClipsOfRun(folder).settle(ledger)
    return [(row[0], row[2]) for row in ledger.rows]


def same_but(batch: dict[str, Any], whole: dict[str, Any], kept: list[int]) -> None:
    """Rows `kept` of `whole` are the rows of `batch`, byte for byte."""
    assert batch.keys() - {"left"} == whole.keys()
    for name, values in whole.items():
        if isinstance(values, np.ndarray):
            assert batch[name].dtype == values.dtype and batch[name].tobytes() == values[kept].tobytes(), name
        else:
            assert batch[name] == [values[k] for k in kept], name


@pytest.mark.parametrize("kind", SPOILS)
def test_the_row_of_a_bad_clip_leaves_its_batch_and_the_others_are_the_same_bytes(kind: str, tmp_path: Path) -> None:
    utterances = corpus(tmp_path / "wav")
    labels = labels_of(tmp_path / "labels")
    rows, starts = [0, 3, 1, 3, 5], [0, 2, 3, 1, 0]
    whole = LabelledSpeech(utterances, labels).batch(rows, starts, 20)
    SPOILS[kind](Path(utterances[3].path))
    batch = LabelledSpeech(utterances, labels, bad_clips=remembers(tmp_path / "bad")).batch(rows, starts, 20)
    assert batch["left"] == Left([0, 2, 4], [samples_of(20)] * 5)
    same_but(batch, whole, [0, 2, 4])
    assert rows_of(tmp_path / "bad") in [[("u3", kind)], [("u3", "truncated")]]


@pytest.mark.parametrize("how", ["none", "noise", "specaugment"])
def test_what_is_drawn_for_the_other_rows_is_what_it_was(how: Any, tmp_path: Path) -> None:
    """Padded utterances of several lengths, the longest of which leaves: augmentation is drawn row after row."""
    utterances, config = corpus(tmp_path / "wav"), AugmentConfig(how)
    frames = np.array([frames_of(size) for size in SIZES])

    def batch(speech: CroppedSpeech) -> dict[str, Any]:
        heard = augmented(speech.drawn(range(6), np.zeros(6, int), frames), config, 16, seed=7)
        return without_lost(heard)

    whole = batch(CroppedSpeech(utterances))
    deleted(Path(utterances[4].path))
    left = batch(CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "bad")))
    same_but(left, whole, [0, 1, 2, 3, 5])
    assert left["wave_BN"].shape == (5, samples_of(int(frames.max()))), "as wide as it was"


def test_a_batch_that_all_rows_leave_is_empty(tmp_path: Path) -> None:
    utterances = corpus(tmp_path / "wav")
    speech = CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "bad"))
    deleted(Path(utterances[0].path))
    batch = speech.batch([0, 0], [0, 1], 10)
    assert is_empty(batch) and batch["wave_BN"].shape[0] == 0 and not is_empty(speech.batch([0, 1], [0, 1], 10))


def test_a_bad_clip_is_decoded_once_and_a_good_one_that_is_in_memory_stays_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    utterances, asked = corpus(tmp_path / "wav"), list[str]()
    honest = Utterance.audio
    monkeypatch.setattr(Utterance, "audio", lambda self: (asked.append(self.id), honest(self))[1])
    speech = CroppedSpeech(utterances, cache_mb=1, bad_clips=remembers(tmp_path / "bad"))
    speech.batch([1], [0], 5)
    for i in (1, 2):
        deleted(Path(utterances[i].path))
    for _ in range(3):
        assert speech.batch([0, 1, 2], [0, 0, 0], 5)["left"].kept == [0, 1]
    assert asked.count("u2") == 2, "once more, to be sure"
    assert asked.count("u0") == asked.count("u1") == 1


def test_rows_survive_a_kill_and_are_there_once_whatever_the_number_of_processes(tmp_path: Path) -> None:
    """The second run never draws u1 again; both processes of it meet u2; u3 is whole again."""
    utterances, folder = corpus(tmp_path / "wav"), tmp_path / "bad"
    for i in (1, 2, 3):
        damaged(Path(utterances[i].path))
    first = CroppedSpeech(utterances, bad_clips=remembers(folder))
    first.batch([1, 3], [0, 0], 5)
    with open(next(folder.glob("train.*.tsv")), "ab") as f:
        f.write(b"u5\ttruncated")  # it is killed in the middle of a line
    soundfile.write(utterances[3].path, np.full(SIZES[3], 0.1) * np.sin(np.arange(SIZES[3])), RATE, "FLOAT")
    BadClipsOfRun(folder).begin()
    for _ in range(2):
        again = CroppedSpeech(utterances, bad_clips=remembers(folder))
        assert again.batch([0, 2, 3], [0, 0, 0], 5)["left"].kept == [0, 2]
    ledger = Ledger("train.pretrain")
    assert BadClipsOfRun(folder).settle(ledger) == {"left_out_bad_clips": 3}
    rows = {row[0]: row[3] for row in ledger.rows}
    assert len(rows) == len(ledger.rows) == 3 and rows.keys() == {"u1", "u2", "u3"}
    assert rows["u3"].endswith("until the training was resumed") and rows["u1"].endswith(utterances[1].path)
    BadClipsOfRun(folder).begin()
    assert sorted(rows_of(folder)) == [("u1", "truncated"), ("u2", "truncated"), ("u3", "truncated")]


def test_above_three_broken_clips_the_run_ends_with_their_list_and_goes_on_once_they_are_mended(
    tmp_path: Path,
) -> None:
    utterances, folder = corpus(tmp_path / "wav"), tmp_path / "bad"
    whole = {u.path: Path(u.path).read_bytes() for u in utterances}
    for u in utterances[:4]:
        damaged(Path(u.path))
    speech = CroppedSpeech(utterances, bad_clips=remembers(folder))
    assert speech.batch([0, 1, 2, 5], [0] * 4, 5)["left"].kept == [3]
    with pytest.raises(UserError, match="4 of 6 clips cannot be used, where 3 may be left out:") as e:
        speech.batch([3], [0], 5)
    assert not isinstance(e.value, AudioError) and e.value.where == "data/train"
    assert all(f"\n  u{i}: truncated: " in e.value.what and utterances[i].path in e.value.what for i in range(4))
    BadClipsOfRun(folder).begin()
    with pytest.raises(UserError, match="4 of 6"):
        CroppedSpeech(utterances, bad_clips=remembers(folder)).batch(range(4), [0] * 4, 5)
    for path, written in whole.items():
        Path(path).write_bytes(written)
    BadClipsOfRun(folder).begin()
    assert "left" not in CroppedSpeech(utterances, bad_clips=remembers(folder)).batch(range(4), [0] * 4, 5)


def test_processes_count_the_broken_clips_of_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    utterances, folder = corpus(tmp_path / "wav"), tmp_path / "bad"
    for u in utterances[:4]:
        damaged(Path(u.path))
    one, two = (CroppedSpeech(utterances, bad_clips=remembers(folder)) for _ in range(2))
    one.batch([0, 1], [0, 0], 5)
    monkeypatch.setattr(bad_clips.os, "getpid", lambda: 1)
    two.batch([1, 2], [0, 0], 5)
    with pytest.raises(UserError, match="4 of 6 clips cannot be used"):
        two.batch([3], [0], 5)


def test_a_set_of_which_nothing_can_be_used_ends_the_run_however_small_it_is(tmp_path: Path) -> None:
    utterances = corpus(tmp_path / "wav")[:2]
    for u in utterances:
        damaged(Path(u.path))
    with pytest.raises(UserError, match="2 of 2 clips cannot be used"):
        CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "bad", size=2)).batch([0, 1], [0, 0], 5)


def test_what_a_rule_speaks_against_is_left_out_of_training_and_kept_in_dev_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    utterances = corpus(tmp_path / "wav")
    silenced(Path(utterances[2].path))
    assert "left" in CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "a")).batch([1, 2], [0, 0], 5)
    dev = CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "b", trains=False))
    for _ in range(2):
        assert "left" not in dev.batch([1, 2], [0, 0], 5)
    assert rows_of(tmp_path / "a") == [("u2", "silent")] and not rows_of(tmp_path / "b")
    assert capsys.readouterr().out.count("WARNING: u2: silent: every sample is 0; it is kept") == 1


def test_what_the_step_before_warned_of_leaves_training_at_its_start_and_no_dev_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That step was not told what the set is for. Its word about transcripts counts only where they are learnt."""
    utterances, ledger = corpus(tmp_path / "wav"), Ledger("units.label")
    for u in utterances[:4]:
        ledger.drop(u.id, "silent", "every sample is 0")
    ledger.drop("u4", "letters per second", "99 letters in 0.10 s")
    ledger.write(tmp_path / listen.WARNED)
    clips = remembers(tmp_path / "a")
    clips.foresee(tmp_path, {"u1", "u4", "u5"})
    assert rows_of(tmp_path / "a") == [("u1", "silent")] and "left out: u1: silent" in capsys.readouterr().out
    speech = CroppedSpeech(utterances, bad_clips=clips)
    assert speech.batch([0, 1], [0, 0], 5)["left"].kept == [0], "though its samples are sound by now"
    with pytest.raises(UserError, match=r"4 of 6 clips[\s\S]*u3: silent"):
        remembers(tmp_path / "b").foresee(tmp_path, {u.id for u in utterances})
    remembers(tmp_path / "c", trains=False).foresee(tmp_path, {u.id for u in utterances})
    assert not rows_of(tmp_path / "c")
    learnt = BadClipsOfRun(tmp_path / "d").of("train", 6, Rules(True, Limits(), {"u4": "نعم"}), "data/train")
    learnt.foresee(tmp_path, {"u4"})
    assert rows_of(tmp_path / "d") == [("u4", "letters per second")]


def test_samples_that_no_scale_explains_leave_dev_too(tmp_path: Path) -> None:
    """One of 1e30 makes the loss of the whole dev set NaN."""
    utterances = corpus(tmp_path / "wav")
    wave, _ = soundfile.read(utterances[2].path)
    soundfile.write(utterances[2].path, np.where(np.arange(len(wave)) == 7, 1e30, wave), RATE, "FLOAT")
    dev = CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "bad", trains=False))
    assert dev.batch([1, 2], [0, 0], 5)["left"].kept == [0] and rows_of(tmp_path / "bad") == [("u2", "out of range")]


def test_threads_that_read_ahead_meet_a_bad_clip_together_and_note_it_once(tmp_path: Path) -> None:
    utterances = corpus(tmp_path / "wav")
    damaged(Path(utterances[1].path))
    speech = CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "bad"))
    keys = [(step, 0) for step in range(40)]
    batches = list(prefetch(lambda step, number: speech.batch([0, 1], [step % 5, 0], 5), keys, threads=8))
    assert all(batch["left"].kept == [0] for batch in batches)
    assert len(bad_clips.read_rows(next((tmp_path / "bad").glob("*.tsv")))) == 1


def test_a_training_set_that_is_silent_as_a_whole_ends_the_run_with_what_to_do(tmp_path: Path) -> None:
    """As floats at 1e-4 of full scale are: above three clips and 5 % of a set, a rule is more likely at fault."""
    utterances = corpus(tmp_path / "wav")
    for u in utterances[:4]:
        silenced(Path(u.path))
    with pytest.raises(UserError, match=r"4 of 60 clips[\s\S]*u0: silent: every sample is 0") as e:
        CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "bad", size=60)).batch(range(4), [0] * 4, 5)
    assert "limits" in e.value.remedy


def test_a_disk_that_is_away_leaves_no_row_and_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    utterances = corpus(tmp_path / "wav")
    monkeypatch.setattr(listen.time, "sleep", lambda seconds: None)
    (tmp_path / "wav").rename(tmp_path / "unmounted")
    with pytest.raises(UserError, match="the system cannot read a recording"):
        CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "bad")).batch([0], [0], 5)
    assert not rows_of(tmp_path / "bad")


def test_a_crop_begins_where_it_began(tmp_path: Path) -> None:
    """Of a batch with a bad clip, too: starts and frames go with their rows."""
    utterances = corpus(tmp_path / "wav")
    deleted(Path(utterances[0].path))
    batch = CroppedSpeech(utterances, bad_clips=remembers(tmp_path / "bad")).batch([0, 1], [0, 7], 10)
    wave, _ = soundfile.read(utterances[1].path, dtype="float32")
    assert np.array_equal(batch["wave_BN"][0], wave[7 * HOP :][: samples_of(10)])
    assert batch["keys"] == [("u1", utterances[1].path, 7, 10)]
