"""A scoreboard as people read it: an aligned table for a terminal, the same in Markdown, and the tree of wer.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..text.lines import columns, width_of
from .bootstrap import CONFIDENCE, Interval, few_blocks_factor
from .scoreboard import Line, Score, Scoreboard

ABSENT = "–"
FLAG = "!"
FEW = 30  # blocks below which an interval is widened by more than 6 %, so that its reader should know
LEFT = 3  # columns that stand left: the set, the dialect, the measure
COUNTS = ("S", "D", "I", "of")


def to_json(board: Scoreboard) -> dict[str, Any]:
    """What wer.json holds."""
    return {
        "confidence": round(CONFIDENCE),
        "replicates": board.replicates,
        "blocks": board.blocks,
        "seed": board.seed,
        "files": {s.name: {"ref": [str(p) for p in s.paths[:-1]], "hyp": str(s.paths[-1])} for s in board.sets},
        "lines": [line.to_dict() for line in board.lines],
        "findings": {
            name: {kind: {"count": f.count, "examples": f.examples} for kind, f in of_set.items()}
            for name, of_set in board.findings.items()
        },
    }


def aligned(board: Scoreboard) -> str:
    """The table, its columns padded for a terminal."""
    return aligned_rows(_rows(board), LEFT)


def document(board: Scoreboard) -> str:
    """The table in Markdown, with its remarks."""
    return markdown_rows("Error rates", _rows(board), LEFT, remarks(board))


def aligned_rows(rows: Sequence[Sequence[str]], left: int) -> str:
    """A heading and rows, padded for a terminal; the first `left` columns are words, the others figures."""
    head, *body = columns(rows, range(left, len(rows[0]))).split("\n")
    return "\n".join([head, "-" * max(map(width_of, (head, *body))), *body])


def markdown_rows(title: str, rows: Sequence[Sequence[str]], left: int, remarks: Sequence[str]) -> str:
    """The same as a Markdown table under a bold title, with remarks beneath."""
    heading, *body = [[_plain(cell) for cell in row] for row in rows]
    rule = ["---" if j < left else "---:" for j in range(len(heading))]
    table = "\n".join(f"| {' | '.join(row)} |" for row in [heading, rule, *body])
    return f"**{title}**\n\n{table}\n\n" + "".join(f"- {_plain(remark)}\n" for remark in remarks)


def remarks(board: Scoreboard) -> list[str]:
    """What the figures are, and what was odd in the files."""
    lines = [
        f"%: corpus level [{CONFIDENCE:g} % interval: bootstrap, {board.replicates:,} replicates over blocks of one "
        f"{board.blocks}, seed {board.seed}]; mean: of utterances; S, D, I: substitutions, deletions, insertions."
    ]
    lines += _of_intervals(board)
    lines += _of_macro_means(board)
    lines += [
        f"{line.set_title}: RTF of {line.rtf[1]:,} of {line.utterances:,} utterances: the others have no times."
        for line in board.lines
        if line.rtf and line.rtf[1] < line.utterances and not line.dialect and line.measure == board.lines[0].measure
    ]
    if any(score.above_100 for line in board.lines for score in line.scores):
        lines.append(f"{FLAG} above 100 %: more edits than the references have tokens. Look at those hypotheses.")
    if any(line.measure.startswith("AV") for line in board.lines):
        lines.append(
            "AV: mean of the rates against each reference, S, D and I summed over them; MR: against all at once. Of "
            "both, a substitution costs 2 where texts are aligned, so that AV-WER may lie above the mean of WERs."
        )
    for name, of_set in board.findings.items():
        lines += [f"{name}: {kind}: {finding}" for kind, finding in of_set.items()]
    return lines


def _of_intervals(board: Scoreboard) -> list[str]:
    """Why some are wide, and why some are not there."""
    rates = [score.rate for line in board.lines for score in line.scores if score.rate]
    lines = []
    fewest = min((rate.blocks for rate in rates if _ends(rate)), default=FEW)
    if fewest < FEW:
        lines.append(
            f"Intervals over fewer than {FEW} blocks are widened by Student's t, since so few tell little: "
            f"over {fewest}, the fewest here, {few_blocks_factor(fewest):.1f} times."
        )
    if not all(map(_ends, rates)):
        lines.append(
            "A rate without an interval: of one block, or of blocks that all score the same; a macro mean: over a part "
            "of one block, or over parts of such blocks."
        )
    return lines


def _of_macro_means(board: Scoreboard) -> list[str]:
    """Which of them leave parts out."""
    return [
        f"{line.set_title}{f', {line.dialect_title}' if line.dialect_title else ''}: "
        f"{line.measure} under {score.profile} is the mean of {score.parts} of {line.utterances}; "
        "no reference of the others has a token."
        for line in board.lines
        for score in line.scores
        if score.parts is not None and score.parts < line.utterances
    ]


def _rows(board: Scoreboard) -> list[list[str]]:
    profiles = [score.profile for score in board.lines[0].scores]
    timed = any(line.rtf for line in board.lines)
    heading = ["Set", "Dialect", "Measure", "N"]
    heading += [name for profile in profiles for name in (f"{profile} %", "mean", *COUNTS)]
    return [[*heading, *(["RTF"] if timed else [])], *(_row(line, timed) for line in board.lines)]


def _row(line: Line, timed: bool) -> list[str]:
    cells = [line.set_title, _dialect_of(line), line.measure, str(line.utterances)]
    cells += [cell for score in line.scores for cell in _cells(score)]
    return [*cells, *([f"{line.rtf[0]:.3f}" if line.rtf else ABSENT] if timed else [])]


def _dialect_of(line: Line) -> str:
    """The dialect; of their mean also how many utterances are not in it."""
    without = f", without {line.left_out:,} utterances of no known dialect" if line.left_out else ""
    return (line.dialect_title or "") + without


def _cells(score: Score) -> Sequence[str]:
    keys = ("substitutions", "deletions", "insertions", "length")
    counts = [ABSENT] * len(keys) if score.counts is None else [str(score.counts[key]) for key in keys]
    mean = ABSENT if score.mean_of_utterances is None else f"{score.mean_of_utterances:.2f}"
    return [_rate(score), mean, *counts]


def _rate(score: Score) -> str:
    """`23.10 [21.95, 24.20]`; without the interval where all blocks agree, of which a bootstrap knows no spread."""
    if score.rate is None:
        return ABSENT
    ends = _ends(score.rate)
    shown = f" [{100 * ends[0]:.2f}, {100 * ends[1]:.2f}]" if ends else ""
    return f"{100 * score.rate.estimate:.2f}{FLAG * score.above_100}{shown}"


def _ends(rate: Interval) -> tuple[float, float] | None:
    """The limits that the table shows, as fractions."""
    return None if rate.agreeing or rate.low is None or rate.high is None else (rate.low, rate.high)


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
