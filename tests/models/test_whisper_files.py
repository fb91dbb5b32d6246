"""Folders of Hugging Face's format: whole, in parts, broken; and models that cannot learn from each other."""

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import WhisperForConditionalGeneration
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.export import to_ctranslate2
from toolkit.models.student import StudentConfig, make_student, picks_of
from toolkit.models.vocabulary import Vocabulary
from toolkit.models.whisper_files import (
    find_model,
    load_whisper,
    model_hash,
    model_name,
    read_whisper_config,
    refuse_unlike,
    said_of,
    save_whisper,
)
from toolkit.models.whisper_shape import WhisperConfig


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "نموذج"))


def test_weights_in_parts_are_those_of_one_file(folder: Path, whole: Path) -> None:
    WhisperForConditionalGeneration.from_pretrained(whole).save_pretrained(folder, max_shard_size="100KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    ours, wanted = load_whisper(folder).state_dict(), load_whisper(whole).state_dict()
    assert all(torch.equal(ours[name], wanted[name]) for name in wanted)


def index(folder: Path, weight_map: object) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001.safetensors")
    write_json(folder / "model.safetensors.index.json", {"weight_map": weight_map})


@pytest.mark.parametrize("part", ["../model.safetensors", "/etc/passwd", "sub/model.safetensors", ".hidden"])
def test_an_index_that_leads_out_of_its_folder_is_refused(part: str, folder: Path) -> None:
    index(folder, {"model.encoder.conv1.weight": part})
    with pytest.raises(UserError, match="leads out of its folder"):
        load_whisper(folder)


@pytest.mark.parametrize("weight_map", [None, [1], "x"], ids=str)
def test_a_broken_index_is_refused(weight_map: object, folder: Path) -> None:
    index(folder, weight_map)
    with pytest.raises(UserError, match="broken index"):
        load_whisper(folder)


def test_a_part_that_is_not_there_is_named(folder: Path) -> None:
    index(folder, {"model.encoder.conv1.weight": "model-00002.safetensors"})
    with pytest.raises(UserError) as e:
        load_whisper(folder)
    assert "model-00002.safetensors" in str(e.value)


def _less_weights(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("model.decoder.layers.1.fc1.weight")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _config(**change: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_json(folder / "config.json", {**read_json(folder / "config.json"), **change})

    return write


def _cut(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[: (folder / name).stat().st_size // 2])

    return cut


def _untied(**change: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        weights["proj_out.weight"] = 2 * weights["model.decoder.embed_tokens.weight"]
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        _config(**change)(folder)

    return write


BROKEN: dict[str, Callable[[Path], object]] = {
    "no weights": lambda f: (f / "model.safetensors").unlink(),
    "weights cut off": _cut("model.safetensors"),
    "weights of zeros": lambda f: (f / "model.safetensors").write_bytes(bytes(4096)),
    "a weight less": _less_weights,
    "weights of another shape": _config(encoder_ffn_dim=32),
    "config cut off": _cut("config.json"),
    "config of another network": _config(model_type="wav2vec2"),
    "config is a list": lambda f: (f / "config.json").write_text("[1]"),
    "config in no encoding": lambda f: (f / "config.json").write_bytes(b"\xff\xfe\x00{"),
    "config without a width": lambda f: write_json(f / "config.json", {"model_type": "whisper"}),
    "a width of letters": _config(d_model="wide"),
    "a width below nothing": _config(d_model=-16),
    "a width of nothing": _config(d_model=0),
    "no mels": _config(num_mel_bins=0),
    "heads that do not divide": _config(decoder_attention_heads=3),
    "embeddings that are scaled": _config(scale_embedding=True),
    "another activation": _config(activation_function="relu"),
    "an output layer of its own": _untied(tie_word_embeddings=False),
    "an output layer that config.json does not tell of": _untied(),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_folder_ends_in_a_message_that_names_it(how: str, folder: Path) -> None:
    BROKEN[how](folder)
    with pytest.raises(UserError) as e:
        load_whisper(folder)
    assert str(folder) in str(e.value)


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 151061672\n"


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_pointer_of_git_lfs_is_told_from_a_broken_file(name: str, folder: Path) -> None:
    (folder / name).write_text(POINTER)
    with pytest.raises(UserError, match=f"a Git LFS pointer, not {name} itself") as e:
        Vocabulary.read(folder), load_whisper(folder)
    assert e.value.remedy == f"fetch it: git -C {shlex.quote(str(folder))} lfs pull" and e.value.where.endswith(name)


def _nan(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.encoder.conv1.bias"][0] = torch.nan
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    "how",
    [_cut("model.safetensors"), _nan, lambda f: index(f, {"model.encoder.conv1.weight": "model-00002.safetensors"})],
    ids=["cut off", "not a number", "a part is gone"],
)
def test_damaged_weights_are_to_be_copied_or_fetched_again(how: Callable[[Path], None], folder: Path) -> None:
    how(folder)
    with pytest.raises(UserError) as e:
        load_whisper(folder)
    assert e.value.remedy == "copy or fetch it again"


UNLIKE = {
    "decoder_layers": (1, 2),
    "encoder_layers": (3, 2),
    "d_model": (32, 16),
    "vocab_size": (1864, 1812),
    "num_mel_bins": (128, 80),
    "encoder_ffn_dim": (32, 64),
    "decoder_ffn_dim": (128, 64),
    "max_target_positions": (100, 448),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_a_size_that_the_weights_contradict_is_named_with_both_numbers(name: str, folder: Path) -> None:
    described, own = UNLIKE[name]
    _config(**{name: described})(folder)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(UserError) as e:
        load_whisper(folder)
    assert e.value.what == f"weights that do not fit config.json: {name} {described}, the weights have {own}"
    assert e.value.remedy == "copy config.json and the weights of one model"


@pytest.mark.parametrize("side", ["encoder", "decoder"])
@pytest.mark.parametrize(("width", "heads"), [(384, 6), (512, 8), (768, 12), (1024, 16), (1280, 20)])
def test_a_width_of_a_release_has_the_heads_of_that_release(width: int, heads: int, side: str, folder: Path) -> None:
    """Table 1 of the paper. With others the network runs and writes nothing, or nonsense."""
    right = {"d_model": width, "encoder_attention_heads": heads, "decoder_attention_heads": heads}
    _config(**right)(folder)
    assert read_whisper_config(folder).d_model == width
    _config(**{f"{side}_attention_heads": heads // 2})(folder)
    with pytest.raises(UserError, match=f"{side}_attention_heads is {heads // 2}, and .* has {heads}"):
        read_whisper_config(folder)


def test_an_output_layer_that_is_the_embedding_is_read(folder: Path, whole: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["proj_out.weight"] = weights["model.decoder.embed_tokens.weight"].clone()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    ours, wanted = load_whisper(folder).state_dict(), load_whisper(whole).state_dict()
    assert ours.keys() == wanted.keys() and all(torch.equal(ours[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("change", [{}, {"tie_word_embeddings": False}], ids=json.dumps)
def test_an_export_refuses_an_output_layer_of_its_own_in_the_words_of_torch(
    change: dict[str, object], folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ctranslate2")
    _untied(**change)(folder)
    with pytest.raises(UserError) as torch_error:
        load_whisper(folder)
    with pytest.raises(UserError) as e:
        to_ctranslate2(folder, tmp_path / "out", "float32")
    assert str(e.value) == str(torch_error.value) and "which no release has" in str(e.value)


def test_numbers_of_another_activation_would_be_others(folder: Path) -> None:
    """Why it is refused: transformers' network does something else with the same weights."""
    mel = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[1, 2]])
    logits = []
    for change in ({}, {"activation_function": "relu"}):
        _config(**change)(folder)
        with torch.no_grad():
            logits.append(WhisperForConditionalGeneration.from_pretrained(folder)(mel, decoder_input_ids=tokens).logits)
    assert not torch.allclose(*logits, atol=1e-2)


def test_a_folder_is_found_by_itself_and_by_its_training(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "exp/طالب/hf")
    assert find_model(whole) == whole
    assert find_model(tmp_path / "exp/طالب") == tmp_path / "exp/طالب/hf"
    assert model_name(tmp_path / "exp/طالب/hf") == "طالب"
    assert model_name(whole) == "tiny"


@pytest.mark.parametrize("name", ["nowhere", "a/b/c", "../x y", ""])
def test_a_name_that_is_neither_folder_nor_hub_id_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no Whisper here"):
        find_model(tmp_path / name if name else tmp_path)


def test_what_it_was_made_from_and_the_tokenizer_travel_with_a_student(whole: Path, tmp_path: Path) -> None:
    generation = read_json(whole / "generation_config.json")
    source = Path(shutil.copytree(whole, tmp_path / "teacher"))
    write_json(source / "generation_config.json", {**generation, "alignment_heads": [[1, 0]]})
    save_whisper(make_student(load_whisper(source), [1], [0]), tmp_path / "a", source, "card", {"made_from": "teacher"})
    save_whisper(load_whisper(tmp_path / "a"), tmp_path / "b", tmp_path / "a", "", {"window_seconds": 10})
    assert said_of(tmp_path / "b") == {"random": True, "made_from": "teacher", "window_seconds": 10}
    assert (tmp_path / "b/tokenizer.json").read_bytes() == (whole / "tokenizer.json").read_bytes()
    assert "alignment_heads" not in read_json(tmp_path / "b/generation_config.json")
    assert read_whisper_config(tmp_path / "b").decoder_layers == 1


def test_a_foreign_model_says_nothing_of_its_making(whole: Path, tmp_path: Path) -> None:
    assert said_of(whole) == {"random": True}
    write_json(tmp_path / "config.json", {n: v for n, v in read_json(whole / "config.json").items() if n != "sawt"})
    assert said_of(tmp_path) == {}


def test_the_hash_is_of_the_weights_and_the_tokenizer_and_not_of_the_place(whole: Path, folder: Path) -> None:
    before = model_hash(whole)
    assert model_hash(folder) == before
    (folder / "README.md").write_text("a card")
    assert model_hash(folder) == before
    tensors = load_file(folder / "model.safetensors")
    tensors["model.encoder.conv1.bias"][0] += 1
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert model_hash(folder) != before


V2, V3 = WhisperConfig(), WhisperConfig(vocab_size=51866, num_mel_bins=128)
TURBO = replace(V3, decoder_layers=4)


@pytest.mark.parametrize("teacher", [V3, TURBO], ids=["large-v3", "turbo"])
def test_a_teacher_of_128_mels_is_refused_for_a_student_of_80(teacher: WhisperConfig) -> None:
    with pytest.raises(UserError, match="a teacher of 128 mels and a student of 80"):
        refuse_unlike(teacher, V2, "exp/student")
    with pytest.raises(UserError, match="a teacher of 51866 tokens and a student of 51865"):
        refuse_unlike(replace(teacher, num_mel_bins=80), V2, "exp/student")
    refuse_unlike(teacher, replace(teacher, encoder_layers=2), "exp/student")
    refuse_unlike(V2, replace(V2, decoder_layers=2), "exp/student")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (StudentConfig(33, 16), "33 encoder blocks is deeper than its teacher, which has 32"),
        (StudentConfig(16, 16), "16 decoder blocks is deeper than its teacher, which has 4"),
        (StudentConfig(2, 2, (0, 32)), "no encoder block 32"),
        (StudentConfig(2, 2, (), (-1, 3)), "no decoder block -1"),
    ],
)
def test_a_student_deeper_than_its_teacher_is_refused(config: StudentConfig, message: str) -> None:
    with pytest.raises(UserError, match=message):
        picks_of(config, TURBO)


def test_a_tokenizer_of_another_release_is_refused(folder: Path) -> None:
    """large-v3 has a language more than large-v2, so its last timestamps have no row in large-v2's network."""
    v3 = tiny_whisper_folder(folder.parent / "v3", languages=("en", "ar", "fr", "yue"))
    shutil.copy(v3 / "tokenizer.json", folder / "tokenizer.json")
    with pytest.raises(UserError, match="tokenizer of another model"):
        Vocabulary.read(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"suppress_tokens": ["x"]},
        {"suppress_tokens": 3},
        {"begin_suppress_tokens": [10**9]},
        {"lang_to_id": ["<|ar|>"]},
        {"lang_to_id": {"<|ar|>": "?"}},
    ],
    ids=json.dumps,
)
def test_a_broken_generation_config_is_refused(change: dict[str, object], folder: Path) -> None:
    path = folder / "generation_config.json"
    write_json(path, {**read_json(path), **change})
    with pytest.raises(UserError, match="broken"):
        Vocabulary.read(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "generation_config.json", "config.json"])
@pytest.mark.parametrize("how", ["gone", "cut"])
def test_a_folder_without_one_of_its_files_is_refused(name: str, how: str, folder: Path) -> None:
    if how == "gone":
        (folder / name).unlink()
    else:
        _cut(name)(folder)
    with pytest.raises(UserError) as e:
        Vocabulary.read(folder)
    assert name in str(e.value)


def test_an_english_only_whisper_is_refused(folder: Path) -> None:
    path = folder / "generation_config.json"
    write_json(path, {**read_json(path), "is_multilingual": False})
    with pytest.raises(UserError, match="English-only"):
        Vocabulary.read(folder)
