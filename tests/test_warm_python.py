"""Recipes of the tests are forked: one that starts Python anew imports torch for seconds, and nobody is told."""

from __future__ import annotations

import os
from typing import Any

import pytest
import warm_python
from conftest import House

pytestmark = pytest.mark.skipif(os.environ.get("SAWT_TEST_PROCESSES") == "cold", reason="no process is forked")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Modules of the processes `python -m MODULE` that are started as usual."""
    modules: list[str] = []
    usual = warm_python.START

    def start(popen: Any, *values: Any) -> None:
        words = [os.fspath(word) for word in values[0]]
        modules.extend(words[2:3] if words[1:2] == ["-m"] else [])
        usual(popen, *values)

    monkeypatch.setattr(warm_python, "START", start)
    return modules


def test_of_a_recipe_no_python_is_started_as_usual(new_house, started: list[str]) -> None:
    house: House = new_house()
    code, written = house.run("mini/ssl", "--preset", "nano", "--list")
    assert code == 0, written
    assert started == []
