"""Folders of small foreign networks, made once for all tests; a test that changes one copies it first."""

from pathlib import Path

import pytest
import transformers
from networks import SMALL
from whispers import tiny_whisper_folder


@pytest.fixture(scope="session")
def network_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper, a HuBERT, which is read by our code, and a WavLM, which transformers reads."""
    made = tmp_path_factory.mktemp("folders")
    tiny_whisper_folder(made / "whisper", layers=1, d=8)
    transformers.HubertModel(transformers.HubertConfig(**SMALL)).save_pretrained(made / "hubert")
    transformers.WavLMModel(transformers.WavLMConfig(**SMALL)).save_pretrained(made / "wavlm")
    return made
