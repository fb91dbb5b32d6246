"""What a student hears beside the utterance: noise of the level asked for, hidden spans; its teacher hears neither."""

import numpy as np
import pytest
import torch
from networks import TINY

from toolkit.data.frames import frames_of
from toolkit.models.hubert import Hubert, Inside, initialise
from toolkit.train.augment import augmented, kept
from toolkit.train.config import AugmentConfig
from toolkit.train.engine.objective import At
from toolkit.train.objectives.config import MaskedConfig
from toolkit.train.objectives.masked import MaskedPrediction

NOISE, HIDDEN = AugmentConfig(how="noise"), AugmentConfig(how="specaugment", time_share=0.4, feature_share=0.4)


def speech(*samples: int) -> dict:
    """Waveforms of these lengths, padded."""
    wave_BN = np.zeros((len(samples), max(samples)), np.float32)
    for row, n in zip(wave_BN, samples, strict=True):
        row[:n] = 0.1 * np.random.default_rng(n).standard_normal(n)
    return {"wave_BN": wave_BN, "samples": list(samples)}


@pytest.mark.parametrize("level", [0.0, 12.0])
def test_noise_has_the_level_asked_for_and_the_utterance_keeps_its_own(level: float) -> None:
    given = speech(32000, 16000)
    heard = augmented(given, AugmentConfig(how="noise", snr_db=(level, level)), 16, 1)
    assert heard["clean_BN"] is given["wave_BN"]
    for noisy_N, wave_N, n in zip(heard["wave_BN"], given["wave_BN"], given["samples"], strict=True):
        own, clean = noisy_N[:n].astype(np.float64), wave_N[:n].astype(np.float64)
        assert np.sqrt((own**2).mean()) == pytest.approx(np.sqrt((clean**2).mean()), rel=1e-4)
        share = own @ clean / (clean @ clean)  # noise and speech are all but orthogonal
        noise = own - share * clean
        assert 10 * np.log10(share**2 * (clean @ clean) / (noise @ noise)) == pytest.approx(level, abs=0.5)
        assert not noisy_N[n:].any()


def test_silence_stays_silence_and_no_augmentation_changes_nothing() -> None:
    silence = {"wave_BN": np.zeros((1, 8000), np.float32)}
    assert not augmented(silence, NOISE, 16, 1)["wave_BN"].any()
    assert augmented(silence, AugmentConfig(), 16, 1) is silence


@pytest.mark.parametrize("config", [NOISE, HIDDEN])
def test_what_is_heard_depends_on_the_seed_alone(config: AugmentConfig) -> None:
    first, again, second = (augmented(speech(16000, 9000), config, 16, seed) for seed in (1, 1, 2))
    keys = [name for name in ("wave_BN", "kept_BT", "kept_BD") if name in first]
    assert all((first[name] == again[name]).all() for name in keys)
    assert any((first[name] != second[name]).any() for name in keys)


def test_spans_are_as_many_and_as_long_as_asked_for() -> None:
    random, hidden = np.random.default_rng(1), []
    for _ in range(300):
        places = kept(50, 2, 0.2, random)
        hidden.append(int((~places).sum()))
        edges = np.flatnonzero(np.diff(np.concatenate(([1], places.astype(int), [1]))) == -1)
        assert len(edges) <= 2
    assert min(hidden) >= 0 and max(hidden) <= 20 and max(hidden) > 15 and np.mean(hidden) == pytest.approx(10, abs=1.5)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_of_a_short_clip_a_frame_stays(size: int) -> None:
    random = np.random.default_rng(1)
    assert all(kept(size, 2, 1.0, random).any() for _ in range(50))
    assert kept(size, 0, 1.0, random).all()


def test_hidden_features_are_0_before_positions_are_added() -> None:
    model = Hubert(TINY).eval()
    initialise(model, TINY, torch.Generator().manual_seed(1))
    given = speech(4000, 2600)
    heard = augmented(given, HIDDEN, TINY.hidden_size, 3)
    kept_BT, kept_BD = torch.from_numpy(heard["kept_BT"]), torch.from_numpy(heard["kept_BD"])
    assert not kept_BT.all() and not kept_BD.all()
    assert kept_BT.shape == (2, frames_of(4000)) and kept_BT[1, frames_of(2600) :].all()
    seen: list[torch.Tensor] = []
    model.encoder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    with torch.no_grad():
        model(torch.from_numpy(given["wave_BN"]), kept=(kept_BT, kept_BD))
        whole = Inside()
        model(torch.from_numpy(given["wave_BN"]), inside=whole)
    assert whole.projected is not None
    expected = torch.where(kept_BT[..., None] & kept_BD[:, None], whole.projected, 0.0)
    assert torch.equal(seen[0], expected)


def test_masked_prediction_hides_spans_from_the_student_too() -> None:
    model = Hubert(TINY).eval()
    initialise(model, TINY, torch.Generator().manual_seed(1))
    learner = MaskedPrediction(model, MaskedConfig(), 5, 1)
    given = {"wave_BN": torch.from_numpy(speech(8000)["wave_BN"])}
    given["labels_BT"] = torch.zeros(1, TINY.frames(8000), dtype=torch.long)
    spans = {"kept_BT": torch.zeros(1, TINY.frames(8000)), "kept_BD": torch.ones(1, TINY.hidden_size)}
    with torch.no_grad():
        plain, hidden = (learner({**given, **more}, At(0, 0, 1))["loss"].sum for more in ({}, spans))
    assert float(plain) != float(hidden)


def test_ranges_that_are_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match=r"data.augment.snr_db: 9 is above 3"):
        AugmentConfig(snr_db=(9, 3))
    with pytest.raises(ValueError, match="shares must be 0 to 1"):
        AugmentConfig(time_share=1.5)
