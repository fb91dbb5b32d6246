"""Which pseudo-labels to learn from: measure each of them once, and keep those that the criteria of `keep` ask for.

    python3 -m toolkit.pseudo.select --config select.yaml --in data/train dump/labels/train --out dump/select

Inputs, told apart by what is in them: data directories (references in `text`, dialects in `utt2lang`, both optional),
folders of pseudo.transcribe of the model that labels (as many as there are sets), and, if wanted, those of a second
model, the proxy, whose agreement with the first is one more score. Ids tie them. Single utterances are judged, before
anything is packed; nothing is decoded again, and no audio is opened.

What is left:
  scores.tsv      a line per utterance with a label, sorted by id; its first line names the columns: id, set, dialect,
                  label (ok, empty, cut off), reference (yes, empty, no), then every score of pseudo.measures.SCORES by
                  name, empty if it is not known.
  kept/NAME.txt   ids that the selection NAME keeps, a line each, sorted.
  survival.tsv    the rows of `survival` below, a column for each field, empty for null.
  survival.json   {
    "profile": id of the profile, "lambdas": [limits of the WER, %, rising],
    "labels": {"model", "model_hash", "parameters", "settings": {SET: settings_hash}}, "proxy": the same, or null,
    "counts": {"utterances": with a label, "hours", "empty", "cut_off", "referenced": with error rates,
               "empty_reference", "no_label", "not_in_data"},
    "survival": [{"group": all | corpus | dialect | duration, "value": the corpus (name of its data directory), the
                  dialect, or "A-B", seconds from A to below B, or "A-"; "lambda": limit, or null for none,
                  "utterances", "hours": left, "of", "of_hours": of how many (without a limit: of all with a label;
                  with one: of those with error rates), "percent": of utterances, or null,
                  "wer", "cer": of what is left, corpus level, %, or null,
                  "utterances_by_cer", "hours_by_cer": left where the limit is one of the CER instead}],
    "histograms": {SCORE: {"meaning", "worse": higher | lower | "", "edges": [n + 1], "counts": [n], "below", "above",
                  "unknown"}}, of labels that are neither empty nor cut off,
    "auc": [{"score", "lambda", "bad": labels with WER > lambda, "of": labels, "auc": 0 to 1 or null, "why": null's
                  reason}], above 0.5 where the worse end of the score finds bad labels,
    "selections": {NAME: {"criterion", "utterances", "hours", "wer", "cer": of what is kept, or null,
                  "dropped": {reason: utterances}}}
  }
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..core.files import atomic, write_json
from ..core.record import Ledger
from ..core.step import Step, main
from ..data.ids import fault
from ..text.normalise import Profile, profile
from .criteria import Criterion, Selection, parse, select
from .labelled import NO_LABEL, NOT_IN_DATA, SelectInputs, labelled, recognise
from .measures import CUT_OFF, EMPTY, EMPTY_REFERENCE, SCORES, Measures, measure
from .selections import KEPT
from .survival import COLUMNS, areas, corpus_rates, histograms, survival

LAMBDAS = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 120.0)
SCORES_FILE, SURVIVAL, SURVIVAL_TABLE = "scores.tsv", "survival.json", "survival.tsv"
LABEL, REFERENCES = ("ok", "empty", "cut off"), ("no", "empty", "yes")  # by Measures.fault and .reference


@dataclass(frozen=True)
class SelectConfig:
    """How pseudo-labels are measured, and which are kept."""

    profile: str = "sawt"
    """text normalisation of labels and references before their WER is computed; to-distill is the paper's; python3 -m
    toolkit.text.normalise --list shows all"""
    lambdas: tuple[float, ...] = LAMBDAS
    "WER limits in percent for the survival table, which shows how much speech each limit would keep; they drop nothing"
    duration_edges: tuple[float, ...] = (2.0, 5.0, 10.0, 20.0, 30.0)
    "durations in seconds that divide the utterances into bins of the survival table; they drop nothing"
    keep: dict[str, str] = field(default_factory=dict)
    """selections to write: name and criterion, e.g. `filtered: "wer <= 80"`, `confident: "confidence >= -0.6,
    repetition <= 2.4"`; a smaller WER limit keeps fewer labels; an empty criterion (`unfiltered: ""`) keeps every label
    that is neither empty nor cut off"""

    def __post_init__(self) -> None:
        for name, values in (("lambdas", self.lambdas), ("duration_edges", self.duration_edges)):
            if len(set(values)) != len(values) or min(values, default=0) < 0:
                raise ValueError(f"{name} must be 0 or more, each once, not {', '.join(f'{v:g}' for v in values)}")
        for name in self.keep:
            if odd := fault(name):
                raise ValueError(f"keep: {name[:80]!r} cannot name a file: it {odd}")
        try:
            profile(self.profile)
        except UserError as e:
            raise ValueError(f"profile: {e.what}: {e.remedy}") from None
        self.criteria()

    def criteria(self) -> dict[str, Criterion]:
        """Selection -> its criterion. Raises ValueError that names the wrong one."""
        criteria = {}
        for name, text in self.keep.items():
            try:
                criteria[name] = parse(text)
            except ValueError as e:
                raise ValueError(f"keep.{name}: {e}") from None
        return criteria


def run(step: Step[SelectConfig]) -> None:
    """Measure, select, write. Nothing is written where a selection keeps nothing: a mended config then just runs."""
    config, inputs = step.config, recognise(step.ins)
    chosen = profile(config.profile)
    measures = measure(labelled(inputs, step.ledger), chosen)
    selections = [select(measures, name, criterion) for name, criterion in config.criteria().items()]
    document = to_json(measures, config, inputs, selections, step.ledger)
    for selection in selections:
        if not selection.kept.any():
            raise nothing_kept(selection, measures, document["survival"])
    note(selections, measures, step.ledger)
    for selection in selections:
        _write_lines(step.out / KEPT / f"{selection.name}.txt", _of(measures.ids, selection.kept))
        step.counts[f"kept {selection.name}"] = int(selection.kept.sum())
    _write_lines(step.out / SCORES_FILE, score_lines(measures))
    _write_lines(step.out / SURVIVAL_TABLE, ("\t".join(row) for row in _table(document["survival"])))
    write_json(step.out / SURVIVAL, document)
    step.counts.update(utterances=len(measures), hours=document["counts"]["hours"])
    print("\n".join(shown(document, chosen)))


def to_json(
    measures: Measures, config: SelectConfig, inputs: SelectInputs, selections: Sequence[Selection], ledger: Ledger
) -> dict[str, Any]:
    """What survival.json holds."""
    reasons = Counter(reason for _, _, reason, _ in ledger.rows)
    return {
        "profile": measures.profile,
        "lambdas": sorted(config.lambdas),
        "labels": _model(inputs, inputs.labels),
        "proxy": _model(inputs, inputs.proxies) if inputs.proxies else None,
        "counts": {
            "utterances": len(measures),
            "hours": _hours(measures, np.ones(len(measures), bool)),
            "empty": int((measures.fault == EMPTY).sum()),
            "cut_off": int((measures.fault == CUT_OFF).sum()),
            "referenced": int(measures.referenced.sum()),
            "empty_reference": int((measures.reference == EMPTY_REFERENCE).sum()),
            "no_label": reasons[NO_LABEL],
            "not_in_data": reasons[NOT_IN_DATA],
        },
        "survival": survival(measures, config.lambdas, config.duration_edges),
        "histograms": histograms(measures),
        "auc": areas(measures, config.lambdas) if measures.referenced.any() else [],
        "selections": {s.name: _selected(measures, s) for s in selections},
    }


def _model(inputs: SelectInputs, folders: Sequence[Path]) -> dict[str, Any]:
    headers = [inputs.headers[folder] for folder in folders]
    return {
        "model": headers[0].model,
        "model_hash": headers[0].model_hash,
        "parameters": headers[0].parameters,
        "settings": {header.set: header.settings_hash for header in headers},
    }


def _selected(measures: Measures, selection: Selection) -> dict[str, Any]:
    kept = selection.kept
    return {
        "criterion": str(selection),
        "utterances": int(kept.sum()),
        "hours": _hours(measures, kept),
        **corpus_rates(measures.words.of(kept), measures.characters.of(kept)),
        "dropped": selection.dropped(),
    }


def _hours(measures: Measures, mask_N: np.ndarray) -> float:
    return round(float(measures.seconds[mask_N].sum()) / 3600, 6)


def note(selections: Iterable[Selection], measures: Measures, ledger: Ledger) -> None:
    """A row of the ledger for each label and each selection that drops it."""
    for selection in selections:
        reasons = ["", *(f"{selection.name}: {reason}" for reason in selection.reasons)]
        for i in np.flatnonzero(selection.code).tolist():
            ledger.drop(measures.ids[i], reasons[selection.code[i]])


def nothing_kept(selection: Selection, measures: Measures, rows: Sequence[Mapping[str, Any]]) -> UserError:
    """The error of a selection that keeps nothing: why, what each limit would leave, and how its scores are spread."""
    why = ", ".join(f"{reason} {n:,}" for reason, n in selection.dropped().items())
    lines = [f"the selection {selection.name} (`{selection}`) keeps none of {len(measures):,} labels: {why}"]
    left = [row for row in rows if row["group"] == "all" and row["lambda"] is not None]
    lines += [f"  wer <= {row['lambda']:g} leaves {row['utterances']:,} of {row['of']:,}" for row in left]
    for name in dict.fromkeys(comparison.score for comparison in selection.criterion):
        values = measures.columns[name][measures.whole & ~np.isnan(measures.columns[name])]
        if len(values):
            quantiles = ", ".join(f"{q:.4g}" for q in np.quantile(values, (0, 0.1, 0.5, 0.9, 1)))
            lines.append(f"  {name} of the labels: least, 10 %, median, 90 %, most: {quantiles}")
    remedy = "loosen the criterion" if selection.criterion else "transcribe with a model that knows this speech"
    if not left:
        remedy += "; there are no references, so only scores without one can tell labels apart"
    return UserError("\n".join(lines), f"keep.{selection.name}", f"{remedy}; the labels are kept, nothing is redone")


def score_lines(measures: Measures) -> Iterator[str]:
    """Lines of scores.tsv."""
    yield "\t".join(("id", "set", "dialect", "label", "reference", *SCORES))
    labels = [LABEL[kind] for kind in measures.fault.tolist()]
    references = [REFERENCES[kind] for kind in measures.reference.tolist()]
    columns = [["" if v != v else f"{v:.6g}" for v in measures.columns[name].tolist()] for name in SCORES]
    words = (measures.ids, measures.sets, measures.dialects, labels, references)
    yield from map("\t".join, zip(*words, *columns, strict=True))


def shown(document: Mapping[str, Any], chosen: Profile) -> list[str]:
    """What a user sees: what each limit leaves, and what was kept."""
    lines = [
        f"  WER <= {row['lambda']:g} ({chosen.id}): {row['utterances']:,} of {row['of']:,}, {row['hours']:.2f} h"
        for row in document["survival"]
        if row["group"] == "all" and row["lambda"] is not None
    ]
    for name, of in document["selections"].items():
        criterion = of["criterion"] or "every label"
        lines.append(f"  {name} ({criterion}): kept {of['utterances']:,}, {of['hours']:.2f} h")
    return lines


def _table(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[str]]:
    yield list(COLUMNS)
    for row in rows:
        values = (row[name] for name in COLUMNS)
        yield ["" if v is None else v if isinstance(v, str) else f"{v:.10g}" for v in values]


def _of(ids: Sequence[str], mask_N: np.ndarray) -> Iterator[str]:
    return (ids[i] for i in np.flatnonzero(mask_N).tolist())


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as f:
        f.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main(run)
