"""Windows of 30 s that a Whisper is trained on, as pseudo.pack writes them: utterances and their labels.

A folder has windows.jsonl, a line per window, and header.json, which names their sources. Audio is not copied: training
reads it from the data directory that the header names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import atomic, read_json, write_json
from ..core.record import digest
from ..models.older_files import refuse_incomplete
from ..models.vocabulary import TOKENIZER

WINDOWS, HEADER = "windows.jsonl", "header.json"
PACK_AGAIN = "pack again: --fresh of the stage that packs"


@dataclass(frozen=True)
class WindowSegment:
    """Start and end in seconds from the beginning of the window, multiples of 0.02, and the text tokens."""

    start: float
    end: float
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """An utterance in a window.

    Attributes:
        id: of the utterance, in the data directory.
        start: where in the window its audio begins, seconds, a multiple of 0.02.
        seconds: length of its audio.
        segments: in the order of time, without overlap, within the utterance (to the next multiple of 0.02).
    """

    id: str
    start: float
    seconds: float
    segments: tuple[WindowSegment, ...]


@dataclass(frozen=True)
class Window:
    """A window of the encoder, with silence between its utterances and after the last one.

    Attributes:
        id: that of its first utterance, which is in no other window.
        speaker: of all its utterances.
        seconds: from its beginning to the end of its last utterance.
        previous: id of the window before it of the same speaker and language, whose text may stand before this one's.
        language: code of the language of all its labels.
        utterances: in the order of time.
    """

    id: str
    speaker: str
    seconds: float
    previous: str | None
    language: str
    utterances: tuple[Piece, ...]

    @staticmethod
    def from_json(row: Any) -> Window:
        """The window of a line of windows.jsonl. Raises ValueError, TypeError or KeyError for anything else."""
        pieces = tuple(
            Piece(
                _text(p["id"]),
                float(p["start"]),
                float(p["seconds"]),
                tuple(
                    WindowSegment(float(s["start"]), float(s["end"]), tuple(map(int, s["tokens"])))
                    for s in p["segments"]
                ),
            )
            for p in row["utterances"]
        )
        previous = None if row["previous"] is None else _text(row["previous"])
        made = Window(
            _text(row["id"]), _text(row["speaker"]), float(row["seconds"]), previous, _text(row["language"]), pieces
        )
        made.check()
        return made

    def check(self) -> None:
        """Raise ValueError if times go back, or the window has no utterance."""
        if not self.utterances:
            raise ValueError("a window without an utterance")
        at = 0.0
        for piece in self.utterances:
            if not (piece.start >= at and piece.seconds > 0 and piece.segments):
                raise ValueError(f"{piece.id} begins before the end of what is before it, or has no label")
            at = piece.start
            for segment in piece.segments:
                if not at <= segment.start < segment.end:
                    raise ValueError(f"times of {piece.id} that go back: {segment.start} {segment.end}")
                at = segment.end


@dataclass(frozen=True)
class Header:
    """The sources of a folder of windows.

    Attributes:
        vocabulary: hash of the tokenizer.json that made the tokens.
        labels: pseudo or truth.
        window_seconds: largest length of a window.
        set: name of the data directory.
        data: the data directory that has the audio, as it was named, relative to the recipe's folder.
        keep: name of the selection; empty without one.
    """

    vocabulary: str
    labels: str
    window_seconds: float
    set: str
    data: str
    keep: str = ""


def vocabulary_hash(model: Path) -> str:
    """Hash of the tokenizer in a Whisper's folder. Raises UserError if it has no tokenizer."""
    refuse_incomplete(model, (TOKENIZER,))
    return digest((model / TOKENIZER).read_bytes())


def is_pack(folder: Path) -> bool:
    return (folder / WINDOWS).is_file()


def write_windows(folder: Path, windows: Iterable[Window], header: Header) -> None:
    """Write windows.jsonl and header.json."""
    with atomic(folder / WINDOWS) as temporary, open(temporary, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(asdict(window), ensure_ascii=False) + "\n" for window in windows)
    write_json(folder / HEADER, asdict(header))


def read_header(folder: Path) -> Header:
    """The header of a folder. Raises UserError if it is missing or broken."""
    if not (folder / HEADER).is_file():
        raise UserError("no windows here", str(folder), "name the output of pseudo.pack")
    try:
        header = Header(**read_json(folder / HEADER))
        if not all(isinstance(v, str) for k, v in asdict(header).items() if k != "window_seconds"):
            raise TypeError("a name that is no text")
        float(header.window_seconds)
    except (TypeError, ValueError) as e:
        raise UserError(f"not a header of windows: {e}", str(folder / HEADER), PACK_AGAIN) from None
    return header


def read_windows(folder: Path) -> list[Window]:
    """Every window, in the order of the file. Raises UserError naming the first invalid line."""
    path = folder / WINDOWS
    if not path.is_file():
        raise UserError("no windows here", str(folder), "name the output of pseudo.pack")
    windows: list[Window] = []
    ids: set[str] = set()
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        for number, line in enumerate(f, 1):
            try:
                window = Window.from_json(json.loads(line))
                if window.id in ids:
                    raise ValueError(f"window {window.id} stands there already")
                if window.previous is not None and window.previous not in ids:
                    raise ValueError(f"the window before it, {window.previous}, is not there")
            except (ValueError, TypeError, KeyError, RecursionError) as e:
                raise UserError(f"not a line of pseudo.pack: {e}", f"{path}, line {number}", PACK_AGAIN) from None
            ids.add(window.id)
            windows.append(window)
    if not windows:
        raise UserError("not one window", str(path), PACK_AGAIN)
    return windows


def refuse_other_vocabulary(folder: Path, model: Path) -> None:
    """Raise UserError if the model's tokens differ from those of the windows' labels."""
    if read_header(folder).vocabulary != vocabulary_hash(model):
        message = f"labels in the tokens of another model than {model}"
        raise UserError(message, str(folder), "pack again with this model's folder among the inputs")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"no name: {value!r}")
    return value
