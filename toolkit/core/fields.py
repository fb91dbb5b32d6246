"""A mapping of strings as a frozen dataclass, by the types of its fields; all that does not fit is told at once."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import reprlib
import types
import typing
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from .errors import UserError, together

T = TypeVar("T")
TYPE = "type"  # field that chooses the class of a section that has several
SHOWN = reprlib.Repr()  # of a value in an error: anchors can make a list of billions in a few lines
SHOWN.maxlevel, SHOWN.maxstring = 3, 120
BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
STRICTNESS = {int: 1, float: 2, bool: 3, Path: 5, str: 6}  # whatever is an int is a float too, and everything is a str
NAMED = {"list": "a list of values", "dict": "a mapping of names to values"}


def build(cls: type[T], tree: Any, where: str, prefix: str = "") -> T:
    """Instance of dataclass `cls` from a mapping; `where` and `prefix` name the place in errors.

    Raises UserError that tells every mistake of the mapping and of the sections in it: unknown fields, values that do
    not fit the type of their field, fields that are required, and what a class refuses (ValueError of __post_init__).
    """
    mistakes: list[UserError] = []
    built: T = _build(cls, tree, where, prefix, mistakes)
    if mistakes:
        raise together(mistakes)
    return built


def _build(cls: Any, tree: Any, where: str, prefix: str, mistakes: list[UserError]) -> Any:
    """As `build`; mistakes are added to the list, and then what is returned is of no use."""
    if not isinstance(tree, Mapping):
        problem = f"{prefix.rstrip('.') or 'config'} must be a section, not {SHOWN.repr(tree)}"
        mistakes.append(UserError(problem, where, "indent its fields below it"))
        return None
    before = len(mistakes)
    try:
        cls = _variant(cls, tree, where, prefix)
    except UserError as e:  # which fields there are is not known then
        mistakes.append(e)
        return None
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    meant = set()
    for key in tree:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, 1, 0.4)
            remedy = f"did you mean {prefix}{near[0]}?" if near else "remove it"
            mistakes.append(UserError(f"unknown config field {prefix}{key}", where, remedy))
            meant |= set(near)
    values, bad = {}, set(meant)
    for name in (name for name in tree if name in fields):
        told = len(mistakes)
        values[name] = _coerce(tree[name], hints[name], where, prefix + name, mistakes)
        bad |= {name} if len(mistakes) > told else set()
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in tree and name not in meant:  # the misspelt one has its own line
            mistakes.append(UserError(f"config field {prefix}{name} is required", where, f"add `{name}: …`"))
    section = f"{prefix.rstrip('.')}: " if prefix else ""
    refusals: list[str] = []
    if len(mistakes) == before:
        try:
            return cls(**values)
        except ValueError as e:  # a __post_init__ that refuses a combination
            refusals = _refusals(cls, values, str(e))
    else:
        refusals = _refusals_beside(cls, values, bad)
    mistakes += [UserError(section + text, where, "mend the field named") for text in refusals]
    return None


def _refusals_beside(cls: type, values: dict[str, Any], bad: set[str]) -> list[str]:
    """What a class refuses of its values beside those of the fields `bad`, which are told already."""
    good = {name: value for name, value in values.items() if name not in bad}
    try:
        cls(**good)
        return []
    except (TypeError, UserError):  # one of them is required
        return []
    except ValueError as e:
        counts = _named(str(e), good) and not _named(str(e), dict.fromkeys(bad))
        return _refusals(cls, good, str(e), bad) if counts else []


def _refusals(cls: type, values: dict[str, Any], first: str, bad: Collection[str] = ()) -> list[str]:
    """What a class refuses of its values: its first refusal, and those of the remaining fields.

    A __post_init__ ends at its first refusal. So the fields that this one names get their defaults, and the class is
    made again; a further refusal counts if it is of given fields alone and of none that has its default now, such as
    the fields `bad`.
    """
    refusals, left, before = [first], dict(values), set(bad)
    while True:
        refused = _named(refusals[-1], left)
        left = {name: value for name, value in left.items() if name not in refused}
        before |= refused
        try:
            if not refused:
                return refusals
            cls(**left)
            return refusals
        except (TypeError, UserError):  # one of them is required
            return refusals
        except ValueError as e:
            if _named(str(e), dict.fromkeys(before)) or not _named(str(e), left):
                return refusals
            refusals.append(str(e))


def _named(text: str, values: Mapping[str, Any]) -> set[str]:
    """Names of fields that stand in a sentence."""
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text)) & values.keys()


def _variant(cls: type[T], tree: Mapping[str, Any], where: str, prefix: str) -> type[T]:
    """The class that the section's `type` names, if `cls` has several (a method `variant`); else `cls`."""
    several: Any = cls
    if not hasattr(several, "variant") or not isinstance(tree.get(TYPE), str):
        return cls
    try:
        variant: type[T] = several.variant(tree[TYPE])
    except ValueError as e:
        raise UserError(f"{prefix}{TYPE}: {e}", where, "mend the field named") from None
    return variant


def members(kind: Any) -> list[Any]:
    """The types of a union but None, strictest first; [kind] of any other type.

    A value is of the first type that it fits: of `int | str` "3" is the number and "all" the word, of `bool | str` "no"
    is false, in whatever order the field names them. A Literal comes first; lists, mappings and sections come after
    numbers and before words.
    """
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return [kind]
    given = [k for k in typing.get_args(kind) if k is not type(None)]
    return sorted(given, key=lambda k: 0 if typing.get_origin(k) is typing.Literal else STRICTNESS.get(k, 4))


def _coerce(value: Any, kind: Any, where: str, name: str, mistakes: list[UserError]) -> Any:
    """`value` (a string, list or mapping) as type `kind`; what does not fit is added to the mistakes."""
    try:
        return _of_kind(value, kind, where, name, mistakes)
    except UserError as e:
        mistakes.append(e)
        return None


def _of_kind(value: Any, kind: Any, where: str, name: str, mistakes: list[UserError]) -> Any:
    """As `_coerce`; raises UserError where nothing beneath `value` can be told apart."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if type(None) in args and (value is None or str(value).lower() in ("", "null", "none", "~")):
            return None
        return _of_union(value, members(kind), where, name, mistakes)
    if dataclasses.is_dataclass(kind):
        return _build(typing.cast(type, kind), value, where, name + ".", mistakes)
    if origin in (tuple, list):
        if isinstance(value, str):
            value = [v for v in value.strip("[]()").replace(",", " ").split() if v]
        elif not isinstance(value, (list, tuple)):  # a single number
            value = [value]
        each = args if origin is tuple and args[-1] is not Ellipsis else (args[0],) * len(value)
        if len(value) != len(each):
            raise UserError(f"{name} needs {len(each)} values, got {len(value)}", where)
        named = [name if each is args else f"{name}[{i}]" for i in range(len(value))]
        return origin(_coerce(v, k, where, n, mistakes) for v, k, n in zip(value, each, named, strict=True))
    if origin is dict:
        if isinstance(value, str):  # a flag: "ENG=0.5, FRA=0.1"
            pairs = [v.partition("=") for v in value.replace(",", " ").split()]
            value = {k: v for k, _, v in pairs} if all(k and v for k, _, v in pairs) else None
        if not isinstance(value, Mapping):
            remedy = "write `name: value` lines below it, or name=value in a flag"
            raise UserError(f"{name} must be a mapping", where, remedy)
        return {str(k): _coerce(v, args[1], where, f"{name}.{k}", mistakes) for k, v in value.items()}
    if origin is typing.Literal:
        if str(value) not in map(str, args):
            raise UserError(f"{name}: {SHOWN.repr(value)} is not one of {', '.join(map(str, args))}", where)
        return next(a for a in args if str(a) == str(value))
    return _scalar(value, kind, where, name)


def _of_union(value: Any, kinds: list[Any], where: str, name: str, mistakes: list[UserError]) -> Any:
    """`value` as the first of several types that it fits. One that fits none is told by the only type, or by all."""
    if len(kinds) == 1:
        return _of_kind(value, kinds[0], where, name, mistakes)
    for kind in kinds:
        tried: list[UserError] = []
        fitting = _coerce(value, kind, where, name, tried)
        if not tried:
            return fitting
    wanted = " or ".join(map(_word, kinds))
    raise UserError(f"{name}: {SHOWN.repr(value)} is not {wanted}", where, f"give {wanted}")


def _word(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(kind)))
    if dataclasses.is_dataclass(kind):
        return "a section"
    name = (typing.get_origin(kind) or kind).__name__
    return "a finite number" if kind is float else NAMED.get(name.replace("tuple", "list"), name)


def _scalar(value: Any, kind: Any, where: str, name: str) -> Any:
    try:
        if isinstance(value, (list, dict)):
            raise ValueError
        if kind is bool:
            return value if isinstance(value, bool) else BOOLEANS[str(value).lower()]
        if kind is float and not math.isfinite(float(value)):
            raise ValueError  # nan would pass every check that says `x < limit`, and no field means anything by inf
        return _whole(value) if kind is int else kind(value)
    except (ValueError, KeyError, TypeError, OverflowError):
        wanted = "a finite number" if kind is float else kind.__name__
        remedy = f"give {wanted}" if kind is float else f"give a value of type {wanted}"
        raise UserError(f"{name}: {SHOWN.repr(value)} is not {wanted}", where, remedy) from None


def _whole(value: Any) -> int:
    """2, "2", 2.0, "2e3"; raises ValueError for 2.5. Long numbers keep every digit."""
    if isinstance(value, int) or str(value).lstrip("+-").isdigit():
        return int(value)
    if float(value) != int(float(value)):
        raise ValueError
    return int(float(value))
