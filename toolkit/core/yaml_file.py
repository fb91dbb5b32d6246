"""YAML files read without trust: scalars stay strings, no object is ever built, and a file has bounds.

Tags (`!env X`) and merge keys (`<<`) mean something to other programs; they are refused here, not dropped.

A few lines of anchors can stand for billions of words, and a parser in Python takes minutes for what is no config. So
the text is looked through first, event by event, and nothing is built of a file beyond the bounds.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from .errors import UserError, together

LARGEST = 1_000_000  # bytes of a file, and letters of it with its aliases written out
MOST_ENTRIES = 10_000  # keys and list items, with aliases written out
DEEPEST = 100  # sections inside each other
_Fast = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # ten times as fast, where PyYAML was built with it


class _Loader(yaml.BaseLoader):
    """Every scalar stays a string; a key given twice is an error instead of a silent winner."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: list[UserError] = []

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := sorted(key for key, count in keys.items() if count > 1):
            where = f"{node.start_mark.name}, line {node.start_mark.line + 1}"
            self.twice.append(UserError(f"key given twice: {', '.join(twice)}", where, "keep one of them"))
        return super().construct_mapping(node, deep)


def read_tree(path: Path, twice: list[UserError] | None = None) -> Any:
    """What a YAML file holds: strings, lists and mappings; None or "" for an empty one.

    Args:
        twice: gets a mistake for each mapping with a key given twice, so that the caller tells the others of the file
            too; without it that is raised.

    Raises UserError for a missing or broken file, for what is no file (a pipe would be waited for), for a tag, a merge
    key or a key given twice, and for a file beyond the bounds.
    """
    try:
        if not stat.S_ISREG(mode := os.stat(path).st_mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
            raise UserError(f"{kind} in the place of a config", str(path), "name a YAML file")
        with open(path, "rb") as f:
            data = f.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UserError(f"a config of more than {LARGEST:,} bytes", str(path), "a config has a few thousand")
        text = data.decode("utf-8")
        try:
            _refuse_beyond(text, path, _Fast)
        except yaml.YAMLError:  # where the two parsers differ, the slow one's word counts
            _refuse_beyond(text, path, yaml.BaseLoader)
        loader = _Loader(text)
        loader.name = str(path)
        try:
            tree = loader.get_single_data()
        finally:
            loader.dispose()
        if loader.twice and twice is None:
            raise together(loader.twice)
        if twice is not None:
            twice += loader.twice
        return tree
    except FileNotFoundError:
        names = {p.name.casefold(): p.name for p in path.parent.glob("*.yaml")}
        near = difflib.get_close_matches(path.name.casefold(), names, 1, 0.8)
        remedy = f"did you mean {names[near[0]]}?" if near else "name an existing YAML file"
        raise UserError("no such config", str(path), remedy) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as e:
        raise UserError("not a YAML file", f"{path}: {' '.join(str(e).split())}", "mend the line named") from None


class _Node:
    """A list or mapping that is open: its anchor, its children so far, and the sizes of the text before it."""

    def __init__(self, event: Any, entries: int, letters: int) -> None:
        self.anchor, self.is_list = event.anchor, isinstance(event, yaml.SequenceStartEvent)
        self.children, self.entries, self.letters = 0, entries, letters


def _refuse_beyond(text: str, path: Path, loader: Any) -> None:
    """Raise UserError for more entries or letters than the bounds, aliases written out, or an alias inside itself.

    Also for a tag, and for a merge key.
    """
    entries, letters = 0, 0
    nodes: list[_Node] = []
    sizes: dict[str, tuple[int, int]] = {}  # of an anchor: entries, letters
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionEndEvent):
            node = nodes.pop()
            if node.anchor:
                sizes[node.anchor] = entries - node.entries, letters - node.letters
        elif isinstance(event, yaml.NodeEvent):
            _refuse_foreign(event, bool(nodes) and not nodes[-1].is_list and nodes[-1].children % 2 == 0, path)
            if nodes:
                nodes[-1].children += 1
                entries += nodes[-1].is_list or nodes[-1].children % 2  # of key and value, the key
            if isinstance(event, yaml.AliasEvent):
                if any(node.anchor == event.anchor for node in nodes):
                    raise UserError(f"*{event.anchor} stands inside itself", str(path), "write it out")
                more = sizes.get(event.anchor or "", (0, 0))
                entries, letters = entries + more[0], letters + more[1]
            elif isinstance(event, yaml.ScalarEvent):
                letters += len(event.value)
                if event.anchor:
                    sizes[event.anchor] = 0, len(event.value)
            else:
                nodes.append(_Node(event, entries, letters))
        if entries > MOST_ENTRIES or letters > LARGEST or len(nodes) > DEEPEST:
            _beyond(entries, letters, path)


def _refuse_foreign(event: Any, is_key: bool, path: Path) -> None:
    """Raise UserError for a node with a tag, and for the key `<<`; a quoted one is a name."""
    place = f"{path}, line {event.start_mark.line + 1}"
    if tag := getattr(event, "tag", None):  # as the parser writes it: !!str is tag:yaml.org,2002:str
        short = tag.replace("tag:yaml.org,2002:", "!!")
        raise UserError(f"a tag ({short}), which means nothing here", place, "write the value plainly")
    if is_key and isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
        remedy = "write the values out, or begin from another file: `like: other.yaml`"
        raise UserError("a merge key (<<), which means nothing here", place, remedy)


def _beyond(entries: int, letters: int, path: Path) -> None:
    size = f"sections deeper than {DEEPEST}"
    if entries > MOST_ENTRIES:
        size = f"more than {MOST_ENTRIES:,} keys and list items"
    elif letters > LARGEST:
        size = f"more than {LARGEST:,} letters"
    raise UserError(f"a config of {size}, aliases (*name) written out", str(path), "a config has a few hundred")
