"""Whisper's tokens by name; a transcript is text, whatever stands in it."""

from pathlib import Path

import pytest
import torch
from transformers import WhisperForConditionalGeneration, WhisperTokenizerFast
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.vocabulary import Vocabulary

ARABIC = [
    "قَالَ: إنّ المكتبـة ١٢",
    "ﻻ إله إلا الله",
    "سنة ۱۹۹۹ أو 1999 أو ١٩٩٩",
    "hello, السلام عليكم؟",
    "هٰذا ﷲ ‏نصّ‎",
    "😀 مرحبا",
]
CONTROL = ["<|endoftext|>", "<|startoftranscript|>", "<|ar|>", "<|transcribe|>", "<|notimestamps|>", "<|0.00|>"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def vocabulary(folder: Path) -> Vocabulary:
    return Vocabulary.read(folder)


@pytest.mark.parametrize("text", ARABIC)
def test_arabic_comes_back_as_it_was(text: str, folder: Path, vocabulary: Vocabulary) -> None:
    tokens = vocabulary.encode(text)
    assert vocabulary.decode(tokens) == text
    theirs = WhisperTokenizerFast.from_pretrained(folder)
    assert tokens == theirs(" " + text, add_special_tokens=False).input_ids


@pytest.mark.parametrize("name", CONTROL)
def test_the_name_of_a_control_token_in_a_transcript_stays_text(name: str, vocabulary: Vocabulary) -> None:
    for text in (name, f"قال {name} ثم", f"a{name}"):
        tokens = vocabulary.encode(text)
        assert max(tokens) < vocabulary.end
        assert vocabulary.decode(tokens) == text


def test_white_space_is_made_single_and_nothing_has_no_tokens(vocabulary: Vocabulary) -> None:
    assert vocabulary.encode("  ما \n بعرف\t") == vocabulary.encode("ما بعرف")
    assert vocabulary.encode(" \n") == [] and vocabulary.decode([]) == ""


def test_control_tokens_and_timestamps_are_no_text(vocabulary: Vocabulary) -> None:
    tokens = [vocabulary.start, vocabulary.timestamp(1), *vocabulary.encode("نعم"), vocabulary.timestamp(2)]
    assert vocabulary.decode([*tokens, vocabulary.end]) == "نعم"


def test_timestamps_lie_on_a_grid_of_a_fiftieth_of_a_second(vocabulary: Vocabulary) -> None:
    for tick in range(1501):
        token = vocabulary.id(f"<|{tick / 50:.2f}|>")
        assert vocabulary.timestamp(tick / 50) == token and vocabulary.seconds(token) == pytest.approx(tick / 50)
    assert vocabulary.timestamp(-1) == vocabulary.timestamp(0)
    assert vocabulary.timestamp(31) == vocabulary.timestamp(30) == vocabulary.size - 1
    assert vocabulary.timestamp(0.0149) == vocabulary.timestamp(0.02)
    assert vocabulary.seconds(vocabulary.no_timestamps) is None
    assert vocabulary.seconds(vocabulary.encode("x")[0]) is None


def test_a_prompt_is_that_of_transformers(folder: Path, vocabulary: Vocabulary) -> None:
    """Their tokenizer counts languages from English on, all hundred of them; their generate looks them up."""
    network = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    mel = torch.zeros(1, 80, 3000)
    for timestamps in (False, True):
        prompt = vocabulary.prompt("ar", timestamps)
        written = network.generate(
            mel,
            language="ar",
            task="transcribe",
            return_timestamps=timestamps,
            max_new_tokens=1,
            force_unique_generate_call=True,
        )
        assert written[0, : len(prompt)].tolist() == prompt and written.shape[1] == len(prompt) + 1


def test_languages_that_no_config_lists_are_those_of_the_tokenizer(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    generation = read_json(folder / "generation_config.json")
    wanted = Vocabulary.read(folder).languages
    generation.pop("lang_to_id")
    write_json(tmp_path / "generation_config.json", generation)
    assert Vocabulary.read(tmp_path).languages == wanted == {"en": 302, "ar": 303, "fr": 304}


def test_a_language_that_the_model_does_not_know_is_refused_with_those_that_it_knows(tmp_path: Path) -> None:
    without = Vocabulary.read(tiny_whisper_folder(tmp_path / "en", languages=("en", "fr")))
    with pytest.raises(UserError) as e:
        without.prompt("ar", False)
    assert "no language ar" in str(e.value) and "it knows en, fr" in str(e.value)


def test_no_speech_is_found_under_both_of_its_names(folder: Path, tmp_path: Path, vocabulary: Vocabulary) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    written = (folder / "tokenizer.json").read_text(encoding="utf-8").replace("<|nospeech|>", "<|nocaptions|>")
    (tmp_path / "tokenizer.json").write_text(written, encoding="utf-8")
    assert Vocabulary.read(tmp_path).no_speech == vocabulary.no_speech
