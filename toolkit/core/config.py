"""Frozen dataclasses filled from YAML and flags, coerced by the type of the field.

YAML scalars are read as strings and converted by the type of the field alone: `5e-4` becomes a float for a float field,
and `no` stays a language for a string field.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import math
import os
import reprlib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .errors import UserError
from .yaml_file import read_tree

T = TypeVar("T")
MOST_THREADS = 1024  # with many thousands OpenMP ends the process without a message
TYPE = "type"  # field that chooses the class of a section that has several
LIKE = "like"  # a line `like: other.yaml` (relative to the config's folder): the config starts from that file
MOST_FILES = 32  # that one config may be `like`, one after the other
_SHOWN = reprlib.Repr()  # of a value in an error: anchors can make a list of billions in a few lines
_SHOWN.maxlevel, _SHOWN.maxstring = 3, 120
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def read_yaml(*paths: Path) -> dict[str, Any]:
    """Mapping of YAML files, all scalars as strings; a later one's values replace an earlier one's, by section.

    So do a file's those of the file that it is `like`. Raises UserError for a missing or broken file.
    """
    tree: dict[str, Any] = {}
    for _, of_file in (layer for path in paths for layer in _layers(path)):
        tree = _over(tree, of_file)
    tree.pop(LIKE, None)
    return tree


def config_files(path: Path) -> list[Path]:
    """The files of a config: those it is `like`, base first, and itself last."""
    return [file for file, _ in _layers(path)]


def _layers(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """(file, its mapping) of config_files, each read once."""
    files, trees = [path], [_read_file(path)]
    while (base := trees[0].get(LIKE)) is not None:
        if len(files) > MOST_FILES:
            raise UserError(
                f"a config that is `{LIKE}` more than {MOST_FILES} others in a row", str(path), "end the row"
            )
        if not isinstance(base, str) or not base or "\0" in base:
            raise UserError(
                f"`{LIKE}` must be the name of one file, not {_SHOWN.repr(base)}", str(files[0]), "name one"
            )
        files.insert(0, Path(os.path.normpath(files[0].parent / base)))
        if os.path.realpath(files[0]) in map(os.path.realpath, files[1:]):
            raise UserError(
                f"configs that are `like` each other: {', '.join(map(str, files))}", str(path), "end the circle"
            )
        trees.insert(0, _read_file(files[0]))
    return list(zip(files, trees, strict=True))


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both mappings as one, section by section; `above` wins."""
    both = {
        name: _over(below[name], value) if isinstance(value, dict) and isinstance(below.get(name), dict) else value
        for name, value in above.items()
    }
    return {**below, **both}


def _read_file(path: Path) -> dict[str, Any]:
    tree = read_tree(path)
    if tree in (None, ""):
        return {}
    if not isinstance(tree, dict):
        raise UserError("a config must be a mapping of names to values", str(path), "write `name: value` lines")
    return tree


def load_config(
    cls: type[T], files: Path | Sequence[Path] | None = None, overrides: Mapping[str, str] | None = None
) -> T:
    """An instance of dataclass `cls` from YAML files, the later over the earlier, and dotted overrides.

    Args:
        overrides: e.g. `optim.peak_lr` -> "1e-3".

    Raises UserError for an unknown key (naming the nearest), a missing required one, or a value that
    does not fit the type of its field.
    """
    paths = [files] if isinstance(files, Path) else list(files or ())
    tree = read_yaml(*paths)
    for dotted, value in (overrides or {}).items():
        node = tree
        *parents, last = dotted.split(".")
        for name in parents:
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise UserError(f"{name} is not a section", f"--{dotted}", "see --help")
        node[last] = value
    return build(cls, tree, ", ".join(map(str, paths)) or "command line")


def build(cls: type[T], tree: Any, where: str, prefix: str = "") -> T:
    """Instance of dataclass `cls` from a mapping; `where` and `prefix` name the place in errors."""
    if not isinstance(tree, Mapping):
        raise UserError(
            f"{prefix.rstrip('.') or 'config'} must be a section, not {_SHOWN.repr(tree)}",
            where,
            "indent its fields below it",
        )
    cls = _variant(cls, tree, where, prefix)
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    for key in tree:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, 1, 0.4)
            raise UserError(
                f"unknown config field {prefix}{key}",
                where,
                f"did you mean {prefix}{near[0]}?" if near else "remove it",
            )
    values = {k: coerce(v, hints[k], where, prefix + k) for k, v in tree.items()}
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise UserError(f"config field {prefix}{name} is required", where, f"add `{name}: …`")
    try:
        return cls(**values)
    except ValueError as e:  # a __post_init__ that refuses a combination
        section = f"{prefix.rstrip('.')}: " if prefix else ""
        raise UserError(section + str(e), where, "mend the field named") from None


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


def coerce(value: Any, kind: Any, where: str, name: str) -> Any:
    """`value` (a string, list or mapping) as type `kind`."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if type(None) in args and (value is None or str(value).lower() in ("", "null", "none", "~")):
            return None
        return coerce(value, next(a for a in args if a is not type(None)), where, name)
    if dataclasses.is_dataclass(kind):
        return build(typing.cast(type, kind), value, where, name + ".")
    if origin in (tuple, list):
        if isinstance(value, str):
            value = [v for v in value.strip("[]()").replace(",", " ").split() if v]
        elif not isinstance(value, (list, tuple)):  # a single number
            value = [value]
        if origin is tuple and args[-1] is not Ellipsis:
            if len(value) != len(args):
                raise UserError(f"{name} needs {len(args)} values, got {len(value)}", where)
            return tuple(coerce(v, a, where, name) for v, a in zip(value, args, strict=True))
        return origin(coerce(v, args[0], where, f"{name}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        if isinstance(value, str):  # a flag: "ENG=0.5, FRA=0.1"
            pairs = [v.partition("=") for v in value.replace(",", " ").split()]
            value = {k: v for k, _, v in pairs} if all(k and v for k, _, v in pairs) else None
        if not isinstance(value, Mapping):
            raise UserError(
                f"{name} must be a mapping", where, "write `name: value` lines below it, or name=value in a flag"
            )
        return {str(k): coerce(v, args[1], where, f"{name}.{k}") for k, v in value.items()}
    if origin is typing.Literal:
        if str(value) not in map(str, args):
            raise UserError(f"{name}: {_SHOWN.repr(value)} is not one of {', '.join(map(str, args))}", where)
        return next(a for a in args if str(a) == str(value))
    return _scalar(value, kind, where, name)


def _scalar(value: Any, kind: Any, where: str, name: str) -> Any:
    try:
        if isinstance(value, (list, dict)):
            raise ValueError
        if kind is bool:
            return value if isinstance(value, bool) else _BOOLEANS[str(value).lower()]
        if kind is float and not math.isfinite(float(value)):
            raise ValueError  # nan would pass every check that says `x < limit`, and no field means anything by inf
        return _whole(value) if kind is int else kind(value)
    except (ValueError, KeyError, TypeError, OverflowError):
        wanted = "a finite number" if kind is float else kind.__name__
        remedy = f"give {wanted}" if kind is float else f"give a value of type {wanted}"
        raise UserError(f"{name}: {_SHOWN.repr(value)} is not {wanted}", where, remedy) from None


def check_threads(name: str, threads: int) -> None:
    """Raise ValueError naming the field if the number of CPU threads is not 1 to MOST_THREADS."""
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"{name} must be 1 to {MOST_THREADS}, not {threads}")


def _whole(value: Any) -> int:
    """2, "2", 2.0, "2e3"; raises ValueError for 2.5. Long numbers keep every digit."""
    if isinstance(value, int) or str(value).lstrip("+-").isdigit():
        return int(value)
    if float(value) != int(float(value)):
        raise ValueError
    return int(float(value))


def to_dict(config: Any) -> dict[str, Any]:
    """The resolved config as plain JSON values."""
    return {k: str(v) if isinstance(v, Path) else v for k, v in dataclasses.asdict(config).items()}


def _meanings(cls: type) -> dict[str, str]:
    """Field -> the string literal below it in the source of the class itself."""
    body = ast.parse(inspect.cleandoc(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    meanings: dict[str, str] = {}
    for node, after in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            described = (
                isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            )
            meanings[node.target.id] = " ".join(after.value.value.split()) if described else ""  # type: ignore[union-attr]
    return meanings


def field_help(cls: type) -> list[tuple[str, str, str]]:
    """(dotted name, default, meaning) of every field; the meaning is the string literal below the field."""
    classes = [c for c in reversed(cls.__mro__) if dataclasses.is_dataclass(c)]
    meanings = {name: meaning for c in classes for name, meaning in _meanings(c).items()}
    rows: list[tuple[str, str, str]] = []
    hints = typing.get_type_hints(cls)
    for f in dataclasses.fields(cls):
        kind = hints[f.name]
        if dataclasses.is_dataclass(kind):
            rows += [(f"{f.name}.{n}", d, m) for n, d, m in field_help(typing.cast(type, kind))]
            continue
        default = "(required)" if f.default is dataclasses.MISSING else str(f.default)
        rows.append(
            (
                f.name,
                default if f.default_factory is dataclasses.MISSING else str(f.default_factory()),
                meanings.get(f.name, ""),
            )
        )
    return rows


def section_help(cls: type, prefix: str = "") -> list[tuple[str, list[tuple[str, str, str]]]]:
    """(heading, rows as of field_help) of the sections that a mapping of sections holds, variant by variant.

    Mappings inside sections are told too; `prefix`: of the section that `cls` is.
    """
    parts: list[tuple[str, list[tuple[str, str, str]]]] = []
    hints = typing.get_type_hints(cls)
    for f in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[f.name]):
            parts += section_help(typing.cast(type, hints[f.name]), f"{prefix}{f.name}.")
        section = (typing.get_args(hints[f.name]) or (None,))[-1]
        if typing.get_origin(hints[f.name]) is not dict or not dataclasses.is_dataclass(section):
            continue
        shared = field_help(typing.cast(type, section))
        parts.append((f"fields of each section of `{prefix}{f.name}`", shared))
        for name in section.variants() if hasattr(section, "variants") else ():
            own = [row for row in field_help(section.variant(name)) if row not in shared]  # type: ignore[union-attr]
            parts += [(f"of `{TYPE}: {name}` also", own)] if own else []
    return parts
