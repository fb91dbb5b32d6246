"""What a recogniser gets wrong, and how: categories of error, and a page of alignments to read.

Writes categories.tsv (a row per utterance), summary.json (counts, over all and by label), index.html (alignments) and
dropped.tsv (what could not be looked at, with the reason). The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.config import field_help, load_config, to_dict
from ..core.errors import UserError, told
from ..core.files import atomic, sha256_of, write_json, write_text
from ..core.record import DROPPED, Ledger
from ..core.seed import seed_of
from ..data.ids import alike_labels
from ..data.tables import one_line
from ..text.normalise import profile
from ..text.not_known import UNKNOWN, label_of
from .categories import CATEGORIES, CORRECT, Case, Thresholds, categorise
from .config import InspectConfig
from .dialect import Lexicon
from .inspect_page import Inspected, page
from .labels import check_labels
from .texts import read_texts
from .wer import words

TABLE, SUMMARY, PAGE = "categories.tsv", "summary.json", "index.html"
MADE = (TABLE, SUMMARY, PAGE, DROPPED)
HEADER = "id\tlabel\tcategory\twhy"
EXAMPLES = 3
"""ids that summary.json names for each category, drawn by seed"""


@dataclass(frozen=True)
class InspectInputs:
    """Tables of utterance ids: texts of both sides, labels and MSA references (both may be empty)."""

    references: Mapping[str, str]
    hypotheses: Mapping[str, str]
    labels: Mapping[str, str]
    msa: Mapping[str, str]


def inspect(inputs: InspectInputs, normalise: Callable[[str], str], limits: Thresholds) -> list[Inspected]:
    """Every utterance that has a reference and a hypothesis, by id, its texts read through a profile."""
    lexicon, utterances = Lexicon(normalise), []
    for id in sorted(inputs.references.keys() & inputs.hypotheses.keys()):
        written = inputs.references[id], inputs.hypotheses[id]
        reference, hypothesis = (words(normalise(text)) for text in written)
        msa = words(normalise(inputs.msa[id])) if id in inputs.msa else None
        case = Case(reference, hypothesis, lexicon, msa or None, limits)
        label = label_of(one_line(inputs.labels.get(id, "")))
        utterances.append(Inspected(id, label, case.columns, categorise(case), written, case.judged))
    return utterances


def summary(utterances: Sequence[Inspected]) -> dict[str, Any]:
    """Counts over all utterances (micro), of each label, and the unweighted mean of known labels' shares (macro).

    `macro_left_out` says how many utterances of no known label are not in the mean; it is empty if all are.
    """
    labels: dict[str, list[Inspected]] = {}
    for u in utterances:
        labels.setdefault(u.label, []).append(u)
    counts = {label: _counts(group) for label, group in sorted(labels.items())}
    classes = [count for label, count in counts.items() if label != UNKNOWN]
    left_out = len(labels.get(UNKNOWN, ()))
    macro = {
        category: sum(count["categories"][category]["percent"] for count in classes) / len(classes)
        for category in CATEGORIES
        if classes
    }
    without = {"macro_left_out": left_out} if left_out else {}
    return {"micro": _counts(utterances), "labels": counts, "macro_percent": macro, **without}


def _counts(group: Sequence[Inspected]) -> dict[str, Any]:
    """Of a group of utterances, at least one; WER in percent is None where its references have no word."""
    length = sum(u.length for u in group)
    wrong = sum(u.edits for u in group)
    of = {category: sum(u.verdict.category == category for u in group) for category in CATEGORIES}
    return {
        "utterances": len(group),
        "empty_references": sum(not u.length for u in group),
        "empty_hypotheses": sum(not u.heard for u in group),
        "judged_for_dialect": sum(u.judged for u in group),
        "words": length,
        "edits": wrong,
        "wer_percent": 100 * wrong / length if length else None,
        "categories": {name: {"count": n, "percent": 100 * n / len(group)} for name, n in of.items()},
    }


def drawn(utterances: Sequence[Inspected], count: int, seed: int, purpose: str) -> list[Inspected]:
    """`count` of the utterances, or all if there are fewer. Their order does not matter."""
    return sorted(utterances, key=lambda u: (seed_of(seed, purpose, u.id), u.id))[:count]


def examples(utterances: Sequence[Inspected], seed: int) -> dict[str, list[str]]:
    """Ids of EXAMPLES utterances of each category of errors."""
    of = {category: [u for u in utterances if u.verdict.category == category] for category in CATEGORIES}
    return {
        category: sorted(u.id for u in drawn(group, EXAMPLES, seed, "example"))
        for category, group in of.items()
        if category != CORRECT
    }


def shown(utterances: Sequence[Inspected], config: InspectConfig) -> list[Inspected]:
    """The worst utterances, a draw from the others, and the examples; by edits, most first, then by id."""
    by_edits = sorted(utterances, key=lambda u: (-u.edits, u.id))
    worst, others = by_edits[: config.worst], by_edits[config.worst :]
    chosen = {u.id for u in [*worst, *drawn(others, config.drawn, config.seed, "page")]}
    chosen |= {id for ids in examples(utterances, config.seed).values() for id in ids}
    return [u for u in by_edits if u.id in chosen]


def table(utterances: Sequence[Inspected]) -> str:
    """categories.tsv."""
    return "".join(f"{row}\n" for row in [HEADER, *map(_row, utterances)])


def _row(u: Inspected) -> str:
    words = ", ".join(f"{spoken or '-'}={heard or '-'}" for spoken, heard in u.verdict.evidence)
    return "\t".join(
        (u.id, u.label, u.verdict.category, one_line(f"{u.verdict.why}: {words}" if words else u.verdict.why))
    )


def read_inputs(reference: Path, hypothesis: Path, by: Path | None, msa: Path | None, ledger: Ledger) -> InspectInputs:
    """All inputs; what cannot be used, and utterances that only one side has, become rows of the ledger.

    Raises UserError if reference and hypothesis have no utterance in common.
    """
    sides = [_read(path, ledger) for path in (reference, hypothesis, by, msa)]
    references, hypotheses, labels, others = sides
    for id in sorted(references.keys() - hypotheses.keys()):
        ledger.drop(id, "without a hypothesis")
    for id in sorted(hypotheses.keys() - references.keys()):
        ledger.drop(id, "without a reference")
    if not references.keys() & hypotheses.keys():
        message = f"no utterance in common: {next(iter(references))}, ... against {next(iter(hypotheses))}, ..."
        raise UserError(message, f"--ref {reference}, --hyp {hypothesis}", "name the reference of this hypothesis")
    if by:
        check_labels(labels, by, references.keys())
    return InspectInputs(references, hypotheses, labels, others)


def _read(path: Path | None, ledger: Ledger) -> dict[str, str]:
    if path is None:
        return {}

    def leave_out(line: int, id: str, reason: str, detail: str) -> None:
        ledger.drop(id or f"line {line}", reason, f"{path.name}, line {line}: {detail}")

    return read_texts(path, leave_out).text


def write(
    out: Path, utterances: Sequence[Inspected], config: InspectConfig, about: dict[str, Any], ledger: Ledger
) -> None:
    """The four files, all or none of them. Raises UserError if `out` holds files of somebody else."""
    strangers = sorted(p.name for p in out.iterdir() if p.name not in MADE) if out.is_dir() else []
    if strangers:
        message = f"{out} holds files that are not of this command: {', '.join(strangers[:3])}"
        raise UserError(message, "--out", "name a folder of its own")
    counts = summary(utterances)
    with atomic(out) as folder:
        folder.mkdir()
        write_text(folder / TABLE, table(utterances))
        settings = {"rules": to_dict(config.rules), "seed": config.seed}
        more = {"dropped": ledger.reasons(), "examples": examples(utterances, config.seed)}
        write_json(folder / SUMMARY, {**about, **settings, **counts, **more})
        write_text(folder / PAGE, page(shown(utterances, config), counts, about, config, len(utterances)))
        ledger.write(folder / DROPPED)


def main(words: list[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    call = _parser().parse_args(words)
    given = {name: str(value) for name in ("worst", "drawn", "seed") if (value := getattr(call, name)) is not None}
    config, ledger = load_config(InspectConfig, call.config, given), Ledger("score.inspect")
    normalise = profile(call.profile)
    inputs = read_inputs(call.ref, call.hyp, call.by, call.msa, ledger)
    utterances = inspect(inputs, normalise, config.rules)
    files = {"reference": call.ref, "hypothesis": call.hyp, "labels": call.by, "msa_reference": call.msa}
    about = {"profile": normalise.id, "inputs": {name: known_file(path) for name, path in files.items() if path}}
    write(call.out, utterances, config, about, ledger)
    print(text_of(summary(utterances), normalise.id, ledger, call.out))
    return 0


def text_of(counts: Mapping[str, Any], profile_id: str, ledger: Ledger, out: Path) -> str:
    """What the command line says when it is done."""
    micro = counts["micro"]
    rate = "none" if micro["wer_percent"] is None else f"{micro['wer_percent']:.1f} %"
    lines = [f"{micro['utterances']} utterances, {micro['words']} words, WER {rate} under {profile_id}"]
    lines += [f"{of['count']:>7} {of['percent']:5.1f} %  {name}" for name, of in micro["categories"].items()]
    lines += [f"{micro['judged_for_dialect']} utterances had a dialect word that the rules of dialect could look at"]
    lines += [f"WARNING: labels: {line}" for line in alike_labels(counts["labels"])]
    if left_out := counts.get("macro_left_out", 0):
        lines.append(f"{left_out} utterances have no known label and are in no mean of the labels")
    lines += [f"left out: {n} {reason}" for reason, n in ledger.reasons().items()]
    return "\n".join([*lines, str(out / PAGE)])


def known_file(path: Path) -> dict[str, str]:
    """Name and digest of an input: nothing of the machine, so that the same files give the same bytes."""
    return {"file": path.name, "sha256": sha256_of(path)[:16]}


def _parser() -> argparse.ArgumentParser:
    fields = "\n".join(f"  {name} ({default}): {meaning}" for name, default, meaning in field_help(InspectConfig))
    parser = argparse.ArgumentParser(
        "python3 -m toolkit.score.inspect",
        description=__doc__,
        epilog=f"fields of --config:\n{fields}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--ref", type=Path, required=True, metavar="TEXT", help="references: Kaldi text, or JSONL")
    parser.add_argument("--hyp", type=Path, required=True, metavar="TEXT", help="hypotheses, likewise")
    parser.add_argument("--by", type=Path, metavar="UTT2LANG", help="a label (dialect) for each utterance")
    parser.add_argument("--msa", type=Path, metavar="TEXT", help="the references in MSA, as many as there are")
    parser.add_argument("--profile", default="sawt", help="how texts are normalised (sawt)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder of the outcome")
    parser.add_argument("--config", type=Path, metavar="YAML", help="thresholds of the rules, and what the page shows")
    for name in ("worst", "drawn", "seed"):
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"overrides {name} of the config")
    return parser


if __name__ == "__main__":
    with told(1, "the output"):
        raise SystemExit(main())
