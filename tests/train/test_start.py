"""Networks that begin with another's weights: whole, or with some of its blocks."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers

from toolkit.core.errors import UserError
from toolkit.models.config import HubertConfig
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import hugging_face_config, save_pretrained
from toolkit.train.start import build

TEACHER = HubertConfig(
    num_hidden_layers=4,
    hidden_size=32,
    intermediate_size=48,
    num_attention_heads=4,
    conv_dim=(8,) * 7,
    feat_extract_norm="layer",
    do_stable_layer_norm=True,
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4,
    init="fan_in",
)
WAVE_BN = torch.randn(2, 9000, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """exp/it2/L, in which no weight has the value that it would begin with, and no two blocks are alike."""
    network = Hubert(TEACHER)
    initialise(network, TEACHER, torch.Generator().manual_seed(99))
    with torch.no_grad():
        for i, parameter in enumerate(network.parameters()):
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i))
    folder = tmp_path_factory.mktemp("teacher") / "exp/it2/L"
    folder.mkdir(parents=True)
    save_pretrained(network, folder / "hf")
    return folder


def heard(network: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        output = network.eval()(WAVE_BN)
    last: torch.Tensor = output[0]
    return last


def peer(folder: Path) -> transformers.HubertModel:
    return transformers.HubertModel.from_pretrained(folder / "hf")


@pytest.mark.parametrize("layers", [(), (1, 2, 3, 4)])
def test_with_all_its_blocks_a_network_is_its_teacher(layers: tuple[int, ...], teacher: Path) -> None:
    network = build(TEACHER, 1, teacher, layers)
    theirs = peer(teacher)
    assert all(torch.equal(w, theirs.state_dict()[name]) for name, w in network.state_dict().items())
    torch.testing.assert_close(heard(network), heard(theirs), atol=1e-5, rtol=0)


@pytest.mark.parametrize("layers", [(1, 3), (2, 4), (4, 1), (3, 3)])
def test_with_some_blocks_a_student_is_the_teacher_without_the_others(layers: tuple[int, ...], teacher: Path) -> None:
    theirs = peer(teacher)
    kept = [theirs.encoder.layers[n - 1] for n in layers]
    theirs.encoder.layers = torch.nn.ModuleList(kept)
    student = build(replace(TEACHER, num_hidden_layers=2), 1, teacher, layers)
    torch.testing.assert_close(heard(student), heard(theirs), atol=1e-5, rtol=0)
    assert torch.equal(student.masked_spec_embed, theirs.masked_spec_embed)
    assert not torch.allclose(heard(student), heard(peer(teacher)), atol=1e-2)


def test_a_model_of_transformers_is_a_teacher_too(tmp_path: Path) -> None:
    theirs = transformers.HubertModel(transformers.HubertConfig(**hugging_face_config(TEACHER)))
    theirs.save_pretrained(tmp_path / "hf")
    student = build(replace(TEACHER, num_hidden_layers=1), 1, tmp_path, (3,))
    for name, weight in student.encoder.layers[0].state_dict().items():
        assert torch.equal(weight, theirs.encoder.layers[2].state_dict()[name])


@pytest.mark.parametrize(
    "changed, layers, words",
    [
        (dict(hidden_size=64), (1, 2, 3, 4), "a network of width 64 cannot .* it2.L, whose width is 32"),
        (dict(hidden_size=64), (), "a network of width 64 cannot .* it2.L, whose width is 32"),
        (dict(num_hidden_layers=2), (1, 5), "no block 5 in it2.L, which has 4"),
        (dict(num_hidden_layers=2), (0, 1), "no block 0 in it2.L"),
        (dict(num_hidden_layers=3), (1, 2), "of another shape"),
        (dict(num_hidden_layers=2), (), "of another shape"),
        (dict(num_attention_heads=8), (), "num_attention_heads is 8 here and 4"),
        (dict(normalize_waveform=True), (), "normalize_waveform is True here and False"),
        (dict(layer_norm_eps=1e-6), (), "layer_norm_eps is 1e-06 here and 1e-05"),
        (dict(do_stable_layer_norm=False), (), "do_stable_layer_norm is False here and True"),
        (dict(num_hidden_layers=1, intermediate_size=64), (1,), r"intermediate.* \[64"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(
    changed: dict[str, int], layers: tuple[int, ...], words: str, teacher: Path
) -> None:
    with pytest.raises(UserError, match=words) as error:
        build(replace(TEACHER, **changed), 1, teacher, layers)  # type: ignore[arg-type]
    assert error.value.where and error.value.remedy


def test_blocks_without_a_model_to_take_them_from_are_a_users_error() -> None:
    with pytest.raises(UserError, match="no model to take them from"):
        build(TEACHER, 1, None, (1, 2, 3, 4))
