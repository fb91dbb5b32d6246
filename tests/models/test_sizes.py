"""The networks of the papers, from the recipes' own configs: their size, and their way to Hugging Face and back."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from whispers import tiny_whisper_folder

from toolkit.core.config import load_config
from toolkit.core.plan import Planned
from toolkit.models.config import FetchConfig, HubertConfig, StudentConfig, hubert_parameters
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import hugging_face_config, load_pretrained, save_pretrained
from toolkit.models.planned import PUBLISHED, fetch_disk, student_disk
from toolkit.models.whisper import Whisper
from toolkit.models.whisper_shape import WhisperConfig, parameter_count
from toolkit.train.card import compression, parameters
from toolkit.train.config import PretrainConfig
from toolkit.train.disk import encoder_training, instruct_training, whisper_training
from toolkit.train.engine.config import LoopConfig
from toolkit.train.instruct_config import InstructTraining
from toolkit.train.whisper_config import WhisperTraining
from toolkit.units.config import UnitsConfig
from toolkit.units.disk import sample_disk

EGS = Path(__file__).resolve().parents[2] / "egs"
FULL = EGS / "TEMPLATE/ssl/conf"
FILES = {name: FULL / f"{name}.yaml" for name in ("base", "large", "L", "S", "ST")}
FILES["mini"] = EGS / "mini/ssl/conf/quick/base.yaml"
UNITS = 500  # of the published large; what HArnESS had is not published


def config(name: str) -> PretrainConfig:
    return load_config(PretrainConfig, FILES[name])


def sizes(name: str) -> tuple[int, int]:
    """Parameters of the encoder, and of all that is trained to predict 500 units; nothing is allocated."""
    c = config(name)
    with torch.device("meta"):
        encoder = Hubert(c.model)
        head = torch.nn.Linear(c.model.hidden_size, c.objective.final_dim)
    return parameters(encoder), parameters(encoder) + parameters(head) + UNITS * c.objective.final_dim


@pytest.mark.parametrize(
    "name, encoder, trained",  # millions, in as many digits as they are published or stated with
    [("base", "94.4", ""), ("large", "315.4", "316.6"), ("L", "", "317"), ("S", "", "65"), ("ST", "", "28.1")],
)
def test_configs_give_networks_of_the_size_that_is_published(name: str, encoder: str, trained: str) -> None:
    for size, published in zip(sizes(name), (encoder, trained)):
        digits = len(published.partition(".")[2])
        assert not published or f"{size / 1e6:.{digits}f}" == published


def test_students_are_as_much_smaller_than_the_teacher_as_is_published() -> None:
    teacher, s, thin = (sizes(name) for name in ("L", "S", "ST"))
    assert compression(s[1], teacher[1]).startswith("79.4 % fewer than the teacher (316,")
    assert compression(s[0], teacher[0]).startswith("79.9 % fewer than the teacher (315,")
    assert compression(thin[1], teacher[1]).startswith("91.1 % fewer")


@pytest.mark.parametrize("name", FILES)
def test_sizes_are_those_of_transformers_for_the_exported_config(name: str) -> None:
    model = config(name).model
    with torch.device("meta"):
        theirs = transformers.HubertModel(transformers.HubertConfig(**hugging_face_config(model)))
    assert sum(p.numel() for p in theirs.parameters()) == sizes(name)[0]


@pytest.mark.parametrize("name", ["base", "large", "L", "S", "ST"])
def test_the_plan_states_the_disk_that_weights_and_checkpoints_take(name: str) -> None:
    planned = encoder_training(Planned(config(name), [], "", None, lambda name: None))
    encoder, trained = sizes(name)
    assert planned.kept == pytest.approx((encoder + 2 * 3 * trained) * 4 / 1e6, rel=0.05)
    assert planned.scratch == pytest.approx(3 * trained * 4 / 1e6, rel=0.05)  # a third checkpoint while it is written


RELEASED = {"tiny": 37.76, "base": 72.59, "small": 241.73, "medium": 763.86, "large-v2": 1543.30}


@pytest.mark.parametrize("name", RELEASED)
def test_the_sizes_of_the_released_whispers_are_known_before_they_are_fetched(name: str) -> None:
    """Millions of weights, as the hub counts those of the files."""
    assert parameter_count(PUBLISHED[f"whisper-{name}"]) / 1e6 == pytest.approx(RELEASED[name], abs=0.01)


def test_a_student_is_planned_by_its_blocks_and_what_it_becomes_by_its_own_size() -> None:
    teacher = Planned(FetchConfig("openai/whisper-large-v2"), [], "t", None, lambda name: None)
    student = Planned(StudentConfig(16, 16), ["t"], "s", None, {"t": ("models.fetch", teacher)}.get)
    made = {"t": ("models.fetch", teacher), "s": ("models.student", student)}
    config = WhisperTraining(loop=LoopConfig(best="wer", validate_every=1, checkpoint_every=1))
    training = Planned(config, ["packs", "s", "t"], "d", None, made.get)
    weights = parameter_count(replace(PUBLISHED["whisper-large-v2"], encoder_layers=16, decoder_layers=16)) * 4 / 1e6
    assert fetch_disk(teacher).kept == pytest.approx(2 * 6175, rel=0.01)  # the release's file has 6.17 GB
    assert student_disk(student).kept == pytest.approx(weights, rel=0.01)
    assert whisper_training(training).kept == pytest.approx((2 + 2 * 3) * weights, rel=0.01)


def test_adapters_are_planned_by_rank_and_base_before_it_is_fetched() -> None:
    """Of queries, keys, values and outputs in 28 blocks of width 3,584 with keys of 512, each as two of rank 16."""
    weights = 28 * 16 * ((3584 + 3584) * 2 + (3584 + 512) * 2) * 4 / 1e6
    base = ("models.fetch", Planned(FetchConfig("Qwen/Qwen2.5-Omni-7B"), [], "b", None, lambda name: None))
    config = InstructTraining(loop=LoopConfig(total_steps=4, keep_at=(0.5,), checkpoint_every=1))
    tuned = instruct_training(Planned(config, ["items", "base"], "o", None, {"base": base}.get))
    assert tuned.kept == pytest.approx((2 + 2 * 3) * weights, rel=0.01) and tuned.scratch == pytest.approx(3 * weights)
    assert instruct_training(Planned(config, ["items", "base"], "o", None, lambda name: None)) is None


def test_a_sample_is_no_larger_than_the_audio_has_frames() -> None:
    mfcc = load_config(UnitsConfig, FULL / "it1.yaml")
    few, many = (Planned(mfcc, ["d"], "o", hours, lambda name: None) for hours in (1, 1e4))  # a tenth of the utterances
    assert sample_disk(few).kept == pytest.approx(0.1 * 360_000 * 39 * 4 / 1e6, abs=0.2)
    assert sample_disk(many).kept == pytest.approx(5e6 * 39 * 4 / 1e6, rel=0.01)
    base = ("train.pretrain", Planned(config("base"), [], "b", None, lambda name: None))
    layer = Planned(load_config(UnitsConfig, FULL / "it2.yaml"), ["d", "b"], "o", None, {"b": base}.get)
    assert sample_disk(layer).kept == pytest.approx(2e6 * 768 * 4 / 1e6, rel=0.01)


ODD = HubertConfig(
    num_hidden_layers=3, hidden_size=48, intermediate_size=20, num_attention_heads=4, conv_dim=(8, 16, 4),
    conv_kernel=(10, 8, 4), conv_stride=(5, 8, 8), conv_bias=True, feat_extract_norm="layer",
    num_conv_pos_embeddings=9, num_conv_pos_embedding_groups=3,
)  # fmt: skip


@pytest.mark.parametrize("model", [*(config(name).model for name in FILES if name not in ("large", "L")), ODD])
def test_weights_counted_from_a_config_are_those_of_the_network_part_by_part(model: HubertConfig) -> None:
    network = Hubert(model)
    parts = {
        "convolutions": network.feature_extractor,
        "feature projection": network.feature_projection,
        "positional convolution": network.encoder.pos_conv_embed,
        "blocks": network.encoder.layers,
        "final LayerNorm": network.encoder.layer_norm,
    }
    counted = {name: parameters(part) for name, part in parts.items()}
    assert hubert_parameters(model) == {**counted, "mask embedding": model.hidden_size}
    assert sum(hubert_parameters(model).values()) == parameters(network)


@pytest.mark.parametrize(
    "shape",
    [
        WhisperConfig(vocab_size=60, d_model=16, encoder_layers=3, encoder_attention_heads=2, encoder_ffn_dim=24,
                      decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=20, max_source_positions=50,
                      max_target_positions=24, num_mel_bins=128),
        WhisperConfig(vocab_size=51865, d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536,
                      decoder_layers=4, decoder_attention_heads=6, decoder_ffn_dim=1536),
    ],
)  # fmt: skip
def test_weights_of_a_whisper_counted_from_its_config_are_those_of_the_network(shape: WhisperConfig) -> None:
    assert parameter_count(shape) == parameters(Whisper(shape))


def test_counting_weights_and_loading_a_whisper_import_neither_dynamo_nor_sympy(tmp_path: Path) -> None:
    folder = tiny_whisper_folder(tmp_path / "tiny")
    code = (
        "import sys; from pathlib import Path; from toolkit.models.whisper_shape import parameter_count;"
        "from toolkit.models.whisper_files import load_whisper, read_whisper_config; from toolkit.train import card;"
        "from toolkit.train.config import PretrainConfig; from toolkit.data.labels import LabelHeader;"
        f"folder = Path({str(folder)!r}); model = load_whisper(folder);"
        "assert sum(p.numel() for p in model.parameters()) == parameter_count(read_whisper_config(folder));"
        "assert not any(p.is_meta for p in model.parameters());"
        "card.described(PretrainConfig(), LabelHeader(50.0, 500, 'hash', 'mfcc'));"
        "print(sorted({'sympy', 'torch._dynamo'} & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stdout.strip() == "[]", ended.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is gone after the test: of L it holds 1.3 GB."""
    yield tmp_path / "hf"
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("name", ["mini", "base", "ST", "S", pytest.param("L", marks=pytest.mark.long)])
def test_networks_go_to_transformers_and_back_with_equal_outputs(name: str, folder: Path) -> None:
    model = config(name).model
    ours = Hubert(model)
    initialise(ours, model, torch.Generator().manual_seed(1))
    ours.eval()
    save_pretrained(ours, folder)
    wave_BN = torch.randn(1, 16000, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = ours(wave_BN)[0]
        del ours
        theirs, info = transformers.HubertModel.from_pretrained(folder, output_loading_info=True)
        assert not any(info.values())
        their_states = theirs.eval()(wave_BN).last_hidden_state
        del theirs
        back = load_pretrained(folder)
        assert back.config == model
        again = back(wave_BN)[0]
    assert expected.std() > 0.1  # of zeros, all would be equal
    torch.testing.assert_close(their_states, expected, atol=2e-5, rtol=0)
    assert torch.equal(again, expected)
