"""A network whose tokens are padded to a multiple of 64, as for GPUs: the rows that mean nothing are silent."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.hearing import Ears
from toolkit.models.log_mel import log_mel
from toolkit.models.tensors import read_tensors, write_tensors
from toolkit.models.vocabulary import Vocabulary
from toolkit.models.whisper_files import load_whisper
from toolkit.pseudo.decode import greedy

EMBEDDING = "model.decoder.embed_tokens.weight"
WAVES = [0.2 * np.random.default_rng(s).standard_normal(48000).astype(np.float32) for s in range(2)]
Folders = tuple[Path, Path]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A Whisper, and the same padded with rows that are likelier than any token."""
    plain = tiny_whisper_folder(tmp_path_factory.mktemp("padded") / "plain", seed=1, ends=True)
    padded = Path(shutil.copytree(plain, plain.parent / "padded"))
    weights = read_tensors(padded / "model.safetensors")
    rows = -(-len(weights[EMBEDDING]) // 64) * 64 - len(weights[EMBEDDING])
    assert rows > 10
    noise = 5 * torch.randn(rows, 16, generator=torch.Generator().manual_seed(2))
    weights[EMBEDDING] = torch.cat([weights[EMBEDDING], noise])
    write_tensors(padded / "model.safetensors", weights, {"format": "pt"})
    write_json(padded / "config.json", {**read_json(padded / "config.json"), "vocab_size": len(weights[EMBEDDING])})
    return plain, padded


@pytest.mark.parametrize("timestamps", [False, True])
def test_a_padded_network_writes_what_it_wrote_before_it_was_padded(timestamps: bool, folders: Folders) -> None:
    texts = []
    for folder in folders:
        model, vocabulary = load_whisper(folder), Vocabulary.read(folder)
        states = Ears(model).states(WAVES)
        rows = greedy(model, states, vocabulary.prompt("ar", timestamps), vocabulary, timestamps, 20)
        texts.append([row.tokens for row in rows])
    assert texts[0] == texts[1] and all(texts[0])


@pytest.mark.parametrize("timestamps", [False, True])
def test_in_ctranslate2_too(timestamps: bool, folders: Folders, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    from toolkit.pseudo.ctranslate2_backend import CTranslate2Backend

    texts = []
    mel = log_mel(WAVES, 3000, 80).numpy()
    for folder in folders:
        vocabulary = Vocabulary.read(folder)
        backend = CTranslate2Backend(folder, vocabulary, "cpu", "float32", 1, tmp_path)
        assert Vocabulary.read(backend.folder).suppressed == vocabulary.suppressed
        prompts = [vocabulary.prompt("ar", timestamps)] * len(WAVES)
        rows = backend.decode(mel, prompts, beam=1, max_new_tokens=20, timestamps=timestamps)
        texts.append([row.tokens for row in rows])
    assert texts[0] == texts[1] and all(texts[0])


@pytest.mark.parametrize(("special", "read"), [(True, True), (False, False)])
def test_a_word_after_the_timestamps_is_refused_and_a_mark_is_never_written(
    special: bool, read: bool, folders: Folders, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders[1], tmp_path / "added"))
    tree, before = read_json(folder / "tokenizer.json"), Vocabulary.read(folders[0])
    word = {**tree["added_tokens"][-1], "id": before.size, "content": "كلمة", "special": special}
    write_json(folder / "tokenizer.json", {**tree, "added_tokens": [*tree["added_tokens"], word]})
    if not read:
        with pytest.raises(UserError, match=r"a word that was added after the timestamps .'كلمة'.") as e:
            Vocabulary.read(folder)
        assert 'write "special": true for it' in e.value.remedy  # which is the case beside this one
        return
    vocabulary = Vocabulary.read(folder)
    assert set(vocabulary.suppressed) == {*before.suppressed, *range(before.size, vocabulary.size)}
