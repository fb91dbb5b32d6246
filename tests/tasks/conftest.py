"""The probe step on tones, run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tones import CONFIG, tone_corpus

from toolkit.core.step import Step
from toolkit.tasks import fit
from toolkit.tasks.config import TasksConfig


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tone_corpus(tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def go(config: TasksConfig = CONFIG, out: Path | None = None) -> Path:
        out = out or tmp_path_factory.mktemp("out")
        go.step = Step(config, [corpus / "data", corpus / "exp/it1/base"], out, ["tasks.fit"])  # type: ignore[attr-defined]
        fit.run(go.step)  # type: ignore[attr-defined]
        return out

    return go
