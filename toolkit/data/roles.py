"""What the name of a set tells of it: to train on, or held out."""

from __future__ import annotations

import re

TRAINING = "*train*"  # as a pattern it stands for what `is_training` says, so that `test_constrained` is none
_TRAINING = re.compile(r"(?<!cons)(?<!res)train")  # not constrained, restrained
_ADAPTATION = re.compile(r"(?<![a-z])adapt(?![a-z])")  # MGB-3's name of what it trains on
_HELD_OUT = re.compile(r"(?<![a-z])dev(?!ice)|(?<!la)test|eval|valid(?!ated)|(?<![a-z])val(?![a-z])")
_ROLES = (_TRAINING, _ADAPTATION, _HELD_OUT)
_ENDING = "(?:ing|ation|uation)?"  # of training, validation, evaluation
_MARKS = "_. -"


def is_training(name: str) -> bool:
    """True if a set's name has `train` in it, in any case, but not as a part of `constrained` or `restrained`."""
    return bool(_TRAINING.search(name.lower()))


def trains(name: str) -> bool:
    """True if this is the name of a training set, of adaptation too; only training sets are filtered."""
    return is_training(name) or bool(_ADAPTATION.search(name.lower()))


def is_held_out(name: str) -> bool:
    """True if this is the name of a set for validation or a test, whatever it was drawn from."""
    return bool(_HELD_OUT.search(name.lower())) and not trains(name)


def around_role(name: str) -> tuple[str, str]:
    """(what stands before the first word of a set's name that tells its role, what stands behind it, roles left out).

    mgb2 and nothing of mgb2_train; nothing and clean of test-clean; all and nothing of a name that tells no role.
    """
    starts = [m.start() for role in _ROLES for m in role.finditer(name.lower())]
    if not starts:
        return name, ""
    behind = name[min(starts) :].lower()
    for role in _ROLES:
        behind = re.sub(f"(?:{role.pattern}){_ENDING}", "", behind)
    return name[: min(starts)].rstrip(_MARKS), re.sub(f"[{_MARKS}]+", "_", behind).strip("_")
