"""Frozen dataclasses filled from YAML and flags, coerced by the type of the field.

YAML scalars are read as strings and converted by the type of the field alone: `5e-4` becomes a float for a float field,
and `no` stays a language for a string field.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from .errors import UserError, together
from .fields import SHOWN as _SHOWN
from .fields import TYPE
from .fields import build as build
from .links import dangling
from .yaml_file import read_tree

T = TypeVar("T")
MOST_THREADS = 1024  # with many thousands OpenMP ends the process without a message
LIKE = "like"  # a line `like: other.yaml` (relative to the config's folder): the config starts from that file
MOST_FILES = 32  # that one config may be `like`, one after the other


def read_yaml(*paths: Path) -> dict[str, Any]:
    """Mapping of YAML files, all scalars as strings; a later one's values replace an earlier one's, by section.

    So do a file's those of the file that it is `like`. Raises UserError that tells every missing or broken file.
    """
    mistakes: list[UserError] = []
    tree = _read(paths, mistakes)
    if mistakes:
        raise together(mistakes)
    return tree


def _read(paths: Sequence[Path], twice: list[UserError]) -> dict[str, Any]:
    """As read_yaml; keys given twice are added to the list `twice`, and the first of them counts."""
    tree: dict[str, Any] = {}
    mistakes: list[UserError] = []
    for path in paths:
        try:
            for _, of_file in _layers(path, twice):
                tree = _over(tree, of_file)
        except UserError as e:
            mistakes.append(e)
    if mistakes:
        raise together([*twice, *mistakes])
    tree.pop(LIKE, None)
    return tree


def config_files(path: Path) -> list[Path]:
    """The files of a config: those it is `like`, base first, and itself last."""
    return [file for file, _ in _layers(path, [])]


def _layers(path: Path, twice: list[UserError]) -> list[tuple[Path, dict[str, Any]]]:
    """(file, its mapping) of config_files, each read once; keys given twice are added to `twice`."""
    files, trees = [path], [_tree(path, twice)]
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
        try:
            trees.insert(0, _tree(files[0], twice))
        except UserError as e:
            if os.path.lexists(files[0]):
                raise
            raise UserError(e.what, f"{e.where}, which {files[1]} is `{LIKE}`", e.remedy) from None
    return list(zip(files, trees, strict=True))


def _tree(path: Path, twice: list[UserError]) -> dict[str, Any]:
    if gone := dangling(path):
        raise UserError(f"the config is {gone}", str(path), "mend the link, or name another YAML file")
    return _read_file(path, twice)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both mappings as one, section by section; `above` wins."""
    both = {
        name: _over(below[name], value) if isinstance(value, dict) and isinstance(below.get(name), dict) else value
        for name, value in above.items()
    }
    return {**below, **both}


def _read_file(path: Path, twice: list[UserError]) -> dict[str, Any]:
    tree = read_tree(path, twice)
    if tree in (None, ""):  # as of a file that a full disk cut: all defaults would pass for what it said
        remedy = "write its fields, or {} for the defaults alone; restore a file that was cut short"
        raise UserError("a config in which no field stands", str(path), remedy)
    if not isinstance(tree, dict):
        raise UserError("a config must be a mapping of names to values", str(path), "write `name: value` lines")
    return tree


def load_config(
    cls: type[T], files: Path | Sequence[Path] | None = None, overrides: Mapping[str, str] | None = None
) -> T:
    """An instance of dataclass `cls` from YAML files, the later over the earlier, and dotted overrides.

    Args:
        overrides: e.g. `optim.peak_lr` -> "1e-3".

    Raises UserError that tells every mistake: unknown keys (naming the nearest), missing required ones, values that do
    not fit the type of their field.
    """
    paths = [files] if isinstance(files, Path) else list(files or ())
    mistakes: list[UserError] = []
    tree = _read(paths, mistakes)
    for dotted, value in (overrides or {}).items():
        node = tree
        *parents, last = dotted.split(".")
        for name in parents:
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise UserError(f"{name} is not a section", f"--{dotted}", "see --help")
        node[last] = value
    try:
        config = build(cls, tree, ", ".join(map(str, paths)) or "command line")
    except UserError as e:
        raise (together([*mistakes, e]) if mistakes else e) from None
    if mistakes:
        raise together(mistakes)
    return config


def check_threads(name: str, threads: int) -> None:
    """Raise ValueError naming the field if the number of CPU threads is not 1 to MOST_THREADS."""
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"{name} must be 1 to {MOST_THREADS}, not {threads}")


def to_dict(config: Any) -> dict[str, Any]:
    """The resolved config as plain JSON values."""
    return {k: str(v) if isinstance(v, Path) else v for k, v in dataclasses.asdict(config).items()}


@cache  # a call is checked by many steps of few classes
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
