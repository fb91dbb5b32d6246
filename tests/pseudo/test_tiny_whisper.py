"""The Whisper of the tests is one by Hugging Face's own classes, and its tokens are where Whisper's are."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizerFast
from whispers import SENTENCES, TEXT_TOKENS, tiny_whisper_folder

from toolkit.models.vocabulary import Vocabulary

ARABIC = ("قَالَ: إنّ المكتبـة ١٢", "ﻻ إله إلا الله", "سنة ۱۹۹۹ أو 1999", "hello, السلام عليكم؟")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "tiny")


def test_any_text_is_written_in_text_tokens_and_read_again(folder: Path) -> None:
    vocabulary = Vocabulary.read(folder)
    for text in (*SENTENCES, *ARABIC):
        tokens = vocabulary.encode(text)
        assert max(tokens) < vocabulary.end == TEXT_TOKENS
        assert vocabulary.decode(tokens) == text


def test_special_tokens_are_in_the_order_that_whisper_has_them(folder: Path) -> None:
    v = Vocabulary.read(folder)
    order = [v.end, v.start, *map(v.language, ("en", "ar", "fr"))]
    order += [v.id("<|translate|>"), v.id("<|transcribe|>"), v.id("<|startoflm|>")]
    order += [v.previous, v.no_speech, v.no_timestamps]
    assert order == list(range(TEXT_TOKENS, TEXT_TOKENS + len(order)))
    assert v.timestamp(0) == v.id("<|0.00|>") == order[-1] + 1
    assert v.timestamp(30) == v.id("<|30.00|>") == v.size - 1
    assert len(v.languages) == 3


def test_hugging_face_reads_the_folder_and_what_it_writes_depends_on_what_it_hears(folder: Path) -> None:
    network = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    mels = _mels(folder)
    assert mels.shape == (2, 80, 3000)
    with torch.no_grad():
        written = network.generate(mels, language="ar", task="transcribe", max_new_tokens=8).tolist()
    assert written[0] != written[1]
    assert not {token for row in written for token in row} & set(network.generation_config.suppress_tokens)


def test_with_the_init_of_whisper_an_untrained_network_knows_nothing(tmp_path: Path) -> None:
    network = WhisperForConditionalGeneration.from_pretrained(tiny_whisper_folder(tmp_path / "m", init_std=0.02)).eval()
    with torch.no_grad():
        loss = network(_mels(tmp_path / "m"), labels=torch.tensor([[5, 6, 7]] * 2)).loss.item()
    assert loss == pytest.approx(math.log(Vocabulary.read(tmp_path / "m").size), abs=0.2)


def _mels(folder: Path) -> torch.Tensor:
    """Of a second of noise and a second of silence."""
    noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    extractor = WhisperFeatureExtractor.from_pretrained(folder)
    return extractor([noise, 0 * noise], sampling_rate=16000, return_tensors="pt").input_features


def test_hugging_faces_tokenizer_gives_the_same_tokens(folder: Path) -> None:
    theirs, ours = WhisperTokenizerFast.from_pretrained(folder), Vocabulary.read(folder)
    for text in ARABIC:
        assert theirs(" " + text, add_special_tokens=False).input_ids == ours.encode(text)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(folder: Path, tmp_path: Path) -> None:
    def files(path: Path) -> dict[str, bytes]:
        return {f.name: f.read_bytes() for f in path.iterdir()}

    mine = files(folder)
    assert files(tiny_whisper_folder(tmp_path / "again")) == mine
    theirs = files(tiny_whisper_folder(tmp_path / "other", seed=1))
    assert {name for name in mine if theirs[name] != mine[name]} == {"model.safetensors"}


def test_shapes_and_languages_are_those_that_are_asked_for(tmp_path: Path) -> None:
    path = tiny_whisper_folder(tmp_path / "v3", layers=3, decoder_layers=1, d=8, mels=128, languages=("en", "yue"))
    config = WhisperForConditionalGeneration.from_pretrained(path).config
    assert (config.encoder_layers, config.decoder_layers, config.d_model, config.num_mel_bins) == (3, 1, 8, 128)
    assert set(Vocabulary.read(path).languages) == {"en", "yue"}
