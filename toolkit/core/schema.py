"""Frozen dataclasses to JSON and back, checked by the types of their fields.

A result file is one dataclass. Whoever measures writes it with `dump`, whoever reports reads it with `load`; what does
not fit is told by its place in the file.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from .errors import UserError
from .fields import members
from .files import read_json

T = TypeVar("T")
Broken = Callable[[str], Exception]  # what is wrong -> the error to raise


def dump(value: Any) -> Any:
    """JSON tree of a dataclass. Fields that have their default value are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        of_field = {f.name: (getattr(value, f.name), _default(f)) for f in dataclasses.fields(value)}
        return {name: dump(given) for name, (given, default) in of_field.items() if given != default}
    if isinstance(value, Mapping):
        return {str(key): dump(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [dump(entry) for entry in value]
    return value


def read(cls: type[T], path: Path, broken: Callable[[Path, str], Exception]) -> T:
    """The dataclass of a JSON file. Raises what `broken` makes of path and reason, if it is missing or damaged."""
    return load(cls, _tree(path, broken), lambda why: broken(path, why))


def read_list(cls: type[T], path: Path, broken: Callable[[Path, str], Exception]) -> list[T]:
    """The dataclasses of a JSON file that holds a list of them. Raises as `read`."""
    tree = _tree(path, broken)
    if not isinstance(tree, list):
        raise broken(path, f"the file is {_shown(tree)}, not a list")
    return [load(cls, entry, lambda why: broken(path, why), f"[{i}].") for i, entry in enumerate(tree)]


def _tree(path: Path, broken: Callable[[Path, str], Exception]) -> Any:
    if not path.is_file():
        raise broken(path, "it is missing")
    try:
        return read_json(path)
    except UserError as e:
        raise broken(path, e.what) from None


def load(cls: type[T], tree: Any, broken: Broken, place: str = "") -> T:
    """The dataclass whose tree `dump` made.

    Args:
        broken: makes the error that is raised where the tree does not fit, from a sentence.
        place: of the tree in its file, for that sentence: "figures[2]."

    Raises what `broken` makes: for a field that is missing, unknown or of another type, for a number that is not
    finite, and for what the dataclass itself refuses (ValueError).
    """
    if not isinstance(tree, dict):
        raise broken(f"{place.rstrip('.') or 'the file'} is {_shown(tree)}, not a mapping of names to values")
    fields = {f.name: f for f in dataclasses.fields(typing.cast(Any, cls))}
    if unknown := [name for name in tree if name not in fields]:
        raise broken(f"{place}{unknown[0]} is unknown")
    if missing := [name for name, f in fields.items() if name not in tree and _default(f) is dataclasses.MISSING]:
        raise broken(f"{place}{missing[0]} is missing")
    kinds = typing.get_type_hints(cls)
    try:
        return cls(**{name: _read(value, kinds[name], broken, f"{place}{name}") for name, value in tree.items()})
    except ValueError as e:
        raise broken(f"{place.rstrip('.') or 'the file'}: {e}") from None


def _default(f: dataclasses.Field[Any]) -> Any:
    return f.default if f.default_factory is dataclasses.MISSING else f.default_factory()


def _read(value: Any, kind: Any, broken: Broken, place: str) -> Any:
    """`value` as the type of a field."""
    origin, of = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in of:
            return None
        return _read_member(value, members(kind), broken, place)
    if origin is typing.Literal:
        return _checked(value, value in of, " or ".join(map(str, of)), broken, place)
    if dataclasses.is_dataclass(kind):
        return load(typing.cast(Any, kind), value, broken, f"{place}.")
    if origin in (tuple, list):
        entries = _checked(value, isinstance(value, list), "a list", broken, place)
        each = of if origin is tuple and of[-1] is not ... else (of[0],) * len(entries)
        _checked(value, len(entries) == len(each), f"a list of {len(each)}", broken, place)
        pairs = enumerate(zip(entries, each, strict=True))
        return origin(_read(entry, k, broken, f"{place}[{i}]") for i, (entry, k) in pairs)
    if origin is dict:
        _checked(value, isinstance(value, dict), "a mapping of names to values", broken, place)
        return {_key(key, of[0], broken, place): _read(v, of[1], broken, f"{place}.{key}") for key, v in value.items()}
    return _scalar(value, kind, broken, place)


class _Unfit(Exception):
    """A value that is not of one of several types."""


def _read_member(value: Any, kinds: list[Any], broken: Broken, place: str) -> Any:
    """`value` as the first of several types that it fits; one that fits none is told by the only type, or by all."""
    if len(kinds) == 1:
        return _read(value, kinds[0], broken, place)
    reasons = []
    for kind in kinds:
        try:
            return _read(value, kind, _Unfit, place)
        except _Unfit as e:
            reasons.append(str(e))
    raise broken(f"{place} is {_shown(value)}, which is of none of its types: {'; '.join(reasons)}")


def _key(key: str, kind: type, broken: Broken, place: str) -> Any:
    """JSON has strings for keys, whatever they were."""
    try:
        return kind(key)
    except ValueError:
        raise broken(f"{place}.{key}: the name is not {'a number' if kind is not str else 'a string'}") from None


def _scalar(value: Any, kind: Any, broken: Broken, place: str) -> Any:
    if kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        _checked(value, number and math.isfinite(value), "a finite number", broken, place)
        return float(value)
    named = {int: "a whole number", str: "a string", bool: "true or false"}
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    return _checked(value, fits, named.get(kind, kind.__name__), broken, place)


def _checked(value: Any, fits: bool, wanted: str, broken: Broken, place: str) -> Any:
    if not fits:
        raise broken(f"{place} is {_shown(value)}, not {wanted}")
    return value


def _shown(value: Any) -> str:
    return f"{value!r}"[:60]
