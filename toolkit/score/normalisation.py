"""What each step of a profile of normalisation does to the word error rate of a recogniser.

Both sides go through the same steps, so that a step which breaks words, or takes letters away, shows by its number.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError, told
from ..text.lines import columns, quiet_pipe
from ..text.normalise import NAMES, Profile, profile
from .texts import read_texts
from .wer import Errors, check_same_ids, error_table

BEFORE = "(as given)"


@dataclass(frozen=True)
class AfterStep:
    """The corpus after one more step of a profile; the first one is the corpus as it was given."""

    step: str
    """name of the step"""
    references: int
    """references that it changed"""
    hypotheses: int
    """hypotheses that it changed"""
    errors: Errors
    """of the whole corpus, in words"""

    @property
    def percent(self) -> float | None:
        """Corpus word error rate; None if no reference has a word left."""
        return 100.0 * self.errors.edits / self.errors.length if self.errors.length else None


def step_by_step(references: Mapping[str, str], hypotheses: Mapping[str, str], chosen: Profile) -> list[AfterStep]:
    """Errors before the first step of a profile and after each one, the steps before it included.

    Args:
        references, hypotheses: utterance id -> text.

    Raises UserError naming ids that only one side has.
    """
    check_same_ids(references, hypotheses)
    rows = [AfterStep(BEFORE, 0, 0, error_table(references, hypotheses).total)]
    sides = [dict(references), dict(hypotheses)]
    for step in chosen.steps:
        after = [{id: step.apply(text) for id, text in side.items()} for side in sides]
        changed = [sum(new[id] != old[id] for id in old) for old, new in zip(sides, after, strict=True)]
        errors = error_table(after[0], after[1]).total if any(changed) else rows[-1].errors
        rows.append(AfterStep(step.name, changed[0], changed[1], errors))
        sides = after
    return rows


def table(stages: Sequence[AfterStep]) -> str:
    """The steps as a table; the column `change` is in points, from the step before. A rate above 100 is flagged."""
    rows: list[tuple[str, ...]] = [
        ("step", "WER %", "change", "sub", "del", "ins", "words", "refs changed", "hyps changed", "")
    ]
    previous: float | None = None
    for stage in stages:
        percent = stage.percent
        change = f"{percent - previous:+.2f}" if percent is not None and previous is not None else "-"
        note = "no reference has a word" if percent is None else "above 100" if percent > 100 else ""
        e = stage.errors
        counts = (e.substitutions, e.deletions, e.insertions, e.length, stage.references, stage.hypotheses)
        shown = "-" if percent is None else f"{percent:.2f}"
        rows.append((stage.step, shown, change, *(f"{count:,}" for count in counts), note))
        previous = percent
    return columns(rows, range(1, 9))


def main(words: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser("python3 -m toolkit.score.normalisation", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--ref", required=True, type=Path, metavar="TEXT", help="references: Kaldi text, JSONL or a data directory"
    )
    parser.add_argument("--hyp", required=True, type=Path, metavar="TEXT", help="hypotheses of the same ids, likewise")
    parser.add_argument("--profile", default="sawt", metavar="NAME", help=f"{NAMES}; default sawt")
    call = parser.parse_args(words)
    chosen = profile(call.profile)
    references, hypotheses = (_texts(path) for path in (call.ref, call.hyp))
    try:
        stages = step_by_step(references, hypotheses, chosen)
    except UserError as e:
        raise UserError(e.what, f"{call.ref}, {call.hyp}", e.remedy) from None
    print(f"{chosen.id}, {len(references):,} utterances, the steps one after the other")
    print(table(stages))
    return 0


def _texts(path: Path) -> dict[str, str]:
    """Id -> text of a file. Raises UserError for an id that occurs twice."""
    texts = read_texts(path)
    if texts.duplicates:
        raise UserError(f"id {texts.duplicates[0]} occurs twice", str(texts.path), "keep one of the two")
    return texts.text


if __name__ == "__main__":
    with told(1, "the texts"), quiet_pipe():
        raise SystemExit(main())
