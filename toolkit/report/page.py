"""index.html: one self-contained page that asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from . import plots
from .content import Content
from .heat import confusion_heats, layer_heats
from .listen import players
from .model_table import count, task_columns
from .probes import Row
from .results import SET_ORDER, Results
from .run_tables import kept_words, share_dropped
from .tables import ABSENT, listed, to_html

HERE = Path(__file__).parent
DROPS_SHOWN = 200
"""dropped utterances listed per stage; the rest are counted"""


@dataclass(frozen=True)
class Card:
    """A figure at the head of the page."""

    label: str
    figure: str
    unit: str
    interval: str
    under: str


@dataclass(frozen=True)
class Picture:
    title: str
    svg: Markup
    under: str = ""


def page(content: Content) -> str:
    """HTML of the whole report. Every string of a result file is escaped; scripts other than ours are refused."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    heard, left_out = players(content.results.qualities)
    models = [row for row in content.results.rows if row.kind == "model"]
    others = [row for row in content.results.rows if row.kind != "model"]
    return environment.get_template("page.html.j2").render(
        content=content,
        cards=cards(content.results),
        intervals=_intervals(content.results),
        losses=_losses(content.results),
        unit_pictures=_unit_pictures(content.results),
        layers=layer_heats(content.results),
        confusions=sorted(confusion_heats(models), key=lambda heat: not heat.numbered),
        other_confusions=sorted(confusion_heats(others), key=lambda heat: not heat.numbered),
        players=heard,
        left_out=left_out,
        drops_shown=DROPS_SHOWN,
        kept=kept_words,
        share=share_dropped,
        table=to_html,
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=digest,
    )


def cards(results: Results) -> list[Card]:
    """The four figures a reader looks for first; what is absent is said to be."""
    model = results.models[-1] if results.models else None
    units = results.qualities[-1] if results.qualities else None
    sets = [data for data in results.sets if data.name in SET_ORDER] or results.sets  # others may be parts of these
    timed = [data for data in sets if data.hours is not None]
    steps = f", {results.trainings[-1].steps:,} steps" if results.trainings else ""
    size, network = ABSENT, "no model probed"
    if model:
        size, network = count(model.parameters) or ABSENT, f"{model.title}, {model.layers or ABSENT} layers{steps}"
    pnmi, source = ABSENT, "no phone times to measure it by" if units else "no unit quality among the inputs"
    if units and units.pnmi is not None:
        pnmi = f"{units.pnmi:.3f}"
        source = f"{units.source}, K = {units.k}; n {units.frames_with_phone or units.frames:,} frames"
    audio = f"{sum(data.hours or 0 for data in timed):.2f}" if timed else ABSENT
    heard = listed(data.name for data in timed) if timed else "no utt2dur among the inputs"
    return [
        _phone_card(results, model),
        Card("PNMI", pnmi, "", "", source),
        Card("Parameters", size, "", "", network),
        Card("Audio", audio, "h" if timed else "", "", heard),
    ]


def _phone_card(results: Results, model: Row | None) -> Card:
    phone = model.tasks.get("phone") if model else None
    if model is None or phone is None:
        return Card("Phone accuracy", ABSENT, "", "", "not measured")
    random = results.baseline("random", model)
    before = random.tasks.get("phone") if random else None
    under = f"random initialisation {before.estimate}" if before else "no random initialisation to compare"
    under = f"n {phone.n:,} {phone.unit_of_n}; {under}"
    return Card("Phone accuracy", phone.estimate.figure, "%", phone.estimate.interval, under)


def _intervals(results: Results) -> list[Picture]:
    pictures = []
    for i, column in enumerate(task_columns(results)):
        rows = [(row.title, e, row.kind == "model") for row in results.rows if (e := column.of(row))]
        if rows:
            tasks = [row.tasks[column.task] for row in results.rows if column.task in row.tasks]
            chances = {task.chance for task in tasks} - {None}
            chance = chances.pop() if len(chances) == 1 and not column.other else None
            under = f"n {listed(dict.fromkeys(f'{task.n:,} {task.unit_of_n}' for task in tasks))}"
            under += f"; dashed: chance, {chance:.1f} %" if chance is not None else ""
            better = "lower is better" if column.title.endswith("↓") else "higher is better"
            svg = plots.interval_plot(f"interval{i}", rows, chance, column.title[:-2])
            pictures.append(Picture(f"{column.title[:-2]}, {better}", svg, under))
    return pictures


def _losses(results: Results) -> list[Picture]:
    """The losses of each training, and its accuracies where loss.tsv has any; the training set's first."""
    pictures = []
    for i, training in enumerate(results.trainings):
        for word, wanted in (("loss", ("loss",)), ("accuracy", ("accuracy", "accuracy masked"))):
            names = [name for name in training.curves if name.removeprefix("dev ") in wanted]
            names.sort(key=lambda name: name.startswith("dev"))
            curves = [(n if n.startswith("dev") else f"train {n}", *training.curves[n]) for n in names]
            if curves:
                pictures.append(Picture(f"{training.name}: {word}", plots.loss_plot(f"{word}{i}", curves, word)))
    return pictures


def _unit_pictures(results: Results) -> list[Picture]:
    measures = {"PNMI": "pnmi", "phone purity": "phone_purity", "cluster purity": "cluster_purity"}
    rows = []
    for q in results.qualities:
        values = {name: value for name, key in measures.items() if (value := getattr(q, key)) is not None}
        if values:
            rows.append((f"{q.tag} ({q.source}, K {q.k})", values))
    pictures = (
        [Picture("Units against phones", plots.quality_plot("quality", rows), "compare at equal K and frame rate only")]
        if rows
        else []
    )
    for i, q in enumerate(results.qualities):
        under = f"dashed: all {q.k} units alike; {q.clusters_used} used"
        pictures.append(
            Picture(f"{q.tag}: how often each unit occurs", plots.histogram_plot(f"histogram{i}", q.histogram), under)
        )
    return pictures
