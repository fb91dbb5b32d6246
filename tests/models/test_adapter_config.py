"""A description of an adapter is held against its weights before peft builds anything of it."""

import time
from typing import Any

import pytest

from toolkit.core.errors import UserError
from toolkit.models import adapter_config
from toolkit.models.adapter_config import matched, refuse_faults
from toolkit.models.adapters import expression

LAYERS = [f"model.layers.{i}.self_attn.{n}_proj" for i in range(2) for n in "qkvo"]
TOWER = [f"audio_tower.layers.0.self_attn.{n}" for n in ("q_proj", "k_proj", "v_proj", "out_proj")]
NAMES = ["", "model", "model.layers.0.self_attn", "model.layers.0.mlp.up_proj", *LAYERS, *TOWER]
SHAPES = {f"base_model.model.{n}.lora_{m}.weight": (4, 32) if m == "A" else (32, 4) for n in LAYERS for m in "AB"}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "huge rank": ({"r": 10**12}, "r is 1000000000000, and the weights have ranks up to 4"),
    "rank below 1": ({"r": 0}, "r is 0, "),
    "no whole rank": ({"r": "8"}, "r is 8, "),
    "huge pattern": ({"rank_pattern": {"q_proj": 10**9}}, "rank_pattern[q_proj] is 1000000000, and"),
    "an expression of ranks": ({"rank_pattern": {"(a+)+b": 4}}, "rank_pattern must have names of layers"),
    "an expression of scales": ({"alpha_pattern": {".*": 4}}, "alpha_pattern must have names of layers"),
    "scale": ({"lora_alpha": "x"}, "lora_alpha is x, which is no number"),
    "repeated layers": ({"layer_replication": [[0, 10_000_000]]}, "layer_replication: "),
    "single parameters": ({"target_parameters": ["(a+)+b"]}, "target_parameters: "),
    "a start from the base": ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights is pissa_niter_4: peft would"),
    "names": ({"target_modules": ["((("]}, "target_modules must be a list of names"),
    "exclusion": ({"exclude_modules": "(a+)+b"}, "exclude_modules must be a list of names"),
    "copies": ({"modules_to_save": ["(a+)+b"]}, "modules_to_save must be a list of names"),
    "layers": ({"layers_pattern": "(a+)+b"}, "layers_pattern must be a list of names"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_field_that_asks_for_more_than_the_weights_have_is_named(name: str) -> None:
    asked, message = FAULTS[name]
    with pytest.raises(UserError) as e:
        refuse_faults({"r": 4, "lora_alpha": 8, **asked}, SHAPES, "x")
    assert e.value.what.startswith(message)


def test_what_peft_writes_is_taken() -> None:
    tree = {"r": 4, "rank_pattern": {"layers.0.self_attn.q_proj": 2, r"^model\.layers\.1.self_attn.v_proj$": 4}}
    more = {"target_modules": ["q_proj", "self_attn.v_proj"], "lora_alpha": 16.0, "layers_pattern": "layers"}
    refuse_faults({**tree, **more, "exclude_modules": None, "init_lora_weights": "gaussian"}, SHAPES, "x")


def test_an_expression_reaches_the_layers_that_it_matches_whole() -> None:
    assert matched(expression(), NAMES, "x") == LAYERS
    assert matched(expression(tower=True), NAMES, "x") == [*LAYERS, *TOWER]


@pytest.mark.parametrize(
    "text, message",
    [
        ("(((", "no expression of layers: missing \\)"),
        ("no_such_layer", "reaches no layer of this model"),
        (r"^(([a-z_.0-9])+.)+[A-Z]([a-z])+$", "an expression that takes more than 0.3 s for 16 names"),
        ("a" * 10_001, "an expression of 10,001 letters"),
    ],
)
def test_an_expression_that_is_broken_or_without_an_end_is_refused(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_config, "SECONDS", 0.3)
    begun = time.monotonic()
    with pytest.raises(UserError, match=message):
        matched(text, NAMES, "x")
    assert time.monotonic() - begun < 5
