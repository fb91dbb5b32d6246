"""One tiny Whisper for all tests of this room that only read it."""

from pathlib import Path

import pytest
from whispers import tiny_whisper_folder


@pytest.fixture(scope="session")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "tiny")
