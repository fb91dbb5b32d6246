"""Ids of utterances, recordings and speakers: their rules, and safe ids made of any name.

An id names files, ark entries and fields of tables, so it holds no white space, no separators of paths, no
invisible characters. Letters of any script are allowed.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable

from ..text.lines import code_points
from ..text.normalise import spelling_of
from .corpora.dialects import code_of

LONGEST = 230  # bytes: an id becomes part of file names, which end at 255
SHORTENED = 88  # bytes of a name that are kept, as speaker, recording and times together make an id

_PLAIN = re.compile(r"[A-Za-z0-9_.+=@~,%#-]+")
_DIGIT, _LETTER = re.compile(r"\d"), re.compile(r"[^\W\d_]")
_NUMBER = re.compile(r"\d{1,15}(\.\d{0,15})?")
_BETWEEN = re.compile(r"[\s_-]+")
MOST = 20  # warnings of names that may be one
_SEPARATORS = frozenset('/\\:|*?"<>')
_ODD_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp"))
_NOT_SPEAKER = re.compile(r"[^\w.]|-")


def fault(id: str) -> str:
    """Why `id` is unusable, as the end of a sentence; "" if it is usable."""
    if not id:
        return "is empty"
    if ".." in id or id == ".":
        return "could leave its folder (..)"
    if not _PLAIN.fullmatch(id):
        odd = "".join(c for c in id if _odd(c))
        if odd:
            return f"has {code_points(odd)}"
    if len(id) * 4 > LONGEST and len(id.encode()) > LONGEST:
        return f"is longer than {LONGEST} bytes"
    return ""


def _odd(c: str) -> bool:
    return c in _SEPARATORS or unicodedata.category(c) in _ODD_CATEGORIES


def safe(name: str) -> str:
    """A usable id that reads like `name`: folders joined by `-`, white space as `_`, other odd characters left out.

    One name always gives one id; two names may give the same id (see `unique`).
    """
    text = unicodedata.normalize("NFC", name)
    text = re.sub(r"\s+", "_", re.sub(r"[/\\:|]+", "-", text))
    text = re.sub(r"\.{2,}", ".", "".join(c for c in text if not _odd(c)))
    text = text.strip("-_.") or "x" + tag(name)
    if len(text.encode()) > SHORTENED:
        text = text.encode()[:SHORTENED].decode(errors="ignore") + "-" + tag(name)
    return text


def safe_speaker(name: str) -> str:
    """A usable id of a speaker, which utterance ids begin with: `speaker-recording`.

    It has no `-` and no character below it in byte order, so that order by id is also order by speaker.
    """
    text = safe(_NOT_SPEAKER.sub(lambda m: m[0] if unicodedata.category(m[0])[0] == "M" else "_", name))
    return text.replace("-", "_")


def unique(names: Iterable[str], make: Callable[[str], str] = safe, joint: str = "-") -> dict[str, str]:
    """Each different name -> an id of its own by `make`.

    Names whose ids clash all get a tag made of the name itself, so that no id depends on the order of the names.
    """
    ids, digits = {name: make(name) for name in names}, 8
    while clashing := {id for id, n in Counter(ids.values()).items() if n > 1}:
        ids = {name: f"{id}{joint}{tag(name, digits)}" if id in clashing else id for name, id in ids.items()}
        digits *= 2
    return ids


def id_form(ids: Iterable[str]) -> Callable[[str], bool]:
    """A test: may a word be an id beside `ids`?

    It may if it is one of them. Else it has no letter beyond ASCII if none of them has one, a digit if all of them have
    one, and a letter if all of them have one. A line whose first word may not be an id is the rest of the line above.
    """
    known = set(ids)
    ascii_ = "".join(known).isascii()
    forms = [form for form in (_DIGIT, _LETTER) if all(map(form.search, known))]
    return lambda word: word in known or ((word.isascii() or not ascii_) and all(form.search(word) for form in forms))


def alike(names: Iterable[str]) -> list[str]:
    """Warnings for names that stay apart, and may be one.

    They differ only in case, in what stands between their words, or in spelling (see spelling_of), or they are one
    number (3, 03, 3.0).
    """
    forms: dict[str, set[str]] = {}
    numbers: dict[float, set[str]] = {}
    for name in set(names):
        if _NUMBER.fullmatch(name):
            numbers.setdefault(float(name), set()).add(name)
            continue
        forms.setdefault(_form(name), set()).add(name)
    groups = [(group, f"differ only in {_difference(group)}") for _, group in sorted(forms.items())]
    groups += [(n, "are one number") for _, n in sorted(numbers.items())]
    lines = [f"{', '.join(sorted(group))} {why} and stay apart" for group, why in groups if len(group) > 1]
    return lines[:MOST] + [f"and {len(lines) - MOST:,} more such names"] * (len(lines) > MOST)


def _form(name: str) -> str:
    """What is equal for names that differ only in case, in what stands between their words, or in spelling."""
    return _BETWEEN.sub(" ", name.casefold() if name.isascii() else spelling_of(name.casefold()))


def _difference(group: set[str]) -> str:
    """What tells names of one form apart."""
    folded = {name.casefold() for name in group}
    if len({_BETWEEN.sub(" ", name) for name in folded}) > 1:
        return "spelling"
    return "case" + ", space, _ or -" * (len(folded) > 1)


def alike_labels(labels: Iterable[str]) -> list[str]:
    """Warnings for labels that stay apart, and may be one (see alike), and for names of one dialect: EGY, Egyptian."""
    names = set(labels)
    dialects: dict[str, dict[str, list[str]]] = {}  # code -> form -> names, of which alike tells
    for name in sorted(names):
        if code := code_of(name):
            dialects.setdefault(code, {}).setdefault(_form(name), []).append(name)
    several = [
        [name for of_form in forms.values() for name in of_form] for forms in dialects.values() if len(forms) > 1
    ]
    return alike(names) + [f"{', '.join(sorted(of))} are names of one dialect and stay apart" for of in several]


def odd_labels(labels: Iterable[str]) -> list[str]:
    """Warnings for labels that may be one (see alike), and for labels that `safe` changes beyond white space."""
    labels = set(labels)
    changed = sorted(label for label in labels if label and safe(label) != "_".join(label.split()))
    return alike_labels("_".join(label.split()) for label in labels) + [
        f"{label!r} is written {safe(label)}" for label in changed
    ]


def tag(name: str, digits: int = 8) -> str:
    """Hexadecimal digits that stand for `name`."""
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:digits]
