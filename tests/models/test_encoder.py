"""One face for all encoders."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import transformers
from networks import LARGE

from toolkit.core.errors import UserError
from toolkit.models.config import HubertConfig
from toolkit.models.encoder import encoder_name, encoder_shape, load_encoder, random_encoder
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import read_config, save_pretrained

SMALL = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 2,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
PEERS = {
    "hubert": (transformers.HubertConfig, transformers.HubertModel, {}),
    "hubert without a projection norm": (
        transformers.HubertConfig,
        transformers.HubertModel,
        {"feat_proj_layer_norm": False},
    ),
    "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model, {}),
    "wav2vec2 large": (
        transformers.Wav2Vec2Config,
        transformers.Wav2Vec2Model,
        LARGE,
    ),
    "hubert large": (
        transformers.HubertConfig,
        transformers.HubertModel,
        LARGE,
    ),
    "wavlm": (transformers.WavLMConfig, transformers.WavLMModel, {}),
    "wavlm large": (
        transformers.WavLMConfig,
        transformers.WavLMModel,
        LARGE,
    ),
    "data2vec": (
        transformers.Data2VecAudioConfig,
        transformers.Data2VecAudioModel,
        {"conv_pos_kernel_size": 5, "num_conv_pos_embeddings": 2},
    ),
    "unispeech": (transformers.UniSpeechConfig, transformers.UniSpeechModel, {}),
    "unispeech large": (
        transformers.UniSpeechConfig,
        transformers.UniSpeechModel,
        LARGE,
    ),
    "unispeech-sat": (transformers.UniSpeechSatConfig, transformers.UniSpeechSatModel, {}),
    "conformer": (
        transformers.Wav2Vec2ConformerConfig,
        transformers.Wav2Vec2ConformerModel,
        {"position_embeddings_type": "rotary", "conv_depthwise_kernel_size": 5},
    ),
}
NORMED_AT_THE_END = ("large", "conformer")
OTHER_RATES = {  # strides that give frames of another length; 50 Hz is the published rate
    25.0: {"conv_dim": (8,) * 4, "conv_kernel": (20, 16, 4, 2), "conv_stride": (10, 8, 4, 2)},
    100.0: {"conv_dim": (8,) * 3, "conv_kernel": (20, 16, 4), "conv_stride": (10, 8, 2)},
}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder as training leaves it."""
    config = HubertConfig(**SMALL, init="fan_in")  # type: ignore[arg-type]
    model = Hubert(config)
    initialise(model, config, torch.Generator().manual_seed(0))
    save_pretrained(model, tmp_path / "exp" / "it1" / "base" / "hf")
    return tmp_path / "exp" / "it1" / "base"


@pytest.mark.parametrize("kind", PEERS)
def test_states_of_a_hugging_face_folder_are_the_residual_stream_of_its_model(kind: str, tmp_path: Path) -> None:
    config_class, model_class, more = PEERS[kind]
    torch.manual_seed(0)
    model = model_class(config_class(**{**SMALL, **more})).eval()
    model.save_pretrained(tmp_path / "peer")
    transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(tmp_path / "peer")
    encoder = load_encoder(tmp_path / "peer")
    assert (encoder.dim, encoder.layers, encoder.rate, encoder.name) == (32, 2, 50.0, "peer")
    assert encoder.parameter_count == sum(p.numel() for p in model.parameters())
    wave_BN = torch.randn(2, 5000)
    with torch.no_grad():
        reference = model(wave_BN, output_hidden_states=True)
    states = encoder.states(wave_BN)
    assert len(states) == 3
    assert all(s.shape == (2, encoder.frames(5000), 32) and not s.requires_grad for s in states)
    for got, want in zip(states[:-1], reference.hidden_states[:-1], strict=True):
        torch.testing.assert_close(got, want, atol=1e-5, rtol=0)
    last = states[-1]
    if kind.endswith(NORMED_AT_THE_END):
        last = model.encoder.layer_norm(last)
    torch.testing.assert_close(last, reference.last_hidden_state, atol=1e-5, rtol=0)


@pytest.mark.parametrize("squeeze, kernel", [(2, 16), (3, 16), (2, 15)])
@pytest.mark.parametrize("samples", [5000, 5321, 5700])
def test_states_of_a_sew_are_at_the_rate_of_its_blocks(squeeze: int, kernel: int, samples: int, tmp_path: Path) -> None:
    """Its blocks see several frames as one; transformers' last hidden state is spread over all frames again."""
    torch.manual_seed(0)
    shape = {**SMALL, "hidden_size": 24, "num_conv_pos_embeddings": kernel, "squeeze_factor": squeeze}
    model = transformers.SEWModel(
        transformers.SEWConfig(**shape, conv_kernel=(10, 3, 3, 3, 3, 2, 2), conv_stride=(5, 2, 2, 2, 2, 2, 2))
    ).eval()
    model.save_pretrained(tmp_path / "sew")
    encoder, wave_BN = load_encoder(tmp_path / "sew"), torch.randn(1, samples)
    states = encoder.states(wave_BN)
    assert encoder.rate == pytest.approx(50 / squeeze) and encoder.macs is None
    assert [len(s[0]) for s in states] == [encoder.frames(samples)] * 3
    with torch.no_grad():
        spread_BTD = model.encoder.upsample(states[-1])
        expected = model(wave_BN).last_hidden_state
    torch.testing.assert_close(spread_BTD, expected[:, : spread_BTD.shape[1]], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["hubert", "wavlm"])
@pytest.mark.parametrize("rate", OTHER_RATES)
def test_an_encoder_of_another_rate_and_width_has_states_at_its_own_rate(
    rate: float, kind: str, tmp_path: Path
) -> None:
    config_class, model_class, _ = PEERS[kind]
    torch.manual_seed(0)
    model = model_class(config_class(**{**SMALL, "hidden_size": 48, **OTHER_RATES[rate]})).eval()
    model.save_pretrained(tmp_path)
    encoder, wave_BN = load_encoder(tmp_path), torch.randn(1, 16000)
    assert (encoder.rate, encoder.dim, encoder.hop) == (rate, 48, 16000 / rate)
    with torch.no_grad():
        expected = model(wave_BN).last_hidden_state
    assert encoder.frames(16000) == expected.shape[1]
    torch.testing.assert_close(encoder.states(wave_BN)[-1], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "config",
    [
        transformers.BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16),
        transformers.WhisperConfig(d_model=16),
        transformers.Wav2Vec2BertConfig(hidden_size=16),
        transformers.SEWDConfig(),
    ],
    ids=lambda config: config.model_type,
)
def test_a_model_of_another_family_is_refused_with_the_types_that_work(config: object, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)  # type: ignore[attr-defined]
    for use in (load_encoder, encoder_shape, lambda path: random_encoder(path, 1)):
        with pytest.raises(UserError, match=f"a model of type {config.model_type}") as error:  # type: ignore[attr-defined]
            use(tmp_path)  # type: ignore[operator]
        assert all(kind in error.value.remedy for kind in ("hubert", "wav2vec2", "wavlm", "data2vec-audio"))


def test_code_that_comes_with_a_model_is_never_run(tmp_path: Path) -> None:
    code = (
        f"open({str(tmp_path / 'ran')!r}, 'w')\nfrom transformers import WavLMConfig as Config, WavLMModel as Model\n"
    )
    (tmp_path / "modeling_own.py").write_text(code)
    auto_map = {"AutoConfig": "modeling_own.Config", "AutoModel": "modeling_own.Model"}
    for kind in ("own", "wavlm"):
        transformers.WavLMModel(transformers.WavLMConfig(**SMALL)).save_pretrained(tmp_path)
        tree = {**json.loads((tmp_path / "config.json").read_text()), "model_type": kind, "auto_map": auto_map}
        (tmp_path / "config.json").write_text(json.dumps(tree))
        if kind == "own":
            with pytest.raises(UserError, match="foreign code is never run"):
                load_encoder(tmp_path)
        else:  # transformers has a network of this type: its own is taken
            assert type(load_encoder(tmp_path).model) is transformers.WavLMModel
            assert type(random_encoder(tmp_path, 1).model) is transformers.WavLMModel
    assert not (tmp_path / "ran").exists()


def test_a_network_without_a_mask_embedding_is_loaded(tmp_path: Path) -> None:
    config = transformers.HubertConfig(**SMALL, mask_time_prob=0.0)
    model = transformers.HubertModel(config).eval()
    model.save_pretrained(tmp_path)
    wave_BN = torch.randn(1, 2000)
    with torch.no_grad():
        expected = model(wave_BN).last_hidden_state
    torch.testing.assert_close(load_encoder(tmp_path).states(wave_BN)[-1], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("change", [{"hidden_size": "wide"}, {"conv_dim": [1, 2]}, {"hidden_size": -3}])
@pytest.mark.parametrize("kind", ["hubert", "wavlm"])
def test_a_shape_that_no_network_has_is_a_users_error(kind: str, change: dict[str, object], tmp_path: Path) -> None:
    config_class, model_class, _ = PEERS[kind]
    model_class(config_class(**SMALL)).save_pretrained(tmp_path)
    tree = {**json.loads((tmp_path / "config.json").read_text()), **change}
    (tmp_path / "config.json").write_text(json.dumps(tree))
    with pytest.raises(UserError):
        load_encoder(tmp_path)


def test_waveforms_are_normalised_where_the_preprocessor_says_so(tmp_path: Path) -> None:
    model = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**SMALL)).eval()
    model.save_pretrained(tmp_path)
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    extractor.save_pretrained(tmp_path)
    wave_N = torch.randn(5000) * 0.1 + 0.3
    with torch.no_grad():
        want = model(extractor(wave_N.numpy(), sampling_rate=16000, return_tensors="pt").input_values)
    torch.testing.assert_close(
        load_encoder(tmp_path).states(wave_N[None])[-1], want.last_hidden_state, atol=1e-3, rtol=0
    )


def test_a_trained_folder_is_named_by_its_iteration(trained: Path) -> None:
    assert load_encoder(trained).name == "it1.base" == encoder_name(trained)


def test_states_carry_gradients_only_after_trainable(trained: Path) -> None:
    encoder, wave_BN = load_encoder(trained), torch.randn(1, 2000)
    assert not encoder.states(wave_BN)[-1].requires_grad
    encoder.trainable().states(wave_BN)[-1].sum().backward()
    assert encoder.model.masked_spec_embed.grad is None
    assert all(p.grad is not None for n, p in encoder.named_parameters() if "masked_spec_embed" not in n)


@pytest.mark.parametrize("kind", ["ours", "wavlm"])
def test_a_random_encoder_has_the_shape_but_not_the_weights_and_follows_from_its_seed(
    kind: str, trained: Path, tmp_path: Path
) -> None:
    path = trained
    if kind == "wavlm":
        path = tmp_path / "wavlm"
        transformers.WavLMModel(transformers.WavLMConfig(**SMALL)).save_pretrained(path)
    one, again, reseeded = random_encoder(path, 1), random_encoder(path, 1), random_encoder(path, 2)
    weights = load_encoder(path).state_dict()
    assert {n: w.shape for n, w in one.state_dict().items()} == {n: w.shape for n, w in weights.items()}
    name = next(n for n in weights if n.endswith("layers.0.attention.q_proj.weight"))
    assert torch.equal(one.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(one.state_dict()[name], reseeded.state_dict()[name])
    assert not torch.equal(one.state_dict()[name], weights[name])


def test_a_random_encoder_begins_as_training_does(trained: Path) -> None:
    from toolkit.train.start import build

    config = load_encoder(trained).model.config
    begun, random = build(config, 3).state_dict(), random_encoder(trained, 3).model.state_dict()
    assert all(torch.equal(begun[name], random[name]) for name in begun)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda p: None, "no speech encoder here"),
        (lambda p: p.mkdir(), "no speech encoder here"),
        (lambda p: (p.mkdir(), (p / "config.json").write_text("{")), "broken config.json"),
        (lambda p: (p.mkdir(), (p / "config.json").write_text("[]")), "no mapping of names"),
        (lambda p: (p.mkdir(), (p / "config.json").write_text("{}")), "a model of type unknown"),
        (lambda p: (p.mkdir(), (p / "config.json").write_text(json.dumps({"model_type": "bert"}))), "type bert"),
        (
            lambda p: transformers.HubertConfig(**SMALL).save_pretrained(p),
            "a model without weights",
        ),
    ],
)
def test_what_is_no_encoder_is_a_users_error(make: object, message: str, tmp_path: Path) -> None:
    make(tmp_path / "x")  # type: ignore[operator]
    with pytest.raises(UserError, match=message):
        load_encoder(tmp_path / "x")


@pytest.mark.parametrize(("name", "text"), [("preprocessor_config.json", "[]"), ("preprocessor_config.json", "{")])
def test_a_damaged_description_of_a_trained_network_is_a_users_error(
    name: str, text: str, trained: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(trained / "hf", tmp_path / "hf")
    (folder / name).write_text(text)
    with pytest.raises(UserError, match="a damaged file") as e:
        read_config(folder)
    assert e.value.where == str(folder / name)


def test_weights_that_are_missing_are_refused_and_not_drawn_at_random(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    transformers.WavLMModel(transformers.WavLMConfig(**SMALL)).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    gone = next(n for n in weights if "q_proj.weight" in n)
    save_file({n: w for n, w in weights.items() if n != gone}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="missing"):
        load_encoder(tmp_path)


MISFITS = {
    "layer norms in the weights, a group norm in the config": ("Wav2Vec2Model", LARGE, {"feat_extract_norm": "group"}),
    "a layer less in the config": ("WavLMModel", {}, {"num_hidden_layers": 1}),
    "a layer less, under a head": ("Wav2Vec2ForCTC", {}, {"num_hidden_layers": 1}),
    "adapters in the layers": ("Wav2Vec2ForCTC", {**LARGE, "adapter_attn_dim": 4}, {"adapter_attn_dim": None}),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_weights_that_the_description_has_no_place_for_are_not_dropped(kind: str, tmp_path: Path) -> None:
    name, shape, change = MISFITS[kind]
    network = getattr(transformers, name)
    network(network.config_class(**SMALL, **shape)).save_pretrained(tmp_path)
    load_encoder(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UserError, match=r"config.json has no place for .* of the weights"):
        load_encoder(tmp_path)


HEADS = [
    ("Wav2Vec2", "ForCTC"),
    ("Wav2Vec2", "ForXVector"),
    ("WavLM", "ForSequenceClassification"),
    ("UniSpeechSat", "ForPreTraining"),
]


@pytest.mark.parametrize(("family", "head"), HEADS)
@pytest.mark.parametrize("prefix", [True, False])
def test_the_weights_of_a_head_are_left_out_without_a_word(
    prefix: bool, family: str, head: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Some conversions keep the head's names and drop the prefix of the encoder's."""
    from safetensors.torch import load_file, save_file

    network = getattr(transformers, family + head)
    shape = {"codevector_dim": 16, "proj_codevector_dim": 16, "num_codevectors_per_group": 8}
    network(network.config_class(**SMALL, **shape)).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    inside = {name: t for name, t in weights.items() if name.startswith(network.base_model_prefix + ".")}
    assert inside and len(inside) < len(weights)
    if not prefix:
        save_file({n.removeprefix(network.base_model_prefix + "."): t for n, t in weights.items()}, path)
    capfd.readouterr()
    own = load_encoder(tmp_path).model.state_dict()
    assert sum(t.numel() for t in own.values()) == sum(t.numel() for t in inside.values())
    printed = capfd.readouterr()
    assert "UNEXPECTED" not in printed.out + printed.err and "lm_head" not in printed.out + printed.err


def test_a_foreign_folder_with_a_weight_out_of_range_is_refused_by_its_name(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    transformers.WavLMModel(transformers.WavLMConfig(**SMALL)).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    name = next(n for n in weights if "q_proj.weight" in n)
    weights[name][0, 0] = 1.9e37
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=rf"{name} holds 1.9e\+37"):
        load_encoder(tmp_path)


def test_audio_too_short_for_a_frame_is_a_users_error(trained: Path) -> None:
    with pytest.raises(UserError, match="too few for one frame"):
        load_encoder(trained).states(torch.zeros(1, 399))
