"""How good units are: use of the codebook, run lengths, agreement between seeds; purity and PNMI against phones.

With p(y, z) the joint distribution of phone y and unit z over frames (HuBERT, arXiv 2106.07447):
  phone purity    sum_z max_y p(y, z): accuracy of a recogniser that maps each unit to its commonest phone;
  cluster purity  sum_y max_z p(y, z): the reverse, which falls as k grows;
  PNMI            I(y; z) / H(y): the share of the uncertainty about the phone that the unit takes away.
All rise or fall with k by themselves, so only units of equal k can be compared.

If units of the same frames from a codebook with another seed are given, the two are compared: they differ by chance
alone. With n frames, n_ij of them unit i of one and unit j of the other:
  NMI             2 I(i; j) / (H(i) + H(j)); rises with k for free, as PNMI does;
  adjusted Rand   the share of pairs of frames that both put together or both apart, so scaled that units drawn by
                  chance have 0 and equal ones 1 (Hubert and Arabie 1985).

A frame has the phone that covers its centre, t / rate + 12.5 ms. A pause counts as a phone wherever
phones.ctm names one (`sil`), so a set with much silence has better figures than one without; frames that no line
of phones.ctm covers do not count in the three measures against phones. Times that cannot be those of the utterances are
refused; what else speaks against them (data.phone_times, lag.py) is printed, and stands under `doubts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..core.files import read_json, write_json
from ..core.record import RECORD, holder
from ..core.seed import seed_of
from ..core.step import Step, main
from ..data.audio import AudioError, write_wav
from ..data.kaldi import PHONES, DataDir, Utterance
from ..data.labels import LabelHeader, Labels
from ..data.listen import decoded
from .inputs import recognise
from .lag import lag
from .phone_measures import entropy_bits, mutual_bits, phone_measures
from .phones import Span, phone_frames, phones_of

EXAMPLES = 4


@dataclass(frozen=True)
class QualityConfig:
    """Which examples the page of units shows."""

    seed: int = 0
    "random seed that decides which utterances are shown as examples; it changes no measured figure"


def joint_counts(units: Sequence[np.ndarray], phones: Sequence[Sequence[str]], k: int) -> tuple[np.ndarray, list[str]]:
    """Frames by phone and unit [Y, k], and the phones of its rows; frames with phone "" are left out."""
    names = sorted({p for row in phones for p in row} - {""})
    number = {p: i for i, p in enumerate(names)}
    counts = np.zeros((len(names), k), np.int64)
    for units_T, row in zip(units, phones, strict=True):
        y_T = np.array([number.get(p, -1) for p in row], np.int64)
        np.add.at(counts, (y_T[y_T >= 0], units_T[y_T >= 0]), 1)
    return counts, names


def agreement(units: Sequence[np.ndarray], others: Sequence[np.ndarray], k: int) -> dict[str, float]:
    """nmi and adjusted_rand of two labellings of the same frames into k units each; 1 if both have only one unit."""
    a_N, b_N = (np.concatenate([np.empty(0, np.int64), *of]).astype(np.int64) for of in (units, others))
    pairs = np.bincount(a_N * k + b_N, minlength=k * k).reshape(k, k)
    sides = entropy_bits(pairs.sum(1)) + entropy_bits(pairs.sum(0))
    together, a, b, every = (float((n * (n - 1.0)).sum()) for n in (pairs, pairs.sum(1), pairs.sum(0), pairs.sum()))
    expected, most = a * b / every if every else 0.0, (a + b) / 2
    return {
        "nmi": min(max(2 * mutual_bits(pairs) / sides, 0.0), 1.0) if sides else 1.0,
        "adjusted_rand": (together - expected) / (most - expected) if most != expected else 1.0,
    }


def run_length_mean(units: Sequence[np.ndarray]) -> float:
    """Mean number of frames in a row that have the same unit; a run ends with its utterance."""
    frames = sum(len(u) for u in units)
    runs = sum(1 + int((u[1:] != u[:-1]).sum()) for u in units if len(u))
    return frames / runs if runs else 0.0


def quality(
    labels: Labels, utterances: Sequence[Utterance], spans: Mapping[str, Sequence[Span]] | None
) -> dict[str, Any]:
    """The figures of quality.json for the labels of the given utterances.

    run_length_mean is in frames, run_length_ms in milliseconds, which compare across frame rates.

    Args:
        spans: utterance id -> phones over time; None if none are known.
    """
    units = [labels[u.id] for u in utterances]
    run_length = run_length_mean(units)
    histogram = sum((np.bincount(u, minlength=labels.k) for u in units), np.zeros(labels.k, np.int64))
    phones = [phone_frames(spans.get(u.id, []), len(labels[u.id]), labels.rate) for u in utterances] if spans else []
    counts, names = joint_counts(units, phones, labels.k) if phones else (np.zeros((0, labels.k), np.int64), [])
    return {
        "source": labels.layer,
        "codebook": labels.codebook,
        "rate": labels.rate,
        "k": labels.k,
        "utterances": len(units),
        "frames": int(histogram.sum()),
        "frames_with_phone": int(counts.sum()),
        "phones": len(names),
        "clusters_used": int((histogram > 0).sum()),
        "entropy_bits": entropy_bits(histogram),
        "run_length_mean": run_length,
        "run_length_ms": 1000 * run_length / labels.rate,
        "histogram": histogram.tolist(),
        **phone_measures(counts),
    }


def choose_examples(utterances: Sequence[Utterance], langs: Mapping[str, str], seed: int) -> list[Utterance]:
    """Up to four utterances, in turn from each language (utt2lang), within one in the order of their seeds."""
    ranked = sorted(utterances, key=lambda u: (seed_of(seed, "example", u.id), u.id))
    groups: dict[str, list[Utterance]] = {}
    for u in ranked:
        groups.setdefault(langs.get(u.id, ""), []).append(u)
    turns = [group[i : i + 1] for i in range(EXAMPLES) for _, group in sorted(groups.items())]
    return [u for turn in turns for u in turn][:EXAMPLES]


def write_examples(
    folder: Path,
    chosen: Sequence[Utterance],
    labels: Labels,
    tables: Mapping[str, Mapping[str, str]],
    spans: Mapping[str, Sequence[Span]] | None,
) -> None:
    """examples.json, and the recordings as 16-bit wav under examples/. Raises AudioError if one is missing."""
    rows = []
    for n, u in enumerate(chosen, 1):
        wav = f"examples/{n}.wav"
        write_wav(folder / wav, decoded(u))
        phones = [[s, round(e - s, 4), p] for s, e, p in spans.get(u.id, [])] if spans else None
        rows.append(
            {
                "id": u.id,
                "text": tables.get("text", {}).get(u.id, ""),
                "lang": tables.get("utt2lang", {}).get(u.id, ""),
                "wav": wav,
                "rate": labels.rate,
                "units": labels[u.id].tolist(),
                "phones": phones,
            }
        )
    write_json(folder / "examples.json", rows)


def run(step: Step[QualityConfig]) -> None:
    """Measure the labels of one set and choose examples from it."""
    inputs = recognise(step.ins, twins=True)
    if inputs.labels is None or len(inputs.data) != 1:
        remedy = "name both, and perhaps labels of the same audio by a codebook of another seed"
        raise UserError("one data directory and one folder of labels are needed", "--in", remedy)
    data, labels = DataDir.read(inputs.data[0]), Labels.open(inputs.labels)
    rows_N = labels.rows([u.id for u in data.utterances])
    labelled = [u for u, row in zip(data.utterances, rows_N.tolist(), strict=True) if row >= 0]
    if not labelled:
        labels.require([u.id for u in data.utterances])
    for u, row in zip(data.utterances, rows_N.tolist(), strict=True):
        if row < 0:
            step.ledger.drop(u.id, "no labels", f"see {inputs.labels}/dropped.tsv")
    labels.refuse_wrong_rate(rows_N[rows_N >= 0], np.array([u.seconds for u in labelled]))
    spans, doubts = phones_of(data) if (data.path / PHONES).is_file() else (None, [])
    figures = {"set": data.path.name, **quality(labels, labelled, spans), **_synthetic(data.path)}
    if doubts := _doubts(labels, labelled, spans, doubts):
        figures["doubts"] = doubts
        print(*(f"WARNING: {data.path / PHONES}: {doubt}" for doubt in doubts), sep="\n", flush=True)
    if inputs.twin:
        figures["agreement"] = _agreement(step, labels, Labels.open(inputs.twin), [u.id for u in labelled])
    write_examples(step.out, _readable(step, labelled, data), labels, data.tables, spans)
    write_json(step.out / "quality.json", figures)
    step.counts.update(utterances=len(labelled), frames=figures["frames"])


def _doubts(
    labels: Labels, utterances: Sequence[Utterance], spans: Mapping[str, Sequence[Span]] | None, doubts: list[str]
) -> list[str]:
    """What speaks against the phones, by their times and by the units."""
    against = lag({u.id: labels[u.id] for u in utterances}, spans, labels.rate, labels.k) if spans else None
    return [*doubts, *([str(against)] if against else [])]


def _kind(header: LabelHeader) -> str:
    """Properties that two labellings must share, so that they differ by the seed alone."""
    pca = f", PCA to {header.pca}" if header.pca else ""
    return f"{header.k} units at {header.rate:g} Hz of {header.layer} ({header.parameters:,} parameters){pca}"


def _agreement(step: Step[QualityConfig], labels: Labels, twin: Labels, ids: Sequence[str]) -> dict[str, Any]:
    """Agreement of the labels of `ids` with those of another codebook of the same features and size.

    An utterance that could be decoded for one of the two alone is left out. Raises UserError if they differ in more
    than the codebook, or have the same one, or the twin has no labels of any of `ids`.
    """
    ours, theirs = (_kind(of.header) for of in (labels, twin))
    if ours != theirs or labels.codebook == twin.codebook:
        remedy = "give --twin-seed another value than the seed of the config; the rest must be alike"
        difference = "the same codebook" if ours == theirs else f"{theirs} against {ours}"
        raise UserError(f"no agreement between seeds to measure: {difference}", str(twin.folder), remedy)
    both = [id for id, row in zip(ids, twin.rows(ids).tolist(), strict=True) if row >= 0]
    if not both:
        twin.require(ids)
    for id in sorted(set(ids) - set(both)):
        step.ledger.drop(id, "no labels of the twin", f"see {twin.folder}/dropped.tsv")
    return {"codebook": twin.codebook, **agreement([labels[i] for i in both], [twin[i] for i in both], labels.k)}


def _readable(step: Step[QualityConfig], utterances: Sequence[Utterance], data: DataDir) -> list[Utterance]:
    """Examples whose audio exists; audio removed after labelling does not change the figures."""
    left, langs = list(utterances), data.tables.get("utt2lang", {})
    while True:
        chosen = choose_examples(left, langs, step.config.seed)
        broken = {u.id: e for u in chosen if (e := _audio_error(u))}
        if not broken:
            return chosen
        for id, error in broken.items():
            step.ledger.drop(id, f"no example: {error.reason}", error.what)
        left = [u for u in left if u.id not in broken]


def _audio_error(utterance: Utterance) -> AudioError | None:
    try:
        decoded(utterance)
    except AudioError as e:
        return e
    return None


def _synthetic(data: Path) -> dict[str, bool]:
    """`synthetic`: True if the record of the data counts synthetic audio; {} without a record."""
    folder = holder(data.absolute())
    if folder is None:
        return {}
    counts = read_json(folder / RECORD).get("counts", {})
    return {"synthetic": any("synthetic" in name and value for name, value in counts.items())}


if __name__ == "__main__":
    main(run)
