"""What the name of a set tells of it: to train on, or held out."""

from __future__ import annotations

import re

TRAINING = "*train*"  # as a pattern it stands for what `is_training` says, so that `test_constrained` is none
_TRAINING = re.compile(r"(?<!cons)(?<!res)train")  # not constrained, restrained
_ADAPTATION = re.compile(r"(?<![a-z])adapt(?![a-z])")  # MGB-3's name of what it trains on
_HELD_OUT = re.compile(r"(?<![a-z])dev(?!ice)|(?<!la)test|eval|valid(?!ated)|(?<![a-z])val(?![a-z])")


def is_training(name: str) -> bool:
    """True if a set's name has `train` in it, in any case, but not as a part of `constrained` or `restrained`."""
    return bool(_TRAINING.search(name.lower()))


def trains(name: str) -> bool:
    """True if this is the name of a training set, of adaptation too; only training sets are filtered."""
    return is_training(name) or bool(_ADAPTATION.search(name.lower()))


def is_held_out(name: str) -> bool:
    """True if this is the name of a set for validation or a test, whatever it was drawn from."""
    return bool(_HELD_OUT.search(name.lower())) and not trains(name)


def before_role(name: str) -> str:
    """What stands before the first word of a set's name that tells its role: mgb2 of mgb2_train; all if none does."""
    at = [m.start() for role in (_TRAINING, _ADAPTATION, _HELD_OUT) if (m := role.search(name.lower()))]
    return name[: min(at)].rstrip("_-. ") if at else name
