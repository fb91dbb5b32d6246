"""What a recogniser wrote, as pseudo.transcribe leaves it and everything after it reads it.

A folder has hypotheses.jsonl, a line per utterance in the order of their ids, `text`, the same as a Kaldi table,
header.json, which says what made it, and speed.json, which says how long that took (and is no part of any result).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import atomic, read_json, write_json

HYPOTHESES, TEXT, HEADER, SPEED = "hypotheses.jsonl", "text", "header.json", "speed.json"
LONGEST_LINE = 1 << 24  # bytes; hours of speech have less


@dataclass(frozen=True)
class HypothesisSegment:
    """A stretch of an utterance, in seconds from its beginning, and what was written for it.

    `cut_off`: True if the text stops before the speech does: the recogniser wrote as much as it may.
    """

    start: float
    end: float
    text: str
    cut_off: bool = False


@dataclass(frozen=True)
class Hypothesis:
    """One utterance as a recogniser heard it. What a back-end cannot tell is None.

    Attributes:
        id: of the utterance.
        text: white space made single; empty if nothing was heard.
        seconds: length of the audio.
        language: code of the language that was asked for, or detected; empty if nothing was heard to detect it from.
        tokens: what was written: text and timestamps, neither prompt nor end.
        segments: with times, where timestamps were asked for; else one that is the whole.
        avg_logprob: mean log-probability of a token of `tokens` and the end, nats.
        entropy: mean entropy of the distribution that each of them was chosen from, nats.
        no_speech: probability of <|nospeech|> at the first token.
        compression: letters over letters compressed (score.repetition's letter_ratio); 0 of an empty text.
        ended: False if text was cut off at the limit of tokens; such a text is no label.
        language_probability: of the language, where it was detected.
        silence: (start, end) of stretches of a second and more in which nothing is louder than `silent_dbfs`.
    """

    id: str
    text: str
    seconds: float
    language: str
    tokens: tuple[int, ...] = ()
    segments: tuple[HypothesisSegment, ...] = ()
    avg_logprob: float | None = None
    entropy: float | None = None
    no_speech: float | None = None
    compression: float = 0.0
    ended: bool = True
    language_probability: float | None = None
    silence: tuple[tuple[float, float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All fields, but those that few rows have only where they say something."""
        row = asdict(self)
        for name in ("language_probability", "silence"):
            if not row[name]:
                del row[name]
        for segment in row["segments"]:
            if not segment["cut_off"]:
                del segment["cut_off"]
        return row

    @staticmethod
    def from_json(row: Any) -> Hypothesis:
        """Raises ValueError, TypeError or KeyError for anything but what to_json gives."""
        if not isinstance(row, dict) or not row.keys() <= _FIELDS:
            raise ValueError("not a hypothesis")
        return Hypothesis(
            **{
                **row,
                "tokens": tuple(map(int, row.get("tokens", ()))),
                "segments": tuple(
                    HypothesisSegment(float(s["start"]), float(s["end"]), s["text"], bool(s.get("cut_off")))
                    for s in row["segments"]
                ),
                "silence": tuple((float(start), float(end)) for start, end in row.get("silence", ())),
            }
        )


_FIELDS = {f.name for f in fields(Hypothesis)}


@dataclass(frozen=True)
class Header:
    """What made a folder of hypotheses.

    Attributes:
        model: its name: the folder or hub id that was given.
        model_hash: of its weights and files.
        parameters: of the network.
        set: name of the data directory.
        settings: how it decoded, as resolved.
        settings_hash: of these.
        random_weights: whether nobody ever trained it.
    """

    model: str
    model_hash: str
    parameters: int
    set: str
    settings: dict[str, Any] = field(default_factory=dict)
    settings_hash: str = ""
    random_weights: bool = False


def write_hypotheses(folder: Path, rows: Iterable[Hypothesis], header: Header) -> int:
    """Write hypotheses.jsonl, text and header.json; rows must come in the order of their ids. Returns their number."""
    count = 0
    with (
        atomic(folder / HYPOTHESES) as new,
        atomic(folder / TEXT) as plain,
        open(new, "w", encoding="utf-8") as f,
        open(plain, "w", encoding="utf-8") as g,
    ):
        for row in rows:
            f.write(json.dumps(row.to_json(), ensure_ascii=False) + "\n")
            g.write(f"{row.id} {row.text}".rstrip() + "\n")
            count += 1
    write_json(folder / HEADER, asdict(header))
    return count


def is_hypotheses(folder: Path) -> bool:
    return (folder / HYPOTHESES).is_file()


def read_header(folder: Path) -> Header:
    """Raises UserError for a broken file."""
    path = folder / HEADER
    if not path.is_file():
        raise UserError("hypotheses without a header", str(path), "transcribe again")
    try:
        header = Header(**read_json(path))
        if not all(isinstance(x, str) for x in (header.model, header.model_hash, header.set, header.settings_hash)):
            raise TypeError("a name that is no text")
    except TypeError as e:
        raise UserError(f"not a header of hypotheses: {e}", str(path), "transcribe again") from None
    return header


def read_hypotheses(folder: Path) -> Iterator[Hypothesis]:
    """In the order of the file, one at a time. Raises UserError naming the first line that is none of ours."""
    path = folder / HYPOTHESES
    if not path.is_file():
        raise UserError("no hypotheses here", str(folder), "name the output of pseudo.transcribe")
    with open(path, "rb") as f:
        number = 0
        while raw := f.readline(LONGEST_LINE + 1):
            number += 1
            try:
                if len(raw) > LONGEST_LINE:
                    raise ValueError(f"longer than {LONGEST_LINE:,} bytes")
                yield Hypothesis.from_json(json.loads(raw.decode("utf-8")))
            except (ValueError, TypeError, KeyError, RecursionError) as e:
                where = f"{path}, line {number}"
                raise UserError(f"not a line of pseudo.transcribe: {e}", where, "transcribe again") from None
