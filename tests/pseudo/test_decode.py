"""Greedy and beam decoding against transformers' generate, token for token; scores against a naive loop in float64."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LogitsProcessorList, WhisperForConditionalGeneration
from transformers.generation.logits_process import (
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
    WhisperTimeStampLogitsProcessor,
)
from whispers import tiny_whisper_folder

from toolkit.models.hearing import Ears
from toolkit.models.log_mel import RATE, log_mel
from toolkit.models.tensors import read_tensors, write_tensors
from toolkit.models.vocabulary import Vocabulary
from toolkit.models.whisper import Whisper
from toolkit.models.whisper_files import load_whisper
from toolkit.pseudo.beam import beam_search
from toolkit.pseudo.decode import greedy, language_of
from toolkit.pseudo.decoded import Decoded

LIMIT = 40
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module", params=SEEDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that stops at times: the row of the end, zeros in a new network, is made as long as the others."""
    folder = tiny_whisper_folder(tmp_path_factory.mktemp("models") / "hf", seed=request.param)
    tensors = read_tensors(folder / "model.safetensors")
    row = 2 * torch.randn(16, generator=torch.Generator().manual_seed(request.param))
    tensors["model.decoder.embed_tokens.weight"][Vocabulary.read(folder).end] = row
    write_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def vocabulary(folder: Path) -> Vocabulary:
    return Vocabulary.read(folder)


@pytest.fixture(scope="module")
def ours(folder: Path) -> Whisper:
    return load_whisper(folder)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> WhisperForConditionalGeneration:
    return WhisperForConditionalGeneration.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def waves() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(rng.uniform(0.02, 0.3) * rng.standard_normal(int(s * RATE))).astype(np.float32) for s in range(1, 13)]


def generate(
    network: WhisperForConditionalGeneration, vocabulary: Vocabulary, waves: list[np.ndarray], timestamps: bool,
    beam: int, limit: int,
) -> list[tuple[tuple[int, ...], bool]]:  # fmt: skip
    """What transformers writes for each: (tokens between prompt and end, whether the end was reached)."""
    with torch.no_grad():
        rows = network.generate(
            log_mel(waves, 3000, 80), language="ar", task="transcribe", return_timestamps=timestamps,
            num_beams=beam, early_stopping=False, length_penalty=1.0, max_new_tokens=limit,
            force_unique_generate_call=True, renormalize_logits=True,
        ).tolist()  # fmt: skip
    prompt = vocabulary.prompt("ar", timestamps)
    texts = []
    for row in rows:
        assert row[: len(prompt)] == prompt
        written = row[len(prompt) :]
        end = written.index(vocabulary.end) if vocabulary.end in written else None
        texts.append((tuple(written[:end]), end is not None))
    return texts


def decode(
    ours: Whisper, vocabulary: Vocabulary, waves: list[np.ndarray], timestamps: bool, limit: int
) -> list[Decoded]:
    return greedy(ours, Ears(ours).states(waves), vocabulary.prompt("ar", timestamps), vocabulary, timestamps, limit)


def search(ours: Whisper, vocabulary: Vocabulary, wave: np.ndarray, timestamps: bool, limit: int, beam: int) -> Decoded:
    prompt = vocabulary.prompt("ar", timestamps)
    return beam_search(ours, Ears(ours).states([wave]), prompt, vocabulary, timestamps, limit, beam)


@pytest.mark.parametrize("timestamps", [False, True], ids=["plain", "timestamps"])
@pytest.mark.parametrize("limit", [1, LIMIT])
def test_greedy_writes_what_transformers_writes(
    timestamps: bool, limit: int, ours, theirs, vocabulary: Vocabulary, waves
) -> None:
    ours_rows = decode(ours, vocabulary, waves, timestamps, limit)
    wanted = generate(theirs, vocabulary, waves, timestamps, 1, limit)
    assert [(row.tokens, row.ended) for row in ours_rows] == wanted


@pytest.mark.parametrize("timestamps", [False, True], ids=["plain", "timestamps"])
@pytest.mark.parametrize(("beam", "limit"), [(3, LIMIT), (5, 12)])
def test_a_beam_finds_what_transformers_finds(
    timestamps: bool, beam: int, limit: int, ours, theirs, vocabulary: Vocabulary, waves
) -> None:
    ours_rows = [search(ours, vocabulary, wave, timestamps, limit, beam) for wave in waves[:5]]
    wanted = generate(theirs, vocabulary, waves[:5], timestamps, beam, limit)
    assert [(row.tokens, row.ended) for row in ours_rows] == wanted


def test_these_networks_end_at_different_times_and_some_never(tmp_path_factory, waves) -> None:
    """Else the tests of this file would prove less than they say."""
    lengths, cut_off = set(), 0
    for seed in SEEDS:
        folder = folder_of(tmp_path_factory, seed)
        for row in decode(load_whisper(folder), Vocabulary.read(folder), waves, False, LIMIT):
            lengths.add(len(row.tokens))
            cut_off += not row.ended
    assert len(lengths) >= 4 and cut_off >= 1


def folder_of(factory: pytest.TempPathFactory, seed: int) -> Path:
    return folder.__wrapped__(type("Request", (), {"param": seed}), factory)  # type: ignore[attr-defined]


@pytest.mark.parametrize("timestamps", [False, True], ids=["plain", "timestamps"])
def test_a_batch_writes_what_each_window_alone_writes(timestamps: bool, ours, vocabulary: Vocabulary, waves) -> None:
    together = decode(ours, vocabulary, waves, timestamps, LIMIT)
    for row, wave in zip(together, waves, strict=True):
        (alone,) = decode(ours, vocabulary, [wave], timestamps, LIMIT)
        assert (row.tokens, row.ended) == (alone.tokens, alone.ended)
        for name in ("avg_logprob", "entropy", "no_speech"):
            assert getattr(row, name) == pytest.approx(getattr(alone, name), abs=1e-4)


def naive(
    network: WhisperForConditionalGeneration, vocabulary: Vocabulary, wave: np.ndarray, timestamps: bool,
    written: tuple[int, ...], ended: bool,
) -> tuple[float, float, float]:  # fmt: skip
    """(mean log-probability, mean entropy, no-speech probability) of these tokens in float64, a whole pass for each."""
    prompt = vocabulary.prompt("ar", timestamps)
    rules = LogitsProcessorList([SuppressTokensLogitsProcessor(list(vocabulary.suppressed))])
    rules.append(SuppressTokensAtBeginLogitsProcessor(list(vocabulary.suppressed_first), len(prompt)))
    if timestamps:
        rules.append(WhisperTimeStampLogitsProcessor(network.generation_config, begin_index=len(prompt)))
    with torch.no_grad():
        heard = network.model.encoder(log_mel([wave], 3000, 80).double())
        tokens = list(prompt)
        logs, entropies = [], []
        for token in (*written, *([vocabulary.end] if ended else [])):
            logits = network(encoder_outputs=heard, decoder_input_ids=torch.tensor([tokens])).logits[0, -1]
            p = rules(torch.tensor([tokens]), logits[None])[0].softmax(0)
            logs.append(p[token].log().item())
            entropies.append(-(p[p > 0] * p[p > 0].log()).sum().item())
            tokens.append(token)
        first = network(encoder_outputs=heard, decoder_input_ids=torch.tensor([[vocabulary.start]])).logits[0, -1]
    return sum(logs) / len(logs), sum(entropies) / len(entropies), first.softmax(0)[vocabulary.no_speech].item()


@pytest.mark.parametrize("timestamps", [False, True], ids=["plain", "timestamps"])
@pytest.mark.parametrize("beam", [1, 3])
def test_scores_are_those_of_a_naive_loop_in_float64(
    timestamps: bool, beam: int, folder: Path, ours, vocabulary: Vocabulary, waves
) -> None:
    network = WhisperForConditionalGeneration.from_pretrained(folder).double().eval()
    network.generation_config.no_timestamps_token_id = vocabulary.no_timestamps
    for wave in waves[:4]:
        if beam == 1:
            (decoded,) = decode(ours, vocabulary, [wave], timestamps, 12)
        else:
            decoded = search(ours, vocabulary, wave, timestamps, 12, beam)
        wanted = naive(network, vocabulary, wave, timestamps, decoded.tokens, decoded.ended)
        assert (decoded.avg_logprob, decoded.entropy, decoded.no_speech) == pytest.approx(wanted, abs=2e-4)


def test_where_the_limit_is_reached_the_text_has_not_ended(ours, vocabulary: Vocabulary, waves) -> None:
    whole = decode(ours, vocabulary, waves, False, LIMIT)
    for row, cut in zip(whole, decode(ours, vocabulary, waves, False, 3), strict=True):
        assert cut.tokens == row.tokens[:3]
        assert cut.ended == (row.ended and len(row.tokens) + 1 <= 3)  # the end is one of the three


def test_no_more_is_written_than_the_decoder_has_positions_for(ours, vocabulary: Vocabulary, waves) -> None:
    for row in decode(ours, vocabulary, waves[:3], False, 10_000):
        assert len(row.tokens) + row.ended + len(vocabulary.prompt("ar", False)) <= 448


@pytest.mark.parametrize("seed", range(5))
def test_the_rules_of_timestamps_are_those_of_transformers_whatever_was_written(
    seed: int, ours, theirs, vocabulary: Vocabulary
) -> None:
    from toolkit.pseudo.rules import NEVER, Rules

    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    first, prompt = vocabulary.first_timestamp, vocabulary.prompt("ar", True)
    theirs.generation_config.no_timestamps_token_id = vocabulary.no_timestamps
    rules = WhisperTimeStampLogitsProcessor(theirs.generation_config, begin_index=len(prompt))
    mine = Rules(Vocabulary(vocabulary.tokenizer, vocabulary.size, (), (), {}, ""), True, torch.device("cpu"))
    for length in (0, 1, 1, 2, 2, 3, 3, 4, 8):
        times = sorted(rng.integers(0, 1500, 8).tolist())
        written = [int(first + times[i]) if rng.random() < 0.6 else int(rng.integers(0, 300)) for i in range(length)]
        logits = torch.randn(1, vocabulary.size, generator=generator) * 3
        wanted = rules(torch.tensor([[*prompt, *written]]), logits.clone()[:, :]) > -1e20
        mine(logits, torch.tensor([written], dtype=torch.long).reshape(1, length))
        allowed = logits > NEVER / 2
        assert (allowed == wanted).all(), (written, (allowed != wanted).nonzero().tolist()[:5])


def test_the_language_is_the_one_that_transformers_detects(
    ours: Whisper, theirs: WhisperForConditionalGeneration, vocabulary: Vocabulary, waves: list[np.ndarray]
) -> None:
    theirs.generation_config.lang_to_id = {f"<|{code}|>": id for code, id in vocabulary.languages.items()}
    mels = log_mel(waves, 3000, 80)
    with torch.no_grad():
        wanted = theirs.detect_language(input_features=mels).tolist()
        first = torch.full((len(waves), 1), vocabulary.start)
        logits = theirs(mels, decoder_input_ids=first).logits[:, 0, sorted(vocabulary.languages.values())]
    detected = language_of(ours, Ears(ours).states(waves), vocabulary)
    assert [vocabulary.language(language.code) for language in detected] == wanted
    assert [language.probability for language in detected] == pytest.approx(
        logits.softmax(1).amax(1).tolist(), abs=1e-4
    )
