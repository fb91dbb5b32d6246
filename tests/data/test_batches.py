"""Crops of audio and labels lie on each other exactly."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.data.batches import LabelledSpeech, labelled, prefetch
from toolkit.data.frames import FIELD, HOP, frames_in, frames_of, samples_of
from toolkit.data.kaldi import Utterance
from toolkit.data.labels import LabelHeader, Labels, write_labels

RATE = 16000


def label_frames(samples: int, rate: float) -> int:
    """Frames of Kaldi's framing without padded edges: 25 ms windows every 1 / rate s."""
    return max(0, (samples - FIELD) // round(RATE / rate) + 1)


def corpus(folder: Path, sizes: list[int], rate: float = 100.0) -> tuple[list[Utterance], Labels]:
    """Utterance i: a ramp that tells every sample's place, with labels that tell every frame's."""
    folder.mkdir(parents=True, exist_ok=True)
    utterances, arrays = [], []
    for i, size in enumerate(sizes):
        path = folder / f"u{i}.wav"
        soundfile.write(path, np.arange(size, dtype=np.float32) / 2**17, RATE, "FLOAT")
        utterances.append(Utterance(f"u{i}", str(path), 0.0, None, "s", size / RATE))
        arrays.append(np.arange(label_frames(size, rate), dtype=np.uint16))
    write_labels(folder / "labels", LabelHeader(rate, 60000, "hash", "mfcc"), [u.id for u in utterances], arrays)
    return utterances, Labels.open(folder / "labels")


@given(st.integers(0, 10**7))
def test_every_second_label_at_100_hz_lies_on_a_network_frame(samples: int) -> None:
    at_100 = np.arange(label_frames(samples, 100.0))
    assert len(at_100[::2]) == frames_of(samples)
    begins = at_100[::2] * 160  # first sample under a label's window
    assert np.array_equal(begins, np.arange(frames_of(samples)) * HOP)


@given(st.integers(1, 5000))
def test_a_crop_of_so_many_frames_has_no_sample_to_spare(frames: int) -> None:
    assert frames_of(samples_of(frames)) == frames
    assert frames_of(samples_of(frames) - 1) == frames - 1
    assert frames_in(samples_of(frames) / RATE) == frames


@pytest.fixture(scope="module", params=[100.0, 50.0])
def speech(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LabelledSpeech:
    utterances, labels = corpus(tmp_path_factory.mktemp("speech"), [400, 719, 720, 5000, 16001, 40123], request.param)
    return LabelledSpeech(utterances, labels)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_crop_holds_the_samples_under_its_labels(speech: LabelledSpeech, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, 5))
    assert speech.frames[row] == frames_of(round(speech.utterances[row].seconds * RATE))
    frames = data.draw(st.integers(1, int(speech.frames[row])))
    start = data.draw(st.integers(0, int(speech.frames[row]) - frames))
    batch = speech.batch([row, row], [start, 0], frames)
    assert batch["wave_BN"].shape == (2, samples_of(frames))
    first_samples = np.rint(batch["wave_BN"][0] * 2**17).astype(int)[: frames * HOP : HOP]
    label_hop = RATE / speech.labels.rate
    assert np.array_equal(first_samples, batch["labels_BT"][0] * label_hop)
    assert batch["labels_BT"].dtype == np.int64


def test_audio_is_the_same_with_and_without_memory_for_it(tmp_path: Path) -> None:
    utterances, labels = corpus(tmp_path, [5000, 6000, 7000])
    kept, partial, none = (LabelledSpeech(utterances, labels, mb) for mb in (1, 0.03, 0))
    for _ in range(2):
        batches = [s.batch([0, 1, 2], [0, 1, 2], 10) for s in (kept, partial, none)]
        assert all(np.array_equal(batches[0]["wave_BN"], b["wave_BN"]) for b in batches)
    assert [len(s._cache) for s in (kept, partial, none)] == [3, 1, 0]


def test_normalised_waveforms_are_those_of_a_layer_norm_over_the_utterance(tmp_path: Path) -> None:
    utterances, labels = corpus(tmp_path, [9000])
    wave = LabelledSpeech(utterances, labels, normalize=True).wave(0)
    plain = torch.from_numpy(utterances[0].audio())
    np.testing.assert_allclose(wave, torch.nn.functional.layer_norm(plain, plain.shape).numpy(), atol=1e-5)
    assert wave.dtype == np.float32


@pytest.mark.parametrize("rate", [25.0, 80.0, 200.0])
def test_labels_at_a_rate_that_does_not_fit_are_refused(rate: float, tmp_path: Path) -> None:
    utterances, labels = corpus(tmp_path, [16000], rate)
    with pytest.raises(UserError, match=f"labels at {rate:g} per second"):
        LabelledSpeech(utterances, labels)


def test_audio_that_changed_after_labelling_is_refused_by_name(tmp_path: Path) -> None:
    utterances, labels = corpus(tmp_path, [16000, 9000])
    soundfile.write(utterances[1].path, np.zeros(9400, np.float32), RATE)
    speech = LabelledSpeech(utterances, labels)
    speech.wave(0)
    with pytest.raises(UserError, match="u1: audio of 29 frames has labels for 27"):
        speech.wave(1)


def test_utterances_without_labels_go_to_the_ledger_up_to_a_share(tmp_path: Path) -> None:
    utterances, labels = corpus(tmp_path, [16000] * 9)
    stranger = Utterance("x", "x.wav", 0.0, None, "s", 1.0)
    dropped: list[tuple[str, str, str]] = []
    kept = labelled([*utterances, stranger], labels, lambda *row: dropped.append(row), 0.1)
    assert kept == utterances
    assert dropped == [("x", "no labels", "")]
    with pytest.raises(UserError, match=r"1 of 10 utterances have no labels, e.g. x"):
        labelled([*utterances, stranger], labels, lambda *row: None, 0.05)


def test_what_is_not_kept_is_dropped_by_name_and_nothing_else_is(tmp_path: Path) -> None:
    """u1 is too short for a label, x and ي have none; the order of the utterances does not matter."""
    utterances, labels = corpus(tmp_path, [16000, 300, 9000])
    strangers = [Utterance(id, f"{id}.wav", 0.0, None, "s", 1.0) for id in ("x", "ي")]
    given = [strangers[1], *utterances[::-1], strangers[0]]
    dropped: list[str] = []
    kept = labelled(given, labels, lambda id, reason, detail: dropped.append(id), 0.6)
    assert [u.id for u in kept] == ["u2", "u0"] and dropped == ["ي", "u1", "x"]


def test_what_the_labelling_dropped_keeps_its_reason_and_above_a_share_ends_the_run_with_the_list(
    tmp_path: Path,
) -> None:
    """Labelling again would drop the same rows: that is no remedy for them."""
    utterances, labels = corpus(tmp_path, [16000] * 9)
    silent = [Utterance(id, f"{id}.wav", 0.0, None, "s", 1.0) for id in ("ا", "ب", "ت", "ث")]
    ledger = Ledger("units.label")
    for u in silent:
        ledger.drop(u.id, "silent", "every sample is 0")
    ledger.write(labels.folder / "dropped.tsv")
    dropped: list[tuple[str, str, str]] = []
    assert labelled([*utterances, *silent[:3]], labels, lambda *row: dropped.append(row), 0.0) == utterances
    assert dropped == [(id, "silent", "every sample is 0") for id in ("ا", "ب", "ت")]
    with pytest.raises(UserError, match=r"4 of 13 clips[\s\S]*\n  ث: silent: every sample is 0") as e:
        labelled([*utterances, *silent], labels, lambda *row: None, 0.0)
    assert e.value.where == str(labels.folder / "dropped.tsv") and "label this" not in e.value.remedy


def test_an_utterance_without_labels_is_refused_by_name(tmp_path: Path) -> None:
    utterances, labels = corpus(tmp_path, [16000])
    with pytest.raises(UserError, match="1 of 2 utterances have no labels: x"):
        LabelledSpeech([*utterances, Utterance("x", "x.wav", 0.0, None, "s", 1.0)], labels)


def test_labels_are_looked_up_once_not_for_every_crop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    utterances, labels = corpus(tmp_path, [16000, 9000, 5000])
    expected = [labels[u.id][4::2][:3].tolist() for u in utterances]
    monkeypatch.setattr(Labels, "_find", None)
    speech = LabelledSpeech(labelled(utterances[::-1], labels, lambda *row: None, 0.0), labels)
    assert speech.batch([2, 1, 0], [2, 2, 2], 3)["labels_BT"].tolist() == expected


@pytest.mark.parametrize("threads", [0, 1, 4])
def test_prefetched_batches_come_in_order(threads: int) -> None:
    def load(step: int, number: int) -> tuple[int, int]:
        time.sleep(0.001 * (number % 3))
        return step, number

    keys = [(s, m) for s in range(10) for m in range(3)]
    assert list(prefetch(load, keys, threads)) == keys


def test_an_error_in_a_prefetching_thread_is_raised_where_its_batch_is_asked_for() -> None:
    def load(step: int, number: int) -> int:
        if step == 3:
            raise UserError("no audio")
        return step

    got = prefetch(load, ((s, 0) for s in range(9)), 2)
    assert [next(got) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(UserError, match="no audio"):
        next(got)


def test_prefetching_reads_no_further_ahead_than_stated() -> None:
    asked: list[int] = []
    lock = threading.Lock()

    def load(step: int, number: int) -> int:
        with lock:
            asked.append(step)
        return step

    got = prefetch(load, ((s, 0) for s in range(100)), 2)
    next(got)
    time.sleep(0.05)
    assert len(asked) <= 2 * 2 + 1
    got.close()  # type: ignore[attr-defined]
