"""Word and character error rates: edits of each utterance, summed over the corpus.

    python3 -m toolkit.score.wer --ref data/test --hyp exp/asr/text --profile sawt
    python3 -m toolkit.score.wer --ref A=a.txt B=b.txt --hyp A=a.jsonl B=b.jsonl --profile sawt --out exp/scores

Files are Kaldi `text` (`id text`) or JSONL (`id`, `text`, and for the real-time factor `decode_seconds` and
`audio_seconds`). Several references of one set give MR-WER and AV-WER. Every rate stands under the profile orthographic
(it unifies what nobody sees: white space, marks of direction, NFC) beside those that are asked for.

Definitions: rate = sum of substitutions, deletions and insertions over sum of reference lengths. An empty
hypothesis is all deletions. An empty reference adds its insertions to the edits and nothing to the length.
White space counts as one character between two words in the character error rate, as in ESPnet and jiwer.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import UserError, told
from ..core.files import write_json, write_text
from ..text.normalise import PROFILES, Profile, profile
from .edits import Errors as Errors  # also the interface of this module, as is count_errors
from .edits import count_errors as count_errors
from .labels import check_labels
from .pairing import paired_sets
from .score_table import aligned, document, remarks, to_json
from .scoreboard import score
from .texts import read_labels
from .verify import verify

SHOWN_IDS = 5
ORTHOGRAPHIC = "orthographic"


@dataclass(frozen=True)
class ErrorTable:
    """Errors of every utterance, in the order of `ids`."""

    ids: list[str]
    errors: list[Errors]

    @property
    def total(self) -> Errors:
        return (
            Errors(*(sum(column) for column in zip(*self.errors, strict=True))) if self.errors else Errors(0, 0, 0, 0)
        )

    @property
    def percent(self) -> float:
        """Corpus-level error rate in percent; above 100 when insertions outnumber what was right."""
        return error_rate(self.errors)

    def edits_and_lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """Edits [N] and reference lengths [N] of the utterances: what the bootstrap resamples."""
        return np.array([e.edits for e in self.errors], float), np.array([e.length for e in self.errors], float)


def words(text: str) -> list[str]:
    """Tokens of the word error rate: what white space separates."""
    return text.split()


def characters(text: str) -> list[str]:
    """Tokens of the character error rate: code points, with one space between two words."""
    return list(" ".join(text.split()))


def error_table(
    references: Mapping[str, str], hypotheses: Mapping[str, str], tokens: Callable[[str], Sequence[Hashable]] = words
) -> ErrorTable:
    """Errors by utterance id, sorted; ids tie the two, never their order.

    Args:
        references, hypotheses: utterance id -> text.
        tokens: what cuts a text into tokens: `words` (WER) or `characters` (CER).

    Raises UserError naming ids that only one side has: an utterance that was not recognised must be
    given as an empty hypothesis.
    """
    check_same_ids(references, hypotheses)
    ids = sorted(references)
    return ErrorTable(ids, [count_errors(tokens(references[i]), tokens(hypotheses[i])) for i in ids])


def error_rate(errors: Iterable[Errors]) -> float:
    """Sum of edits over sum of reference lengths, in percent. Raises UserError when no reference has a token."""
    edits = length = 0
    for e in errors:
        edits, length = edits + e.edits, length + e.length
    if length == 0:
        raise UserError("no error rate: the references are all empty", "", "give references with at least one token")
    return 100.0 * edits / length


def check_same_ids(references: Mapping[str, object], hypotheses: Mapping[str, object]) -> None:
    """Raise UserError naming the utterances that only one side has."""
    problems = []
    for problem, ids in (
        ("without a hypothesis", references.keys() - hypotheses.keys()),
        ("without a reference", hypotheses.keys() - references.keys()),
    ):
        if ids:
            more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
            problems.append(f"{len(ids)} utterances {problem}: {', '.join(sorted(ids)[:SHOWN_IDS])}{more}")
    if problems:
        raise UserError(
            "; ".join(problems), "", "score the same utterances; write an empty hypothesis where there is none"
        )


def chosen_profiles(names: Sequence[str]) -> list[Profile]:
    """`orthographic`, then the others that are asked for. Raises UserError for a name that no profile has."""
    return [profile(name) for name in dict.fromkeys([ORTHOGRAPHIC, *names])]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "python3 -m toolkit.score.wer",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--ref", nargs="+", required=True, metavar="[NAME=]FILE", help="references; several of one NAME: of one set")
    add("--hyp", nargs="+", required=True, metavar="[NAME=]FILE", help="hypotheses, one of each set")
    add("--profile", nargs="+", default=[], metavar="NAME", help=f"normalisation: {', '.join(PROFILES)}")
    add("--by", type=Path, metavar="UTT2LANG", help="table of dialects: a line for each, and their macro mean")
    add("--speakers", type=Path, metavar="UTT2SPK", help="table of speakers: the blocks of the bootstrap")
    add("--missing", choices=["refuse", "empty"], default="refuse", help="an utterance without a hypothesis")
    add("--seed", type=int, default=0, help="of the bootstrap; 0 or more")
    add("--out", type=Path, metavar="FOLDER", help="write wer.json and wer.md there")
    add("--json", type=Path, metavar="FILE", help="write the JSON alone")
    add("--verify", action="store_true", help="count again with jiwer and editdistance, and say whether equal")
    return made


def main() -> None:
    """Score, print and write what the command line says. Ends the process with 1 on a user's mistake."""
    call = parser().parse_args()
    with told(1, str(call.out or call.json or "the output")):
        if call.seed < 0:
            raise UserError(f"--seed {call.seed}", "command line", "give 0 or more")
        profiles = chosen_profiles(call.profile)
        sets = paired_sets(call.ref, call.hyp, call.missing == "empty")
        dialects, speakers = (path and read_labels(path) for path in (call.by, call.speakers))
        if call.by:
            check_labels(dialects or {}, call.by, {id for s in sets for id in s.ids})
        board = score(sets, profiles, dialects, speakers, call.seed)
        print(aligned(board))
        print("\n".join(remarks(board)))
        for s in sets:
            if len(against := s.paths[:-1]) > 1:
                print(f"{s.name}: " + ", ".join(f"WER {k} is against {path}" for k, path in enumerate(against, 1)))
        if call.out:
            write_json(call.out / "wer.json", to_json(board))
            write_text(call.out / "wer.md", document(board))
        if call.json:
            write_json(call.json, to_json(board))
        if call.verify:
            verify(sets, profiles)


if __name__ == "__main__":
    main()
