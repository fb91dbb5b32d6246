"""Sizes of a thinker from its config, against the module itself, and memory for --plan."""

from pathlib import Path
from types import SimpleNamespace

import omnis
import pytest

from toolkit.core.config import build
from toolkit.core.files import read_json
from toolkit.models.adapters import add_adapter
from toolkit.models.omni import load_omni
from toolkit.models.omni_sizes import PUBLISHED, memory, sizes_of
from toolkit.train.instruct_config import InstructTraining


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return omnis.world(tmp_path_factory.mktemp("sizes"))


def test_weights_of_the_text_model_and_of_adapters_are_those_of_the_module(world: Path) -> None:
    sizes, omni = sizes_of(read_json(world / "base/hf/config.json")), load_omni(world / "base")
    inside = [p for part in (omni.text, omni.head) for p in part.parameters()]
    assert sizes.weights - sizes.towers == sum(p.numel() for p in inside)
    for mlp in (False, True):
        adapter = add_adapter(load_omni(world / "base"), 4, 8, 0.0, 1, mlp=mlp)
        assert sizes.adapter(4, mlp) == sum(p.numel() for p in adapter.parameters() if p.requires_grad)


def test_the_published_thinkers_have_their_published_sizes() -> None:
    """Hugging Face counts 8.93 G weights in the thinker of 7B."""
    assert PUBLISHED["Qwen2.5-Omni-7B"].weights == pytest.approx(8.93e9, rel=0.005)
    assert 4.5e9 < PUBLISHED["Qwen2.5-Omni-3B"].weights < 5.1e9
    assert PUBLISHED["Qwen2.5-Omni-7B"].adapter(16, False) / PUBLISHED["Qwen2.5-Omni-7B"].weights < 0.02


def test_the_plan_says_which_gpu_is_large_enough() -> None:
    tree = {"schedule": [{"type": "uniform"}], "data": {"micro_items": "2"}}

    def lines(**objective: str) -> list[str]:
        config = build(InstructTraining, {**tree, "objective": objective}, "test")
        return memory(SimpleNamespace(config=config, ins=["dump/base/Qwen2.5-Omni-7B"]))

    assert "a GPU of 24 GB" in lines(recompute="yes")[1] and "a GPU of" in lines(recompute="no")[3]
    full = build(InstructTraining, {**tree, "adapt": {"how": "full"}}, "test")
    assert memory(SimpleNamespace(config=full, ins=["dump/base/Qwen2.5-Omni-7B"])) == []
    assert memory(SimpleNamespace(config=full, ins=["elsewhere"])) == []
