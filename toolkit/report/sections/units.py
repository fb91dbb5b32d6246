"""Codebooks and the quality of their units."""

from __future__ import annotations

from ..render import plots
from ..section import Block, Cell, Picture, Pictures, Section, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..sources.units import Codebook, Quality
from ..value import ABSENT
from .systems import count


def units(run: Run) -> Section | None:
    """The table of the units, and pictures."""
    if not run.codebooks and not run.qualities:
        return None
    blocks: list[Block] = [unit_table(run)]
    drawn = pictures(run)
    return Section("units", "Units", [*blocks, Pictures(drawn)] if drawn else blocks)


def unit_table(run: Run) -> Table:
    """the table: a row per codebook, with the quality of its units where it was measured."""
    codebooks = {codebook.tag: codebook for codebook in run.codebooks}
    rows: list[list[Cell]] = []
    for tag in dict.fromkeys([*codebooks, *(quality.tag for quality in run.qualities)]):
        of_tag: list[Quality | None] = [quality for quality in run.qualities if quality.tag == tag]
        for quality in of_tag or [None]:
            title = f"{tag}, {quality.set}" if quality and len(of_tag) > 1 else tag
            rows.append([title, *_unit_cells(quality, codebooks.get(tag))])
    shares = ["PNMI", "Phone purity", "Cluster purity"]
    titles = ["K", "PCA", "Frame rate Hz", *shares, "Entropy bits", "Clusters used", "Run length ms", "Inertia"]
    if any(quality.nmi is not None for quality in run.qualities):
        titles += ["Seeds NMI", "Seeds adj. Rand"]
    else:
        rows = [row[:-2] for row in rows]
    return Table(
        title="Units",
        columns=[Heading("Iteration", "left"), Heading("Source", "left"), *map(Heading, titles)],
        rows=rows or [[ABSENT, None, *[None] * len(titles)]],
        notes=_unit_notes(run),
        mark="this run",
    )


def _unit_cells(quality: Quality | None, codebook: Codebook | None) -> list[Cell]:
    of = quality or codebook
    rate = _rate(quality, codebook)
    pca = None if codebook is None or codebook.pca is None else f"{codebook.pca}" if codebook.pca else "none"
    known: list[Cell] = [*([of.source, str(of.k)] if of else [None, None]), pca]
    known.append(_number(rate))
    inertia = None if codebook is None or codebook.inertia is None else f"{codebook.inertia:,.1f}"
    if quality is None:
        return [*known, *[None] * 6, inertia, None, None]
    shares = _shares(quality.pnmi, quality.phone_purity, quality.cluster_purity)
    seeds = _shares(quality.nmi, quality.adjusted_rand)
    length = run_length_ms(quality, codebook)
    figures = [f"{quality.entropy_bits:.2f}", f"{quality.clusters_used} / {quality.k}"]
    return [*known, *shares, *figures, None if length is None else f"{length:.1f}", inertia, *seeds]


def _shares(*values: float | None) -> list[Cell]:
    return [None if value is None else f"{value:.3f}" for value in values]


def _rate(quality: Quality | None, codebook: Codebook | None) -> float | None:
    """Frames per second: of the units, else of the codebook that made them."""
    return next((of.rate for of in (quality, codebook) if of and of.rate), None)


def run_length_ms(quality: Quality, codebook: Codebook | None) -> float | None:
    """Mean time that one unit lasts: as measured, else the frames by their rate; None where that is not known."""
    if quality.run_length_ms is not None:
        return quality.run_length_ms
    rate = _rate(quality, codebook)
    return None if rate is None else 1000 * quality.run_length_mean / rate


def _unit_notes(run: Run) -> list[str]:
    counts = sorted({quality.k for quality in run.qualities})
    codebooks = {codebook.tag: codebook for codebook in run.codebooks}
    rates = sorted({rate for q in run.qualities if (rate := _rate(q, codebooks.get(q.tag)))})
    notes = ["Compare PNMI and phone purity at equal K and frame rate only: they grow with K for free."]
    if len(counts) > 1:
        notes[0] += f" K differs here ({', '.join(map(str, counts))})."
    if len(rates) > 1:
        notes[0] += f" The frame rate differs here ({', '.join(f'{rate:g}' for rate in rates)} Hz)."
    if run.qualities:
        notes.append(f"Measured on {'; '.join(map(_heard, run.qualities))}. Inertia per frame of the sample.")
    if any(quality.nmi is not None for quality in run.qualities):
        notes.append(
            "Seeds: agreement on the same frames with the units of a second codebook, learnt from the same sample with "
            "another seed; 1 where both are equal. NMI grows with K for free, the adjusted Rand index is 0 for chance."
        )
    if any(codebook.pca is not None for codebook in run.codebooks):
        notes.append("PCA: dimensions that it left of the features before k-means.")
    teachers = [f"{c.source}, {count(c.parameters)}" for c in run.codebooks if c.parameters]
    if teachers:
        notes.append(f"Parameters of the networks under the units: {'; '.join(dict.fromkeys(teachers))}.")
    return [*notes, *_unit_gaps(run)]


def _heard(quality: Quality) -> str:
    phones = quality.frames_with_phone
    with_phone = f", {phones:,} of them with a phone" if phones is not None and quality.pnmi is not None else ""
    return f"{quality.set} for {quality.tag} ({quality.frames:,} frames{with_phone})"


def _unit_gaps(run: Run) -> list[str]:
    """A sentence for everything that is absent from the table."""
    notes = []
    codebooks = {codebook.tag: codebook for codebook in run.codebooks}
    untimed = [q.tag for q in run.qualities if run_length_ms(q, codebooks.get(q.tag)) is None]
    if untimed:
        notes.append(f"{ABSENT}: the frame rate of {', '.join(untimed)} is not known, so its run length in ms is not.")
    notes += [f"Of the phones of {q.set} under {q.tag}: {doubt}." for q in run.qualities for doubt in q.doubts]
    silent = [q.tag for q in run.qualities if q.pnmi is None]
    if silent:
        notes.append(
            f"{ABSENT}: {', '.join(silent)} has no PNMI and no purity: the set has no phones.ctm to hold units against."
        )
    alone = [q.tag for q in run.qualities if q.nmi is None]
    if alone and len(alone) < len(run.qualities):
        notes.append(f"{ABSENT}: {', '.join(alone)} has no units of another seed.")
    unmeasured = sorted({c.tag for c in run.codebooks} - {q.tag for q in run.qualities})
    if unmeasured:
        notes.append(f"{ABSENT}: the units of {', '.join(unmeasured)} have no quality.json: run units.quality.")
    without = sorted({q.tag for q in run.qualities} - {c.tag for c in run.codebooks})
    if without:
        notes.append(
            f"{ABSENT}: the codebook of {', '.join(without)} is not among the inputs, so its inertia is not known."
        )
    unsaid = [c.tag for c in run.codebooks if c.pca is None]
    if unsaid:
        notes.append(f"{ABSENT} under PCA: the codebook of {', '.join(unsaid)} does not say.")
    if not run.codebooks and not run.qualities:
        notes.append(f"{ABSENT}: neither a codebook nor unit quality is among the inputs.")
    return notes


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def pictures(run: Run) -> list[Picture]:
    """The measures of all units, and how often each unit of a codebook occurs."""
    measures = {"PNMI": "pnmi", "phone purity": "phone_purity", "cluster purity": "cluster_purity"}
    rows = []
    for q in run.qualities:
        values = {name: value for name, key in measures.items() if (value := getattr(q, key)) is not None}
        if values:
            rows.append((f"{q.tag}, K {q.k}", values))
    made = (
        [Picture("Units against phones", plots.quality_plot("quality", rows), "compare at equal K and frame rate only")]
        if rows
        else []
    )
    for i, q in enumerate(run.qualities):
        under = f"dashed: all {q.k} units alike; {q.clusters_used} used"
        made.append(
            Picture(f"{q.tag}: how often each unit occurs", plots.histogram_plot(f"histogram{i}", q.histogram), under)
        )
    return made
