"""A long utterance passes the teacher in pieces: each is what the samples under its frames give alone."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit.models.config import HubertConfig
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.units.layer import LayerSource

HOP, FIELD = 320, 400
SHAPE = HubertConfig(
    num_hidden_layers=2,
    hidden_size=32,
    intermediate_size=48,
    num_attention_heads=2,
    conv_dim=(16,) * 7,
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4,
    init="fan_in",
)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("it1") / "base"
    network = Hubert(SHAPE)
    initialise(network, SHAPE, torch.Generator().manual_seed(0))
    save_pretrained(network, folder / "hf")
    return folder


def test_a_waveform_is_normalised_as_a_whole_before_it_is_cut(teacher: Path) -> None:
    """A loud second half: each piece by itself would lose the difference."""
    whole, pieces = LayerSource(teacher, 1, 60.0), LayerSource(teacher, 1, 1.0)
    wave = np.random.default_rng(0).standard_normal(27200).astype(np.float32)
    wave[13600:] *= 10
    plain = pieces(wave / wave.std() - (wave / wave.std()).mean())
    pieces.encoder.normalize = whole.encoder.normalize = True
    assert torch.allclose(pieces(wave), plain, atol=1e-3)
    assert not torch.allclose(pieces(wave)[:42], whole(wave[: 41 * HOP + FIELD]), atol=1e-3)


@pytest.mark.parametrize(("samples", "cuts"), [(27200, [0, 42, 84]), (40000, [0, 41, 82, 124])])
def test_pieces_are_the_features_of_the_samples_under_them(teacher: Path, samples: int, cuts: list[int]) -> None:
    """84 frames in two pieces and 124 in three, of 50 at most; none is lost, doubled or moved at a cut."""
    whole, pieces = LayerSource(teacher, 1, 60.0), LayerSource(teacher, 1, 1.0)
    wave = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    joined = pieces(wave)
    assert len(joined) == cuts[-1] == whole.frames(samples)
    for first, last in pairwise(cuts):
        assert torch.equal(joined[first:last], whole(wave[first * HOP : (last - 1) * HOP + FIELD]))
