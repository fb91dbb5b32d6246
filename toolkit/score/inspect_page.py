"""index.html of score.inspect: alignments to read, one self-contained page that asks nothing of the network.

References and hypotheses are hostile: every string of them is escaped, cut to a length, and isolated, so that neither
a tag nor a mark of direction in one reaches beyond its own cell.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..core.config import field_help
from ..text.invisible import strip_invisible
from .alignment import Column, edits
from .categories import CATEGORIES, CORRECT, ORDER, OTHER, RULES, Thresholds, Verdict
from .config import InspectConfig

HERE = Path(__file__).parent
MOST_COLUMNS = 150  # of one utterance, so that a text of a thousand words does not make the page
MOST_LETTERS = 40  # of one word
MOST_LABELS = 40  # rows of the table
MOST_WRITTEN = 1500  # of a text as it stands in the file


@dataclass(frozen=True)
class Inspected:
    """An utterance, looked at.

    Attributes:
        label: its dialect, `unknown` where nobody says.
        columns: the alignment of the normalised words.
        written: reference and hypothesis as they stand in the files.
        judged: whether the rules of dialect had anything to look at.
    """

    id: str
    label: str
    columns: list[Column]
    verdict: Verdict
    written: tuple[str, str]
    judged: bool

    @property
    def edits(self) -> int:
        return edits(self.columns)

    @property
    def length(self) -> int:
        """Words of the reference."""
        return sum(bool(column.reference) for column in self.columns)

    @property
    def heard(self) -> int:
        """Words of the hypothesis."""
        return sum(bool(column.hypothesis) for column in self.columns)


@dataclass(frozen=True)
class Shown:
    """An utterance as the template has it; every text is plain, the template escapes it."""

    utterance: Inspected
    columns: list[Column]
    left_out: int
    """Columns that are not shown."""
    direction: str
    """rtl or ltr."""
    written: tuple[str, str]
    """Reference and hypothesis as they stand in the files; empty ones where the profile changes neither."""


def page(
    chosen: Sequence[Inspected], counts: Mapping[str, Any], about: Mapping[str, Any], config: InspectConfig, total: int
) -> str:
    """HTML of the chosen utterances, in their order, below the counts of all."""
    script, style = ((HERE / f"inspect.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("inspect.html.j2").render(
        utterances=[_shown(u) for u in chosen],
        categories=[name for name in CATEGORIES if any(u.verdict.category == name for u in chosen)],
        labels=sorted({u.label for u in chosen}),
        columns=[*ORDER, OTHER, CORRECT],
        counts=counts,
        label_rows=_label_rows(counts["labels"]),
        about=about,
        config=config,
        total=total,
        rules={name: _said(RULES[name].__doc__ or "") for name in ORDER},
        thresholds=[(name, getattr(config.rules, name), meaning) for name, _, meaning in field_help(Thresholds)],
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )


def direction(texts: Sequence[str]) -> str:
    """rtl where any letter of the texts is written from right to left, also among Latin ones; else ltr.

    Of a sentence of Arabic with Latin names in it the words run from right to left, whatever it begins with.
    """
    return "rtl" if any(unicodedata.bidirectional(c) in ("R", "AL") for text in texts for c in text) else "ltr"


def _label_rows(labels: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The labels of the most utterances, by name."""
    most = sorted(labels, key=lambda name: (-labels[name]["utterances"], name))[:MOST_LABELS]
    return {name: labels[name] for name in sorted(most)}


def _shown(u: Inspected) -> Shown:
    columns = [Column(c.kind, _cut(c.reference), _cut(c.hypothesis)) for c in u.columns[:MOST_COLUMNS]]
    aligned = (
        " ".join(c.reference for c in u.columns if c.reference),
        " ".join(c.hypothesis for c in u.columns if c.hypothesis),
    )
    changed = u.written != aligned
    written = [strip_invisible(_cut(text, MOST_WRITTEN)) if changed else "" for text in u.written]
    return Shown(u, columns, len(u.columns) - len(columns), direction(u.written), (written[0], written[1]))


def _cut(text: str, most: int = MOST_LETTERS) -> str:
    return text if len(text) <= most else text[:most] + "…"


def _said(doc: str) -> tuple[str, str]:
    """(what a rule looks at, what it cannot see), from its docstring."""
    looks, _, blind = " ".join(doc.split()).partition(" Cannot see: ")
    return looks, blind
