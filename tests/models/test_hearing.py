"""Encoder states: of a window as transformers has them, of the audio alone, never of what else is in the batch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration
from whispers import tiny_whisper_folder

from toolkit.models.hearing import Ears, frames_of
from toolkit.models.log_mel import RATE
from toolkit.models.whisper_files import load_whisper


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "tiny", init_std=0.2)


def waves(*seconds: float) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [0.1 * rng.standard_normal(round(s * RATE)).astype(np.float32) for s in seconds]


@torch.no_grad()
def test_a_whole_window_is_heard_as_transformers_hears_it(folder: Path) -> None:
    heard = waves(0.05, 2.3, 30)
    features = WhisperFeatureExtractor.from_pretrained(folder)(heard, sampling_rate=RATE, return_tensors="pt")
    network = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    wanted = network.model.encoder(features.input_features).last_hidden_state
    torch.testing.assert_close(Ears(load_whisper(folder)).states(heard), wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("context", ["window", "audio"])
def test_what_is_heard_does_not_depend_on_the_batch(context: str, folder: Path) -> None:
    ears = Ears(load_whisper(folder), 8.0, context)
    heard = waves(0.4, 3.0, 1.2, 0.4, 7.9)
    together = ears.states(heard)
    assert together.shape == (5, 400, 16)
    for i, wave in enumerate(heard):
        torch.testing.assert_close(ears.states([wave])[0], together[i], atol=1e-5, rtol=1e-5)
    backwards = ears.states(heard[::-1])
    torch.testing.assert_close(backwards.flip(0), together, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("seconds", "frames"), [(0.05, 100), (0.5, 100), (0.51, 200), (6.49, 700), (29.6, 3000)])
def test_of_the_audio_alone_whole_seconds_and_half_a_second_more_are_computed(
    seconds: float, frames: int, folder: Path
) -> None:
    model = load_whisper(folder)
    assert Ears(model, 30.0, "audio").length(seconds) == frames
    assert Ears(model, 30.0, "window").length(seconds) == 3000


def test_behind_the_audio_alone_stand_the_states_of_a_silent_window(folder: Path) -> None:
    model = load_whisper(folder)
    short, silent = Ears(model, 30.0, "audio"), Ears(model).states([np.zeros(RATE, np.float32)])[0]
    (states,) = short.states(waves(2.2))
    assert states.shape == (1500, 16)
    torch.testing.assert_close(states[150:], silent[150:], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(states[:150], silent[:150], atol=1e-2)


def test_audio_that_fills_the_window_is_heard_the_same_in_both_ways(folder: Path) -> None:
    model, heard = load_whisper(folder), waves(4.8)
    assert torch.equal(Ears(model, 5.0, "audio").states(heard), Ears(model, 5.0, "window").states(heard))


@pytest.mark.parametrize(("seconds", "frames"), [(30.0, 3000), (10.0, 1000), (0.99, 100), (40.0, 3000), (1.01, 100)])
def test_a_window_has_an_even_number_of_frames_and_no_more_than_there_are_positions(
    seconds: float, frames: int
) -> None:
    assert frames_of(seconds) == frames
