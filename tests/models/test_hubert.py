"""The network against transformers' HubertModel: same names, same numbers."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import LARGE, TINY

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.config import HubertConfig, hubert_parameters
from toolkit.models.encoder import load_encoder
from toolkit.models.hubert import Hubert, Inside, initialise
from toolkit.models.hugging_face import hugging_face_config, load_pretrained, read_config, save_pretrained
from toolkit.models.model_files import encoder_parameters

BASE = HubertConfig(
    num_hidden_layers=2, hidden_size=48, intermediate_size=80, num_attention_heads=4, conv_dim=(16,) * 7
)
SHAPES = {
    "base": BASE,
    "large": replace(
        BASE, feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True, normalize_waveform=True
    ),
    "mini": replace(
        BASE,
        num_hidden_layers=3,
        conv_dim=(8, 8, 16, 16, 16, 16),
        conv_kernel=(20, 3, 3, 3, 2, 2),
        conv_stride=(10, 2, 2, 2, 2, 2),
        num_conv_pos_embeddings=31,
        num_conv_pos_embedding_groups=8,
        init="fan_in",
    ),
}


def made(config: HubertConfig, seed: int = 0) -> Hubert:
    model = Hubert(config)
    initialise(model, config, torch.Generator().manual_seed(seed))
    return model.eval()


def peer(config: HubertConfig) -> transformers.HubertModel:
    return transformers.HubertModel(transformers.HubertConfig(**hugging_face_config(config))).eval()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("direction", ["out", "in"])
def test_all_states_equal_those_of_transformers_with_weights_copied_either_way(shape: str, direction: str) -> None:
    config = SHAPES[shape]
    ours, theirs = made(config), peer(config)
    torch.manual_seed(1)
    if direction == "out":
        theirs.load_state_dict(ours.state_dict())
    else:
        ours.load_state_dict(theirs.state_dict())
    wave_BN = torch.randn(2, 9000)
    inside = Inside()
    with torch.no_grad():
        last, conv_BTC = ours(wave_BN, inside=inside)
        expected = theirs(wave_BN, output_hidden_states=True)
        conv_BCT = theirs.feature_extractor(wave_BN)
    assert len(inside.states) == config.num_hidden_layers + 1
    for state, want in zip(inside.states, expected.hidden_states, strict=True):
        torch.testing.assert_close(state, want, atol=1e-5, rtol=0)
    torch.testing.assert_close(last, expected.last_hidden_state, atol=1e-5, rtol=0)
    torch.testing.assert_close(conv_BTC, conv_BCT.transpose(1, 2), atol=1e-5, rtol=0)


def test_masked_frames_equal_those_of_transformers() -> None:
    ours, theirs = made(BASE), peer(BASE)
    theirs.load_state_dict(ours.state_dict())
    theirs.train()  # it masks in training only; every dropout is off
    for module in theirs.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout") and isinstance(module.dropout, float):
            module.dropout = 0.0
    theirs.config.layerdrop = 0.0
    wave_BN = torch.randn(2, 9000, generator=torch.Generator().manual_seed(1))
    mask_BT = torch.rand(2, BASE.frames(9000), generator=torch.Generator().manual_seed(2)) < 0.5
    with torch.no_grad():
        expected = theirs(wave_BN, mask_time_indices=mask_BT).last_hidden_state
        torch.testing.assert_close(ours(wave_BN, mask_BT)[0], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_transformers_loads_the_export_with_no_key_missing_or_unexpected(shape: str, tmp_path: Path) -> None:
    model = made(SHAPES[shape])
    save_pretrained(model, tmp_path / "hf")
    theirs, info = transformers.HubertModel.from_pretrained(tmp_path / "hf", output_loading_info=True)
    assert not any(info.values())
    for name, weight in theirs.state_dict().items():
        assert torch.equal(weight, model.state_dict()[name]), name
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path / "hf")
    assert extractor.do_normalize == SHAPES[shape].normalize_waveform


@pytest.mark.parametrize("shape", SHAPES)
def test_export_and_load_give_the_same_network_and_config(shape: str, tmp_path: Path) -> None:
    model = made(SHAPES[shape])
    save_pretrained(model, tmp_path / "hf")
    again = load_pretrained(tmp_path / "hf")
    assert again.config == SHAPES[shape] == read_config(tmp_path / "hf")
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


def test_export_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_pretrained(made(BASE), tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_a_folder_saved_by_transformers_loads(tmp_path: Path) -> None:
    theirs = peer(BASE)
    theirs.save_pretrained(tmp_path)
    wave_BN = torch.randn(1, 4000)
    with torch.no_grad():
        torch.testing.assert_close(load_pretrained(tmp_path)(wave_BN)[0], theirs(wave_BN).last_hidden_state)


def test_published_sizes_have_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        base = Hubert(HubertConfig())
        large = Hubert(
            HubertConfig(
                num_hidden_layers=24,
                hidden_size=1024,
                intermediate_size=4096,
                num_attention_heads=16,
                feat_extract_norm="layer",
                conv_bias=True,
                do_stable_layer_norm=True,
            )
        )
    assert round(sum(p.numel() for p in base.parameters()) / 1e6, 1) == 94.4
    assert round(sum(p.numel() for p in large.parameters()) / 1e6, 1) == 315.4


@given(st.integers(0, 40000))
@settings(max_examples=20)
def test_frames_are_those_the_convolutions_make(samples: int) -> None:
    for shape in ("base", "mini"):
        config = SHAPES[shape]
        assert config.frames(samples) == max(0, (samples - 400) // 320 + 1)
        if samples >= 400:
            assert made(config).convolve(torch.zeros(1, samples)).shape[1] == config.frames(samples)


def test_feature_grad_mult_scales_the_gradient_of_the_convolutions_alone() -> None:
    wave_BN = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))

    def gradients(scale: float) -> dict[str, torch.Tensor | None]:
        model = made(replace(BASE, feature_grad_mult=scale))
        model(wave_BN)[0].pow(2).sum().backward()
        return {name: p.grad for name, p in model.named_parameters()}

    one, tenth, none = gradients(1), gradients(0.1), gradients(0)
    for name, gradient in one.items():
        if name.startswith("feature_extractor"):
            torch.testing.assert_close(tenth[name], 0.1 * gradient)
            assert none[name] is None
        elif gradient is not None:
            torch.testing.assert_close(tenth[name], gradient)


def test_layerdrop_of_one_leaves_no_block_and_eval_mode_leaves_all() -> None:
    model = made(replace(BASE, layerdrop=1.0, hidden_dropout=0.0, attention_dropout=0.0, feat_proj_dropout=0.0)).train()
    wave_BN = torch.randn(1, 4000)
    inside = Inside()
    last, _ = model(wave_BN, inside=inside)
    assert torch.equal(last, inside.states[0])
    assert not torch.equal(model.eval()(wave_BN)[0], last)


@pytest.mark.parametrize("init, std", [("normal", 0.02), ("fan_in", 0.7 / 768**0.5)])
def test_linear_weights_begin_with_the_stated_deviation(init: str, std: float) -> None:
    linear = torch.nn.Linear(768, 512)
    initialise(linear, HubertConfig(init=init), torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    assert linear.weight.std().item() == pytest.approx(std, rel=0.01)
    assert not linear.bias.any()


def test_initialisation_follows_from_its_seed_alone() -> None:
    torch.manual_seed(1)
    one = made(BASE, 5).state_dict()
    torch.manual_seed(2)
    two = made(BASE, 5).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(made(BASE, 6).masked_spec_embed, one["masked_spec_embed"])


def test_a_truncated_weights_file_is_a_users_error(tmp_path: Path) -> None:
    save_pretrained(made(BASE), tmp_path / "hf")
    weights = tmp_path / "hf" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="missing or broken tensor file"):
        load_pretrained(tmp_path / "hf")


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="num_attention_heads"):
        replace(BASE, num_attention_heads=5)


@pytest.mark.parametrize(("name", "value"), [("layerdrop", 1.5), ("hidden_dropout", -0.1), ("attention_dropout", 2.0)])
def test_what_is_no_probability_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"model.{name} must be 0 to 1, not {value}"):
        replace(BASE, **{name: value})


def test_a_positional_convolution_without_a_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="num_conv_pos_embeddings must be at least 1, not 0"):
        replace(BASE, num_conv_pos_embeddings=0)


def test_a_block_that_reuses_attention_weights_has_those_of_the_block_before_it(tmp_path: Path) -> None:
    config = replace(TINY, num_hidden_layers=4, reuse_attention=True, layerdrop=0.0)
    model = Hubert(config).eval()
    initialise(model, config, torch.Generator().manual_seed(1))
    inside, plain = Inside(maps=[]), Inside()
    wave_BN = torch.randn(2, 4000)
    with torch.no_grad():
        model(wave_BN, inside=inside, samples=[4000, 3000])
        model(wave_BN, inside=plain, samples=[4000, 3000])
    maps = inside.maps
    assert maps is not None and torch.equal(maps[0], maps[1]) and torch.equal(maps[2], maps[3])
    assert not torch.equal(maps[0], maps[2])
    assert all(torch.equal(one, second) for one, second in zip(inside.states, plain.states, strict=True))
    whole, parts = Hubert(replace(config, reuse_attention=False)), hubert_parameters(config)
    assert sum(p.numel() for p in model.parameters()) == sum(parts.values())
    assert sum(p.numel() for p in whole.parameters()) - sum(parts.values()) == 2 * 2 * (16 * 16 + 16)
    save_pretrained(model, tmp_path)
    assert read_config(tmp_path) == config and encoder_parameters(tmp_path) == sum(parts.values())
    with torch.no_grad():
        again = load_encoder(tmp_path).states(wave_BN)
        assert torch.equal(again[-1], load_encoder(tmp_path).model(wave_BN)[0])
    with pytest.raises(ValueError, match="layerdrop 0"):
        replace(config, layerdrop=0.1)


@pytest.mark.parametrize("shape", ["base", "large"])
def test_maps_are_those_of_transformers_and_change_no_state(shape: str) -> None:
    config = replace(TINY, layerdrop=0.0, **(LARGE if shape == "large" else {}))
    model = Hubert(config).eval()
    initialise(model, config, torch.Generator().manual_seed(1))
    theirs = transformers.HubertModel._from_config(
        transformers.HubertConfig(**hugging_face_config(config)), attn_implementation="eager"
    ).eval()
    theirs.load_state_dict(model.state_dict())
    wave_BN, inside, plain = torch.randn(2, 4000), Inside(maps=[]), Inside()
    with torch.no_grad():
        model(wave_BN, inside=inside)
        model(wave_BN, inside=plain)
        expected = theirs(wave_BN, output_attentions=True).attentions
    assert inside.maps is not None
    for mine, want in zip(inside.maps, expected, strict=True):
        torch.testing.assert_close(mine, want.mean(1), rtol=1e-4, atol=1e-6)
    for one, second in zip(inside.states, plain.states, strict=True):
        torch.testing.assert_close(one, second, rtol=1e-4, atol=1e-5)


def test_a_network_without_projection_leaves_with_an_identity_and_comes_back_without(tmp_path: Path) -> None:
    config = replace(TINY, conv_dim=(8, 8, 16), projection=False)
    model = Hubert(config).eval()
    initialise(model, config, torch.Generator().manual_seed(1))
    save_pretrained(model, tmp_path)
    theirs = transformers.HubertModel.from_pretrained(tmp_path).eval()
    wave_BN = torch.randn(1, 4000)
    with torch.no_grad():
        torch.testing.assert_close(model(wave_BN)[0], theirs(wave_BN).last_hidden_state, rtol=1e-4, atol=1e-5)
    assert torch.equal(load_pretrained(tmp_path)(wave_BN)[0], model(wave_BN)[0])
    assert encoder_parameters(tmp_path) == sum(p.numel() for p in model.parameters())
    theirs.feature_projection.projection.weight.data.mul_(2)
    theirs.save_pretrained(tmp_path)
    tree = read_json(tmp_path / "config.json")
    write_json(tmp_path / "config.json", {**tree, "sawt": {**tree.get("sawt", {}), "projection": False}})
    with pytest.raises(UserError, match="is not the identity"):
        load_pretrained(tmp_path)
    with pytest.raises(ValueError, match="as wide as the blocks"):
        replace(TINY, projection=False)
