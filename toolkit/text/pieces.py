"""SentencePiece for speech recognition: a unigram model of normalised transcripts, and what it makes of a text.

python3 -m toolkit.text.pieces --in TEXT... --out FOLDER --pieces 500 --profile sawt
python3 -m toolkit.text.pieces encode --model FOLDER [--kaldi] [--as numbers] [--unknown unk] TEXT
python3 -m toolkit.text.pieces decode --model FOLDER [--kaldi] [--as numbers] TEXT
python3 -m toolkit.text.pieces coverage --model FOLDER [--kaldi] TEXT

TEXT: a UTF-8 file, an utterance on each line, or a data directory, whose table `text` is read. Texts go through the
profile before they are learnt from or encoded. In FOLDER: spm.model, tokens.txt (the number of a token is its line,
from 0, the blank), pieces.json.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import UserError, told
from ..core.files import atomic, read_json, write_json
from ..core.step import Step, main
from .lines import Line, lines_of, quiet_pipe
from .normalise import Profile, profile
from .tokens import RESERVED, SentencePiece, learn_pieces

MODEL, RECORD = "spm.model", "pieces.json"
ACTIONS = ("encode", "decode", "coverage")
TABLE = "text"  # of a data directory


@dataclass(frozen=True)
class PiecesConfig:
    """What to learn."""

    pieces: int = 500
    """of the model, every character of the texts among them"""
    profile: str = "sawt"
    """normalisation of the texts (see python3 -m toolkit.text.normalise --list)"""
    kaldi: bool = False
    """the first column of a text file is an id (of a data directory's it always is)"""

    def __post_init__(self) -> None:
        if self.pieces < 2:
            raise ValueError("pieces: at least 2 are needed, a space and a letter")
        try:
            profile(self.profile)
        except UserError as e:
            raise ValueError(f"profile: {e.what}; {e.remedy}") from None


@dataclass
class Coverage:
    """What the pieces make of a text."""

    lines: int = 0
    words: int = 0
    pieces: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    """characters that no piece holds -> how often they occur"""

    def __str__(self) -> str:
        per_word = f", {self.pieces / self.words:.2f} a word" if self.words else ""
        first = f"{self.lines:,} lines, {self.words:,} words, {self.pieces:,} pieces{per_word}; "
        if not self.unknown:
            return first + "every character known"
        named = ", ".join(f"U+{ord(c):04X} {c!r} ×{n:,}" for c, n in self.unknown.most_common())
        return f"{first}{self.unknown.total():,} unknown characters: {named}"


def read_pieces(folder: Path) -> tuple[SentencePiece, Profile]:
    """The pieces in a folder that this step made, and the profile their texts went through.

    Raises UserError if there are none, or if the profile now has another version.
    """
    if not (folder / MODEL).is_file() or not (folder / RECORD).is_file():
        remedy = "name the folder that --out of python3 -m toolkit.text.pieces named"
        raise UserError(f"no pieces in it: {MODEL} and {RECORD} belong there", str(folder), remedy)
    record = read_json(folder / RECORD)
    if not isinstance(record, dict) or not isinstance(record.get("profile"), str):
        raise UserError("it does not say which profile its texts went through", str(folder / RECORD), "learn anew")
    try:
        tokens = SentencePiece((folder / MODEL).read_bytes())
    except RuntimeError:
        raise UserError("not a model of SentencePiece", str(folder / MODEL), "learn the pieces anew") from None
    return tokens, profile(record["profile"])


def encode(tokens: SentencePiece, text: str) -> tuple[list[int], list[str]]:
    """(numbers, characters that no piece holds) of a normalised text; each run of the latter has number 0."""
    unknown = [c for c in text if c not in tokens.alphabet]
    for c in RESERVED.intersection(unknown):
        text = text.replace(c, chr(0x10FFFF))  # a code point that is no character, so that it is unknown as well
    numbers: list[int] = tokens.processor.encode(text)
    return numbers, unknown


def texts_of(path: Path, kaldi: bool) -> Iterator[Line]:
    """Lines of a text file, or of the table `text` of a data directory."""
    if not path.is_dir():
        return lines_of(str(path), kaldi)
    if not (path / TABLE).is_file():
        raise UserError(f"a folder without a table {TABLE}", str(path), "name a data directory or a text file")
    return lines_of(str(path / TABLE), kaldi=True)


def run(step: Step[PiecesConfig]) -> None:
    """The step: learn the pieces of all inputs together, in their order."""
    step.input(0, "a text")
    chosen = profile(step.config.profile)
    texts = []
    for path in step.ins:
        for line in texts_of(path, step.config.kaldi):
            if text := chosen(line.text).strip():
                texts.append(text)
            else:
                step.ledger.drop(line.id or line.where, f"empty after {chosen.id}")
    if not texts:
        raise UserError("no text to learn from", ", ".join(map(str, step.ins)), "give texts with words")
    tokens = SentencePiece(learn_pieces(tuple(texts), step.config.pieces, str(step.ins[0])))
    coverage = cover(tokens, texts)
    for name, data in tokens.files("pieces").items():
        with atomic(step.out / name.removeprefix("pieces.")) as temporary:
            temporary.write_bytes(data)
    write_json(
        step.out / RECORD,
        {
            "profile": chosen.id,
            "pieces": len(tokens.symbols),
            "characters": "".join(sorted(tokens.alphabet)),
            "lines": coverage.lines,
            "words": coverage.words,
            "pieces_of_the_text": coverage.pieces,
        },
    )
    step.counts.update(lines=coverage.lines, words=coverage.words, pieces=len(tokens.symbols))
    print(f"{tokens.name} after {chosen.id}: {coverage}")


def cover(tokens: SentencePiece, texts: list[str]) -> Coverage:
    """How the pieces cover normalised texts."""
    coverage = Coverage()
    for text in texts:
        numbers, unknown = encode(tokens, text)
        coverage.lines += 1
        coverage.words += len(text.split())
        coverage.pieces += len(numbers)
        coverage.unknown.update(unknown)
    return coverage


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ACTIONS:
        from .pieces_command import command

        with told(1, "the text"), quiet_pipe():
            raise SystemExit(command(sys.argv[1:]))
    main(run)
