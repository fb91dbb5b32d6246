"""What a description of an adapter (adapter_config.json) may ask for, before peft builds anything of it.

peft runs the words of some fields as regular expressions and makes matrices of any size. So ranks are held against the
tensors of the file, names must be plain ones, and an expression in target_modules is run apart, with a limit.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.errors import UserError

SECONDS = 10.0  # that an expression may take for all names of a model; one as peft's users write takes below 0.1
LONGEST = 10_000  # letters of an expression
RANK = re.compile(r"\.lora_(A\..*weight|embedding_A\b.*)")  # tensors with the rank as their first size
PLAIN = re.compile(r"\^?(\w|-|\\?\.)+\$?")  # a name, as an expression too: it has nothing that repeats
NAMES = ("target_modules", "exclude_modules", "modules_to_save", "layers_pattern")
PATTERNS = ("rank_pattern", "alpha_pattern")
NEW_ONLY = ("gaussian", "orthogonal")  # words of init_lora_weights that concern a new adapter and not its base
MATCH = """
import json, re, sys
expression, names = json.load(sys.stdin)
try:
    matched = [name for name in names if re.fullmatch(expression, name)]
except (re.error, RecursionError, OverflowError) as e:
    matched = str(e)
json.dump(matched, sys.stdout)
"""


def refuse_faults(tree: Mapping[str, Any], shapes: Mapping[str, Sequence[int]], where: str) -> None:
    """Raise UserError that names the first field of adapter_config.json that cannot be taken.

    Args:
        shapes: of the adapter's tensors, by name.
    """
    for problem in _faults(tree, max((shape[0] for n, shape in shapes.items() if RANK.search(n)), default=0)):
        raise UserError(problem, where, "make the adapter again by train.instruct or peft, or name another one")


def _faults(tree: Mapping[str, Any], largest: int) -> Iterator[str]:
    if tree.get("layer_replication"):
        yield "layer_replication: an adapter that repeats layers of its base, which is not supported"
    if tree.get("target_parameters"):
        yield "target_parameters: an adapter of single parameters, which is not supported"
    begun = tree.get("init_lora_weights", True)
    if not isinstance(begun, bool) and begun not in NEW_ONLY:
        yield f"init_lora_weights is {str(begun)[:100]}: peft would change the weights of the base by it, once more"
    patterns = {name: tree.get(name) or {} for name in PATTERNS}
    for name, pattern in patterns.items():
        if not isinstance(pattern, dict) or not all(PLAIN.fullmatch(key) for key in pattern):
            yield f"{name} must have names of layers, not {str(pattern)[:100]}"
            return
    for name, rank in {"r": tree.get("r", 8), **_named("rank_pattern", patterns)}.items():
        if type(rank) is not int or not 1 <= rank <= largest:
            yield f"{name} is {str(rank)[:100]}, and the weights have ranks up to {largest}"
    for name, alpha in {"lora_alpha": tree.get("lora_alpha", 8), **_named("alpha_pattern", patterns)}.items():
        if type(alpha) not in (int, float) or not math.isfinite(alpha):
            yield f"{name} is {str(alpha)[:100]}, which is no number"
    for name in NAMES:
        words = tree.get(name)
        if name == "target_modules" and isinstance(words, str):
            continue  # an expression, see matched
        listed = [words] if isinstance(words, str) else words or []
        if not isinstance(listed, list) or not all(isinstance(w, str) and PLAIN.fullmatch(w) for w in listed):
            yield f"{name} must be a list of names, not {str(words)[:100]}"


def _named(name: str, patterns: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}[{key}]": value for key, value in patterns[name].items()}


def matched(expression: str, names: Sequence[str], where: str) -> list[str]:
    """The names that an expression of target_modules matches whole, found by a process of its own.

    Raises UserError for an expression that is broken, reaches nothing, or takes longer than SECONDS.
    """
    remedy = "write target_modules as a list of names in adapter_config.json, as peft allows"
    if len(expression) > LONGEST:
        raise UserError(f"target_modules: an expression of {len(expression):,} letters", where, remedy)
    words = [sys.executable, "-I", "-c", MATCH]
    try:
        given = json.dumps([expression, list(names)])
        done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        problem = f"target_modules: an expression that takes more than {SECONDS:g} s for {len(names)} names"
        raise UserError(f"{problem}: {expression[:100]}", where, remedy) from None
    answer = json.loads(done.stdout) if done.returncode == 0 else "it cannot be run"
    if not answer or isinstance(answer, str):
        problem = answer or "it reaches no layer of this model"
        raise UserError(f"target_modules: {expression[:100]!r} is no expression of layers: {problem}", where, remedy)
    return list(answer)
