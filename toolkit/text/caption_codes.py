r"""Codes of layout in captions: tags, entities, codes of SSA and SUB (`{\an8}`, `{y:i}`, `\N`, `|`), drawings."""

from __future__ import annotations

import html
import re

# `<unk>` and its like stand for words that nobody understood: they are no layout.
_TAG = re.compile(r"</?(?!unk>|inaudible>|unintelligible>)[A-Za-z][^<>]*>|<\d[\d:.]*>|</>", re.IGNORECASE)
_RUBY = re.compile(r"<(rt|rp)\b[^<>]*>[^<>]*(?:</\1>)?", re.IGNORECASE)  # how a word is read, beside it
_NUMBER = re.compile(r"^[^\S\n]*\d+\][^\S\n]*", re.MULTILINE)  # `12] text`, as MASC has it
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}.*?(?:\{[^{}]*\\p0[^{}]*\}|\Z)", re.DOTALL)
_CODE = re.compile(r"\{\s*\\[^{}]*\}|\{an\d\}|\{[A-Za-z]:[^{}\s]*\}|\\an?\d{1,2}(?!\w)|\\an\d")
_BREAK = re.compile(r"\\[Nn](?![A-Za-z])|\|")


def untagged(text: str) -> str:
    """A caption without tags (`<c>`, `<00:01.000>`, `<v name>`) and numbers of its lines; `&amp;` and such resolved.

    The reading beside a word (`<ruby>كتاب<rt>kitab</rt></ruby>`) goes with its tag.

    Entities come first, and twice: `&amp;gt;` has been through two programs. A tag may reach over two lines.
    """
    text = html.unescape(html.unescape(text)) if "&" in text else text
    plain = _TAG.sub("", _RUBY.sub("", text))
    return "\n".join(line.strip() for line in _NUMBER.sub("", plain).split("\n")).strip()


def without_codes(text: str) -> str:
    """A caption without codes of layout, its lines apart by line feeds."""
    return _BREAK.sub("\n", _CODE.sub("", _DRAWING.sub("", text))).replace("\\h", " ")
