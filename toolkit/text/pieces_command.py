"""The command lines of pieces that are learnt: encode, decode, coverage (see toolkit.text.pieces)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.errors import UserError
from .lines import STDIN, Line, code_points, lines_of
from .pieces import ACTIONS, Coverage, cover, encode, read_pieces, texts_of
from .tokens import BLANK, SPACE, SentencePiece

UNKNOWN = "<unk>"


def command(words: Sequence[str]) -> int:
    """The command line. Returns the exit status: 1 where `coverage` found characters that are unknown."""
    parser = argparse.ArgumentParser("python3 -m toolkit.text.pieces", description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("text", metavar="TEXT", help="a text file, a data directory, or - for standard input")
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="what was learnt")
    parser.add_argument("--kaldi", action="store_true", help="the first column is an id, and kept")
    parser.add_argument("--as", dest="form", choices=("pieces", "numbers"), default="pieces", help="default pieces")
    parser.add_argument("--unknown", choices=("error", "unk"), default="error", help=f"unk: writes {UNKNOWN} or 0")
    call = parser.parse_args(words)
    tokens, chosen = read_pieces(call.model)
    lines = lines_of(STDIN, call.kaldi) if call.text == STDIN else texts_of(Path(call.text), call.kaldi)
    if call.action == "coverage":
        found: Coverage = cover(tokens, [chosen(line.text) for line in lines])
        print(f"{tokens.name} after {chosen.id}: {found}")
        return 1 if found.unknown else 0
    if call.action == "decode":
        for line in lines:
            print(line.lead + decoded(tokens, line, call.form))
        return 0
    for line in lines:
        numbers, unknown = encode(tokens, chosen(line.text))
        if unknown and call.unknown == "error":
            raise UserError(
                f"characters that no piece holds: {code_points(''.join(unknown))}",
                line.where,
                f"learn the pieces from a text with them, or --unknown unk writes {UNKNOWN}; coverage counts them all",
            )
        print(line.lead + " ".join(_shown(tokens, numbers, call.form)))
    return 0


def _shown(tokens: SentencePiece, numbers: Sequence[int], form: str) -> Iterator[str]:
    for n in numbers:
        yield str(n) if form == "numbers" else UNKNOWN if n == BLANK else tokens.symbols[n - 1]


def decoded(tokens: SentencePiece, line: Line, form: str) -> str:
    """What a line of pieces or numbers spells; <unk> where a character was unknown.

    Raises UserError for what is no piece, or no number of one.
    """
    numbers = {str(n): s for n, s in enumerate([UNKNOWN, *tokens.symbols])} if form == "numbers" else {}
    known = {UNKNOWN, *tokens.symbols}
    spelt = []
    for word in line.text.split():
        piece = numbers.get(word) if form == "numbers" else word
        if piece not in known:
            what = f"no {'number of a piece' if form == 'numbers' else 'piece'} of this model: {word[:40]}"
            raise UserError(what, line.where, "decode what the same model encoded; see --as")
        spelt.append(str(piece))
    return "".join(spelt).replace(SPACE, " ").strip()
