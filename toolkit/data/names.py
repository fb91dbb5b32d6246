"""Names in the tables of a data directory: of speakers, and what utterances are labelled with.

Readers take them as they are compared (`name_of`): two that look alike are one, though a mark of direction, which
nobody sees, stands in one of them. A label of a word that says it is not known (nan, N/A) is `unknown`, in tables of a
user's own too, where `none` may be a class; and a transcript of such a word is empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..text.invisible import name_of
from ..text.not_known import NO_TRANSCRIPT, UNKNOWN, label_of, may_be_meant, transcript_of
from .tables import CONTRADICTION, PARTIAL, TEXT, Problem, gender_of

LABELS = ("utt2lang", "utt2emotion", "utt2prog")  # our own, in which `none` says that the label is not known
SPOKEN = "utt2keyword"  # a label that is a word of the transcript
_NAMES = re.compile(r"(utt|spk)2\w+")
_OF_SPEAKERS = re.compile(r"spk2\w+")
_NO_NAMES = PARTIAL | {"utt2dur", "utt2num_frames", "utt2orig"}

Table = Mapping[str, str]


def holds_names(table: str) -> bool:
    """True if the values of a table are names."""
    return bool(_NAMES.fullmatch(table)) and table not in _NO_NAMES


def holds_classes(table: str) -> bool:
    """True if the values of a table are labels, which may be dialects: not speakers, programmes or words."""
    return holds_names(table) and not is_of_speakers(table) and table not in ("utt2spk", "utt2prog", SPOKEN)


def is_of_speakers(table: str) -> bool:
    """True if the keys of a table are speakers."""
    return bool(_OF_SPEAKERS.fullmatch(table))


def compared(value: str, table: str) -> str:
    """The value of a table of names as it is compared: of a label `unknown`, of a speaker as it is, if none is left."""
    form = name_of(value)
    if table == "utt2spk" or is_of_speakers(table):
        return form or value
    if table == SPOKEN:
        return transcript_of(form) or UNKNOWN
    return label_of(form) if table in LABELS or not may_be_meant(form) else form


def as_compared(tables: Mapping[str, Table]) -> tuple[dict[str, dict[str, str]], list[Problem]]:
    """The tables, their names as they are compared; a table whose names are so already is the same object.

    Also fatal problems of speakers that are one, and of whom a table says two things: it then has no line of them.
    """
    new: dict[str, dict[str, str]] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        values = _changed(set(table.values()), name) if holds_names(name) else {}
        if TEXT.fullmatch(name):
            values = dict.fromkeys(NO_TRANSCRIPT.intersection(table.values()), "")
        new[name] = {key: values.get(value, value) for key, value in table.items()} if values else dict(table)
        if is_of_speakers(name) and _changed(set(table), "utt2spk"):
            new[name], more = _joined(new[name], name)
            problems += more
        elif not values and isinstance(table, dict):
            new[name] = table
    return new, problems


def with_new_ids(
    tables: Mapping[str, Table], ids: Mapping[str, str], speakers: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """The tables with new ids of utterances and recordings, and of speakers: old -> new, of those that change."""
    made: dict[str, dict[str, str]] = {}
    for name, table in tables.items():
        keys = speakers if is_of_speakers(name) else ids
        changed = {keys.get(key, key): value for key, value in table.items()}
        if name == "utt2spk":
            changed = {key: speakers.get(value, value) for key, value in changed.items()}
        if name == "segments":
            split = {key: text.split(None, 1) for key, text in changed.items()}
            changed = {key: f"{ids.get(rec, rec)} {times}" for key, (rec, times) in split.items()}
        made[name] = changed
    return made


def _changed(names: set[str], table: str) -> dict[str, str]:
    """Name -> as it is compared, for the names that are not so already."""
    return {name: form for name in names if (form := compared(name, table)) != name}


def _joined(table: Table, name: str) -> tuple[dict[str, str], list[Problem]]:
    """A table of speakers with their names as they are compared, and problems of those of whom it says two things."""
    joined: dict[str, str] = {}
    torn: dict[str, Problem] = {}
    for key, value in table.items():
        speaker = compared(key, "utt2spk")
        same = gender_of if name == "spk2gender" else str
        if same(joined.setdefault(speaker, value)) != same(value):
            message = f"{key!r} is the speaker {speaker}, of whom another line says {joined[speaker]}, not {value}"
            torn[speaker] = Problem(name, 0, CONTRADICTION, message, "keep the right line", fatal=True, id=key)
    return {speaker: value for speaker, value in joined.items() if speaker not in torn}, list(torn.values())
