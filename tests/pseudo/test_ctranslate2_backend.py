"""CTranslate2 as a back-end, against Hugging Face's own network on the same weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GenerationConfig, WhisperForConditionalGeneration
from transformers.generation.logits_process import WhisperTimeStampLogitsProcessor
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.tensors import read_tensors, write_tensors
from toolkit.models.vocabulary import Vocabulary
from toolkit.pseudo.ctranslate2_backend import CTranslate2Backend
from toolkit.pseudo.decoded import Language

pytest.importorskip("ctranslate2")
LIMIT = 40


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that stops at times: the row of the end, zeros in a new network, is made as long as the others."""
    folder = tiny_whisper_folder(tmp_path_factory.mktemp("whisper") / "hf", seed=1)
    tensors = read_tensors(folder / "model.safetensors")
    row = 2 * torch.randn(16, generator=torch.Generator().manual_seed(1))
    tensors["model.decoder.embed_tokens.weight"][Vocabulary.read(folder).end] = row
    write_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def vocabulary(whisper: Path) -> Vocabulary:
    return Vocabulary.read(whisper)


@pytest.fixture(scope="module")
def network(whisper: Path) -> WhisperForConditionalGeneration:
    return WhisperForConditionalGeneration.from_pretrained(whisper).eval()


@pytest.fixture(scope="module")
def backend(whisper: Path, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> CTranslate2Backend:
    return CTranslate2Backend(whisper, vocabulary, "cpu", "float32", 1, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def mel_BMT() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((4, 80, 3000)).astype(np.float32)


def greedy(network, vocabulary: Vocabulary, mel_MT: np.ndarray, prompt: list[int], limit: int, rules=None):
    """Naive decoding, a whole pass per token: (tokens, log-probabilities, whether it ended).

    Args:
        rules: Hugging Face's for timestamps, where they are written.
    """
    tokens, logs = list(prompt), []
    with torch.no_grad():
        heard = network.model.encoder(torch.from_numpy(mel_MT[None]))
    for _ in range(limit):
        with torch.no_grad():
            logits = network(encoder_outputs=heard, decoder_input_ids=torch.tensor([tokens])).logits[0, -1]
        logits[list(vocabulary.suppressed)] = -torch.inf
        if not logs:
            logits[list(vocabulary.suppressed_first)] = -torch.inf
        if rules:
            logits = rules(torch.tensor([tokens]), logits[None])[0]
        logs.append(float(logits.log_softmax(-1).max()))
        tokens.append(int(logits.argmax()))
        if tokens[-1] == vocabulary.end:
            return tuple(tokens[len(prompt) : -1]), logs, True
    return tuple(tokens[len(prompt) :]), logs, False


@pytest.mark.parametrize("limit", [1, 5, LIMIT])
@pytest.mark.parametrize("before", ["", "الله يسلمك كيف حالك"], ids=["alone", "after a text"])
def test_greedy_text_and_its_log_probability_are_those_of_hugging_face(
    limit: int, before: str, backend, network, vocabulary, mel_BMT
) -> None:
    prompt = vocabulary.prompt("ar", timestamps=False)
    if before:
        prompt = [vocabulary.previous, *vocabulary.encode(before), *prompt]
    got = backend.decode(mel_BMT, [prompt] * 4, beam=1, max_new_tokens=limit, timestamps=False)
    for row, mel_MT in zip(got, mel_BMT, strict=True):
        tokens, logs, ended = greedy(network, vocabulary, mel_MT, prompt, limit)
        assert (row.tokens, row.ended) == (tokens, ended)
        assert row.avg_logprob == pytest.approx(np.mean(logs), abs=1e-4)
    if limit == LIMIT:
        assert len({row.tokens for row in got}) > 1


def test_the_limit_counts_new_tokens_and_the_end_is_one_of_them(backend, network, vocabulary, mel_BMT) -> None:
    prompt = vocabulary.prompt("ar", timestamps=False)
    texts = [greedy(network, vocabulary, mel_MT, prompt, 60) for mel_MT in mel_BMT]
    lengths = [len(tokens) for tokens, _, ended in texts if ended]
    assert lengths, "none of the windows ends: the test proves nothing"
    for limit in {max(1, n) + more for n in lengths for more in (0, 1)}:
        got = backend.decode(mel_BMT, [prompt] * 4, beam=1, max_new_tokens=limit, timestamps=False)
        for row, (tokens, _, ended) in zip(got, texts, strict=True):
            assert row.tokens == tokens[:limit] and row.ended == (ended and len(tokens) < limit)


def test_the_probability_of_no_speech_is_that_after_the_start(backend, network, vocabulary, mel_BMT) -> None:
    prompt = vocabulary.prompt("ar", timestamps=False)
    got = backend.decode(mel_BMT, [prompt] * 4, beam=1, max_new_tokens=3, timestamps=False)
    with torch.no_grad():
        start = torch.full((4, 1), vocabulary.start)
        wanted = network(torch.from_numpy(mel_BMT), decoder_input_ids=start).logits[:, 0].softmax(-1)
    assert [row.no_speech for row in got] == pytest.approx(wanted[:, vocabulary.no_speech].tolist(), abs=1e-4)


def test_of_a_small_vocabulary_the_language_is_not_detected_and_torch_is_named(backend, mel_BMT) -> None:
    with pytest.raises(UserError, match="as large as Whisper's") as e:
        backend.detect(mel_BMT)
    assert "decode.backend: torch" in e.value.remedy


def test_the_language_is_the_first_of_those_that_ctranslate2_gives(backend, mel_BMT, monkeypatch) -> None:
    class Model:
        is_multilingual = True

        def detect_language(self, features):
            return [[("<|ar|>", 0.7), ("<|en|>", 0.3)], [("<|yue|>", 0.5), ("<|ar|>", 0.25)]]

    monkeypatch.setattr(backend, "model", Model())
    assert backend.detect(mel_BMT[:2]) == [Language("ar", 0.7), Language("yue", 0.5)]


def test_a_beam_of_five_is_scored_over_its_tokens_and_the_end(backend, network, vocabulary, mel_BMT) -> None:
    prompt = vocabulary.prompt("ar", timestamps=False)
    for row, mel_MT in zip(
        backend.decode(mel_BMT, [prompt] * 4, beam=5, max_new_tokens=LIMIT, timestamps=False), mel_BMT, strict=True
    ):
        written = [*row.tokens, *([vocabulary.end] if row.ended else [])]
        ids = torch.tensor([[*prompt, *written]])
        with torch.no_grad():
            logits = network(torch.from_numpy(mel_MT[None]), decoder_input_ids=ids[:, :-1]).logits[0, len(prompt) - 1 :]
        logits[:, list(vocabulary.suppressed)] = -torch.inf
        logits[0, list(vocabulary.suppressed_first)] = -torch.inf
        wanted = logits.log_softmax(-1)[torch.arange(len(written)), torch.tensor(written)].mean()
        assert row.avg_logprob == pytest.approx(float(wanted), abs=1e-4)


def test_windows_decode_together_as_they_do_alone_whatever_their_prompts(backend, vocabulary, mel_BMT) -> None:
    plain = vocabulary.prompt("ar", timestamps=False)
    prompts = [plain, [vocabulary.previous, *vocabulary.encode("مرحبا"), *plain], plain, vocabulary.prompt("en", False)]
    options = {"beam": 1, "max_new_tokens": LIMIT, "timestamps": False}
    together = backend.decode(mel_BMT, prompts, **options)
    for i, prompt in enumerate(prompts):
        (alone,) = backend.decode(mel_BMT[i : i + 1], [prompt], **options)
        assert alone.tokens == together[i].tokens
        assert alone.avg_logprob == pytest.approx(together[i].avg_logprob, abs=1e-4)


def test_timestamps_follow_the_rules_of_hugging_face(backend, network, vocabulary, mel_BMT) -> None:
    prompt = vocabulary.prompt("ar", timestamps=True)
    config = GenerationConfig(
        no_timestamps_token_id=vocabulary.no_timestamps, eos_token_id=vocabulary.end, max_initial_timestamp_index=50
    )
    rules = WhisperTimeStampLogitsProcessor(config, begin_index=len(prompt))
    got = backend.decode(mel_BMT, [prompt] * 4, beam=1, max_new_tokens=LIMIT, timestamps=True)
    for row, mel_MT in zip(got, mel_BMT, strict=True):
        tokens, logs, ended = greedy(network, vocabulary, mel_MT, prompt, LIMIT, rules)
        assert (row.tokens, row.ended) == (tokens, ended) and vocabulary.seconds(tokens[0]) is not None
        assert row.avg_logprob == pytest.approx(np.mean(logs), abs=1e-4)
    with pytest.raises(ValueError, match="another thing"):
        backend.decode(mel_BMT, [prompt] * 4, beam=1, max_new_tokens=3, timestamps=False)


def test_a_text_of_no_token_has_the_log_probability_of_its_end(whisper: Path, tmp_path: Path, mel_BMT) -> None:
    folder = tmp_path / "mute"
    folder.mkdir()
    for path in whisper.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    write_json(
        folder / "generation_config.json",
        {**read_json(folder / "generation_config.json"), "begin_suppress_tokens": [], "suppress_tokens": []},
    )
    vocabulary = Vocabulary.read(folder)
    tensors = read_tensors(folder / "model.safetensors")
    # The last norm gives ones for all that comes in; so a token's logit is the sum of its row: 3 for the end, else 0.
    tensors["model.decoder.layer_norm.weight"].zero_()
    tensors["model.decoder.layer_norm.bias"].fill_(1.0)
    tensors["model.decoder.embed_tokens.weight"].zero_()[vocabulary.end, 0] = 3.0
    write_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    backend = CTranslate2Backend(folder, vocabulary, "cpu", "float32", 1, tmp_path / "cache")
    wanted = 3 - np.log(np.exp(3) + vocabulary.size - 1)
    prompt = vocabulary.prompt("ar", timestamps=False)
    (row,) = backend.decode(mel_BMT[:1], [prompt], beam=1, max_new_tokens=8, timestamps=False)
    assert row.tokens == () and row.ended
    assert row.avg_logprob == pytest.approx(wanted, abs=1e-4)


def test_a_hugging_face_folder_is_converted_once_and_anew_when_its_weights_change(
    whisper: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    def made() -> dict[str, int]:
        return {p.parent.name: p.stat().st_mtime_ns for p in (tmp_path / "cache").glob("*/model.bin")}

    CTranslate2Backend(whisper, vocabulary, "cpu", "int8", 1, tmp_path / "cache")
    first = made()
    CTranslate2Backend(whisper, vocabulary, "cpu", "int8", 1, tmp_path / "cache")
    assert made() == first and len(first) == 1
    second = tiny_whisper_folder(tmp_path / "other", seed=5)
    CTranslate2Backend(second, Vocabulary.read(second), "cpu", "int8", 1, tmp_path / "cache")
    assert len(made()) == 2 and made().items() >= first.items()


def test_what_cannot_be_done_is_said_without_a_traceback(
    whisper: Path, vocabulary: Vocabulary, backend: CTranslate2Backend, tmp_path: Path, mel_BMT: np.ndarray
) -> None:
    def load(folder: Path = whisper, device: str = "cpu", compute: str = "float32", cache: Path | None = None) -> None:
        CTranslate2Backend(folder, vocabulary, device, compute, 1, cache)

    with pytest.raises(UserError, match=r"no model\.bin there"):
        load()
    with pytest.raises(UserError, match="no compute type int4"):
        load(compute="int4")
    with pytest.raises(UserError, match="cannot load"):
        load(backend.folder, device="tpu")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/model.bin").write_bytes(b"\x06\0\0\0")
    with pytest.raises(UserError, match="no Whisper of CTranslate2"):
        load(tmp_path / "broken")
    whole = (backend.folder / "model.bin").read_bytes()
    for path in backend.folder.iterdir():
        (tmp_path / "broken" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "broken/model.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cannot load"):
        load(tmp_path / "broken")
    prompt = vocabulary.prompt("ar", False)
    with pytest.raises(UserError, match="80"):
        backend.decode(np.zeros((1, 128, 3000), "f4"), [prompt], beam=1, max_new_tokens=5, timestamps=False)
    with pytest.raises(UserError, match="448 positions"):
        backend.decode(mel_BMT[:1], [prompt], beam=1, max_new_tokens=445, timestamps=False)


def test_a_tokenizer_with_other_first_tokens_than_the_model_is_refused(
    vocabulary: Vocabulary, backend: CTranslate2Backend, tmp_path: Path
) -> None:
    for path in backend.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    write_json(tmp_path / "config.json", {**config, "suppress_ids_begin": [1]})
    with pytest.raises(UserError, match="may not begin a text"):
        CTranslate2Backend(tmp_path, vocabulary, "cpu", "float32", 1)
