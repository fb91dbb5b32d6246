"""A Whisper small enough for a test: a real byte-level BPE with Whisper's special tokens, random weights, every file.

The folder is what Hugging Face's own classes write and read: config.json, generation_config.json,
preprocessor_config.json, tokenizer.json, tokenizer_config.json, model.safetensors. Its 300 text tokens hold any Unicode
(256 bytes, and 44 merges of Arabic and English); an Arabic letter is one or two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

from toolkit.core.files import read_json, write_json

TEXT_TOKENS = 300  # <|endoftext|> is the first that is none
LANGUAGES = ("en", "ar", "fr")
TASKS = ("translate", "transcribe")
AFTER_TASKS = ("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>")
TIMESTAMPS = tuple(f"<|{tick / 50:.2f}|>" for tick in range(1501))
SENTENCES = (
    "ذَهَبَ الولدُ إلى المدرسة في الصباح",
    "ما بعرف شو صار معه اليوم يا صديقي",
    "الله يسلمك، كيف حالك؟ إن شاء الله بخير",
    "the call is being transferred, please hold the line",
    "press one for the operator, or stay on the line",
)


def tiny_whisper_folder(
    path: Path,
    *,
    layers: int = 2,
    decoder_layers: int | None = None,
    d: int = 16,
    mels: int = 80,
    seed: int = 0,
    languages: Sequence[str] = LANGUAGES,
    init_std: float = 0.5,
    ends: bool = False,
) -> Path:
    """Write the folder of a Whisper with random weights, which says so, to `path`, and return it.

    Same arguments, same bytes.

    Args:
        layers: of the encoder, and of the decoder unless `decoder_layers` says otherwise.
        d: model dimension; two heads, so it is even. The feed-forward dimension is 4 d.
        mels: 80, or 128 as large-v3 and turbo have.
        seed: of the weights.
        languages: their tokens; a Whisper without Arabic is one whose languages leave it out.
        init_std: of the weights. With Whisper's 0.02 an untrained network writes the same whatever it hears, and
            a test that decodes would prove nothing.
        ends: whether it comes to an end at times: the row of the end, zeros in a new network, is as long as the others.
            With seed 1 it does so for most speech.
    """
    path.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer(languages)
    tokenizer.save(str(path / "tokenizer.json"))
    write_json(path / "tokenizer_config.json", _tokenizer_config())
    config = _config(tokenizer, layers, decoder_layers or layers, d, mels, init_std)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = WhisperForConditionalGeneration(config)
    if ends:
        with torch.no_grad():
            row = 2 * torch.randn(d, generator=torch.Generator().manual_seed(1))
            network.model.decoder.embed_tokens.weight[config.eos_token_id] = row
    network.generation_config = _generation_config(tokenizer, languages)
    network.save_pretrained(path)
    write_json(path / "config.json", {**read_json(path / "config.json"), "sawt": {"random": True}})
    WhisperFeatureExtractor(feature_size=mels).save_pretrained(path)
    return path


def tiny_tokenizer(languages: Sequence[str] = LANGUAGES) -> Tokenizer:
    """300 text tokens, then Whisper's special tokens in Whisper's order, then the 1501 timestamps."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=TEXT_TOKENS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    named = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{name}|>" for name in (*languages, *TASKS)), *AFTER_TASKS]
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in named])
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=True) for name in TIMESTAMPS])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|startoftranscript|> <|notimestamps|> $A <|endoftext|>",
        special_tokens=[(n, tokenizer.token_to_id(n)) for n in ("<|startoftranscript|>", "<|notimestamps|>", named[0])],
    )
    return tokenizer


def _config(
    tokenizer: Tokenizer, encoder_layers: int, decoder_layers: int, d: int, mels: int, init_std: float
) -> WhisperConfig:
    end = tokenizer.token_to_id("<|endoftext|>")
    return WhisperConfig(
        vocab_size=tokenizer.get_vocab_size(),
        num_mel_bins=mels,
        encoder_layers=encoder_layers,
        decoder_layers=decoder_layers,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=4 * d,
        decoder_ffn_dim=4 * d,
        d_model=d,
        init_std=init_std,
        max_source_positions=1500,
        max_target_positions=448,
        decoder_start_token_id=tokenizer.token_to_id("<|startoftranscript|>"),
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )


def _generation_config(tokenizer: Tokenizer, languages: Sequence[str]) -> GenerationConfig:
    """As a multilingual Whisper has it: brackets and the tokens of tasks are never written, a space never first."""
    id = tokenizer.token_to_id
    end, start = id("<|endoftext|>"), id("<|startoftranscript|>")
    never = [*(id(c) for c in "#()[]{}"), start, *(id(f"<|{task}|>") for task in TASKS), *map(id, AFTER_TASKS[:3])]
    return GenerationConfig(
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        max_length=448,
        suppress_tokens=sorted(never),
        begin_suppress_tokens=[id("Ġ"), end],
        no_timestamps_token_id=id("<|notimestamps|>"),
        prev_sot_token_id=id("<|startofprev|>"),
        max_initial_timestamp_index=50,
        is_multilingual=True,
        return_timestamps=False,
        lang_to_id={f"<|{code}|>": id(f"<|{code}|>") for code in languages},
        task_to_id={task: id(f"<|{task}|>") for task in TASKS},
    )


def _tokenizer_config() -> dict[str, object]:
    end = "<|endoftext|>"
    special = {"bos_token": end, "eos_token": end, "pad_token": end, "unk_token": end}
    return {"tokenizer_class": "WhisperTokenizer", "model_max_length": 448, "add_prefix_space": False, **special}
