"""The tables of units, data, training, configuration and funnel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .funnel import Stage
from .model_table import count
from .probes import metric_name, task_name
from .results import SET_ORDER, Results
from .tables import ABSENT, THIS_RUN, Cell, Column, Table
from .units import Codebook, Quality, Targets

CHOICE = "_left_out_by_"  # in the names of counts of what a config field leaves out


def unit_table(results: Results) -> Table:
    """Table 2: a row per codebook, with the quality of its units where it was measured."""
    codebooks = {codebook.tag: codebook for codebook in results.codebooks}
    rows: list[list[Cell]] = []
    for tag in dict.fromkeys([*codebooks, *(quality.tag for quality in results.qualities)]):
        found: list[Quality | None] = [quality for quality in results.qualities if quality.tag == tag]
        for quality in found or [None]:
            title = f"{tag}, {quality.set}" if quality and len(found) > 1 else tag
            rows.append([title, *_unit_cells(quality, codebooks.get(tag))])
    shares = ["PNMI", "Phone purity", "Cluster purity"]
    titles = ["K", "PCA", "Frame rate Hz", *shares, "Entropy bits", "Clusters used", "Run length ms", "Inertia"]
    if any(quality.nmi is not None for quality in results.qualities):
        titles += ["Seeds NMI", "Seeds adj. Rand"]
    else:
        rows = [row[:-2] for row in rows]
    return Table(
        title="Table 2. Units",
        columns=[Column("Iteration", "left"), Column("Source", "left"), *map(Column, titles)],
        rows=rows or [[ABSENT, None, *[None] * len(titles)]],
        notes=_unit_notes(results),
        mark=THIS_RUN,
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


def _unit_notes(results: Results) -> list[str]:
    ks = sorted({quality.k for quality in results.qualities})
    codebooks = {codebook.tag: codebook for codebook in results.codebooks}
    rates = sorted({rate for q in results.qualities if (rate := _rate(q, codebooks.get(q.tag)))})
    notes = ["Compare PNMI and phone purity at equal K and frame rate only: they grow with K for free."]
    if len(ks) > 1:
        notes[0] += f" K differs here ({', '.join(map(str, ks))})."
    if len(rates) > 1:
        notes[0] += f" The frame rate differs here ({', '.join(f'{rate:g}' for rate in rates)} Hz)."
    if results.qualities:
        notes.append(f"Measured on {'; '.join(map(_heard, results.qualities))}. Inertia per frame of the sample.")
    if any(quality.nmi is not None for quality in results.qualities):
        notes.append(
            "Seeds: agreement on the same frames with the units of a second codebook, learnt from the same sample with "
            "another seed; 1 where both are equal. NMI grows with K for free, the adjusted Rand index is 0 for chance."
        )
    if any(codebook.pca is not None for codebook in results.codebooks):
        notes.append("PCA: dimensions that it left of the features before k-means.")
    teachers = [f"{c.source}, {count(c.parameters)}" for c in results.codebooks if c.parameters]
    if teachers:
        notes.append(f"Parameters of the networks under the units: {'; '.join(dict.fromkeys(teachers))}.")
    return [*notes, *_unit_gaps(results)]


def _heard(quality: Quality) -> str:
    phones = quality.frames_with_phone
    with_phone = f", {phones:,} of them with a phone" if phones is not None and quality.pnmi is not None else ""
    return f"{quality.set} for {quality.tag} ({quality.frames:,} frames{with_phone})"


def _unit_gaps(results: Results) -> list[str]:
    """A sentence for everything that is absent from Table 2."""
    notes = []
    codebooks = {codebook.tag: codebook for codebook in results.codebooks}
    untimed = [q.tag for q in results.qualities if run_length_ms(q, codebooks.get(q.tag)) is None]
    if untimed:
        notes.append(f"{ABSENT}: the frame rate of {', '.join(untimed)} is not known, so its run length in ms is not.")
    silent = [q.tag for q in results.qualities if q.pnmi is None]
    if silent:
        notes.append(
            f"{ABSENT}: {', '.join(silent)} has no PNMI and no purity: the set has no phones.ctm to hold units against."
        )
    alone = [q.tag for q in results.qualities if q.nmi is None]
    if alone and len(alone) < len(results.qualities):
        notes.append(f"{ABSENT}: {', '.join(alone)} has no units of another seed.")
    unmeasured = sorted({c.tag for c in results.codebooks} - {q.tag for q in results.qualities})
    if unmeasured:
        notes.append(f"{ABSENT}: the units of {', '.join(unmeasured)} have no quality.json: run units.quality.")
    without = sorted({q.tag for q in results.qualities} - {c.tag for c in results.codebooks})
    if without:
        notes.append(
            f"{ABSENT}: the codebook of {', '.join(without)} is not among the inputs, so its inertia is not known."
        )
    unsaid = [c.tag for c in results.codebooks if c.pca is None]
    if unsaid:
        notes.append(f"{ABSENT} under PCA: the codebook of {', '.join(unsaid)} does not say.")
    if not results.codebooks and not results.qualities:
        notes.append(f"{ABSENT}: neither a codebook nor unit quality is among the inputs.")
    return notes


def data_table(results: Results) -> Table:
    """Hours, utterances, speakers and languages of each set."""
    sets = results.sets
    rows: list[list[Cell]] = []
    for data in sets:
        languages = ", ".join(f"{name} {n:,}" for name, n in data.languages.items()) or None
        hours = None if data.hours is None else f"{data.hours:.2f}"
        speakers = None if data.speakers is None else f"{data.speakers:,}"
        rows.append([data.name, hours, f"{data.utterances:,}", speakers, languages])
    unmeasured = [data.name for data in sets if data.seconds is None]
    notes = [f"{ABSENT}: no utt2dur in {', '.join(unmeasured)}, so its hours are not known."] if unmeasured else []
    if not sets:
        notes.append(f"{ABSENT}: no data dir is among the inputs.")
    unspoken = [data.name for data in sets if data.speakers is None]
    if unspoken:
        notes.append(f"{ABSENT}: no utt2spk in {', '.join(unspoken)}, so its speakers are not known.")
    if sets and not all(data.languages for data in sets):
        notes.append(f"{ABSENT}: a set without utt2lang has no languages to count.")
    titles = [Column("Hours"), Column("Utterances"), Column("Speakers"), Column("Languages (utterances)", "left")]
    return Table("Data", [Column("Set", "left"), *titles], rows or [[ABSENT, *[None] * 4]], notes, THIS_RUN)


def training_table(results: Results) -> Table:
    """What was trained on which units, how large it is, and where its losses began and ended."""
    rows: list[list[Cell]] = []
    for training in results.trainings:
        shape = ", ".join(f"{name} {value}" for name, value in training.shape.items())
        values = [training.first("loss"), training.last("loss"), training.last("dev loss")]
        targets, row = results.targets(training), results.row(training.name)
        units = training_units(targets) if targets else None
        size = count(row.parameters) if row else None
        losses = [None if v is None else f"{v:.3f}" for v in values]
        rows.append([training.name, shape, size, units, f"{training.steps:,}", *losses])
    notes = [f"{ABSENT}: no trained network is among the inputs."] if not results.trainings else []
    if any(training.last("dev loss") is None for training in results.trainings):
        notes.append(f"{ABSENT}: a loss.tsv without dev losses has none to show.")
    if any(row[2] is None for row in rows):
        notes.append(f"{ABSENT} under Parameters: the probes count them, and this network was not probed.")
    if any(row[3] is None for row in rows):
        notes.append(f"{ABSENT} under Units: neither the labels of the network nor their codebook are to be found.")
    if len(rows) > 1:
        notes.append("Losses of different units are not on one scale.")
    skipped = [f"{t.name}: {t.gaps}" for t in results.trainings if t.gaps]
    if skipped:
        notes.append(f"Values of loss.tsv that are not finite: {', '.join(skipped)}.")
    words = [Column(title, "left") for title in ("Network", "Shape")]
    titles = [Column("Parameters"), Column("Units", "left"), *map(Column, ["Steps", "First loss", "Last loss"])]
    columns = [*words, *titles, Column("Last dev loss")]
    return Table("Training", columns, rows or [[ABSENT, *[None] * 7]], notes, THIS_RUN)


def training_units(targets: Targets) -> str:
    """`layer 3 of it2.L, PCA to 16`."""
    return f"{targets.layer}, PCA to {targets.pca}" if targets.pca else targets.source


def detail_table(results: Results) -> Table:
    """Every figure of every probe, those outside Table 1 too."""
    rows: list[list[Cell]] = []
    for row in results.rows:
        for task in row.tasks.values():
            tail = [f"{task.n:,} {task.unit_of_n}", task.drawn, _number(task.best_lr), _number(task.steps)]
            figures = {task.metric: task.estimate, **task.others}
            rows += [[row.title, task_name(task.task), metric_name(m), e, *tail] for m, e in figures.items()]
    words = [Column("Row", "left"), Column("Task", "left"), Column("Metric", "left")]
    titles = [Column("%"), Column("n"), Column("Blocks", "left"), Column("Learning rate"), Column("Steps")]
    notes = [] if rows else [f"{ABSENT}: no row of a probe folder is among the inputs."]
    if any(None in (task.best_lr, task.steps) for row in results.rows for task in row.tasks.values()):
        notes.append(f"{ABSENT}: a result file does not say its learning rate or its steps.")
    return Table("Every figure of the probes", [*words, *titles], rows or [[ABSENT, *[None] * 7]], notes, THIS_RUN)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def config_table(stages: Sequence[Stage]) -> Table:
    """The resolved config of every stage of the chain."""
    rows: list[list[Cell]] = []
    for stage in stages:
        settings = ", ".join(f"{name} {value}" for name, value in flat(stage.config))
        file = str(stage.config_file) if stage.config_file else None
        rows.append([stage.step, str(stage.folder), file, settings or None])
    titles = [Column(title, "left") for title in ("Step", "Output", "Config", "Settings")]
    notes = [] if rows else [f"{ABSENT}: no input has a record of its settings."]
    if any(None in row for row in rows):
        notes.append(f"{ABSENT}: the step was given no config file, or has no settings.")
    return Table("Configuration", titles, rows or [[ABSENT, None, None, None]], notes)


def flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """(dotted name, value) of every leaf, in order of name."""
    leaves: list[tuple[str, str]] = []
    for name, value in sorted(tree.items()):
        if isinstance(value, dict):
            leaves += flat(value, f"{prefix}{name}.")
        elif value not in (None, "", []):
            leaves.append((prefix + name, " ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return leaves


def funnel_table(stages: Sequence[Stage]) -> Table:
    """A row per stage and reason: what was dropped, why, how often, and what was kept."""
    rows: list[list[Cell]] = []
    for stage in stages:
        kept = kept_words(stage) or None
        name, folder = stage.step, str(stage.folder)
        chosen = left_out(stage)
        if not stage.reasons and not chosen:
            said = stage.gap or "nothing dropped"
            rows.append([name, folder, said, None if stage.gap else "0", kept])
        for i, (reason, n) in enumerate({**stage.reasons, **chosen}.items()):
            rows.append([name if i == 0 else "", folder if i == 0 else "", reason, f"{n:,}", kept if i == 0 else ""])
    notes = [f"{stage.folder}: {stage.gap}." for stage in stages if stage.gap]
    if any(not stage.counts for stage in stages):
        notes.append(f"{ABSENT} under Kept: the step wrote no counts.")
    total, by_choice = sum(s.dropped for s in stages), sum(sum(left_out(s).values()) for s in stages)
    if by_choice:
        notes.append(f"{by_choice:,} utterances are left out by choice, as the configs say: they are not listed.")
    notes.append(f"In all dropped: {_rows_and_utterances(stages)}." if total else "Nothing was dropped at any stage.")
    columns = [
        Column("Step", "left"),
        Column("Output", "left"),
        Column("Reason", "left"),
        Column("Dropped"),
        Column("Kept", "left"),
    ]
    return Table(
        "Funnel", columns, rows or [[ABSENT, None, "no input has a record or a dropped.tsv", None, None]], notes
    )


def _rows_and_utterances(stages: Sequence[Stage]) -> str:
    """`6 rows, 1 utterance`: a step that drops what another dropped too has a row of its own."""
    rows = sum(stage.dropped for stage in stages)
    utterances = len({id for stage in stages for id, *_ in stage.drops if " " not in id})  # else a pair of probe rows
    said = f"{rows:,} row{'s' * (rows != 1)}"
    if any(stage.dropped and not stage.drops for stage in stages):
        return f"{said}, not all of which say of which utterance"
    return f"{said}, {utterances:,} utterance{'s' * (utterances != 1)}"


def left_out(stage: Stage) -> dict[str, int]:
    """Utterances that the config of a step leaves out: `by choice (data.exclude): 550.1 h` -> how many."""
    begin, found = f"utterances{CHOICE}", {}
    for field, n in [(name.removeprefix(begin), n) for name, n in stage.counts.items() if name.startswith(begin)]:
        hours = stage.counts.get(f"hours{CHOICE}{field}")
        found[f"by choice (data.{field})" + ("" if hours is None else f": {hours:,.4g} h")] = int(n)
    return found


def kept_words(stage: Stage) -> str:
    """`utterances 610 (train 460, dev 60, test 90), frames 91,500`: counts of sets are grouped by what they count."""
    of_sets: dict[str, dict[str, float]] = {}
    for name, value in stage.counts.items():
        left, _, right = name.rpartition("_")
        if left in SET_ORDER:
            of_sets.setdefault(right, {})[left] = value
    words = []
    for what, values in of_sets.items():
        total = stage.counts.get(what)
        each = ", ".join(f"{name} {values[name]:,.6g}" for name in SET_ORDER if name in values)
        words.append(f"{what} {each}" if total is None else f"{what} {total:,.6g} ({each})")
    grouped = {f"{name}_{what}" for what, values in of_sets.items() for name in values} | set(of_sets)
    rest = {name: value for name, value in stage.counts.items() if name not in grouped and CHOICE not in name}
    return "; ".join([*words, *(f"{name.replace('_', ' ')} {value:,.6g}" for name, value in rest.items())])


def share_dropped(stage: Stage) -> float | None:
    """Percent of utterances that a stage dropped, where its counts say how many it kept."""
    of_sets = [value for name, value in stage.counts.items() if name.endswith("_utterances")]
    kept = stage.counts.get("utterances", sum(of_sets))
    return 100 * stage.dropped / (kept + stage.dropped) if kept and stage.dropped else None
