"""index.html: one self-contained page that asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from . import pictures
from .compare import best_filter_bank
from .content import Content
from .heat import Heat, confusion_heats, layer_heats
from .listen import players
from .model_table import count, reference
from .probes import BASELINES, Row
from .results import SET_ORDER, Results
from .run_tables import kept_words, share_dropped
from .statement import NOTHING
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


def page(content: Content) -> str:
    """HTML of the whole report."""
    heard, left_out = players(content.results.qualities)
    shown = leading(content.results)
    others = {
        "the other models": [row for row in content.results.rows if row.kind == "model" and row is not shown],
        "the baselines": [row for row in content.results.rows if row.kind != "model"],
    }
    return rendered(
        "page.html.j2",
        content=content,
        cards=cards(content.results),
        intervals=pictures.intervals(content.results),
        losses=pictures.losses(content.results),
        unit_pictures=pictures.units(content.results),
        layer_pictures=[pictures.layers(i, probe) for i, probe in enumerate(content.results.layers)],
        ablation_pictures=[pictures.ablation(i, found) for i, (found, *_) in enumerate(content.ablations)],
        layers=layer_heats([row for row in content.results.rows if row.kind != "random"]),
        random_layers=layer_heats([row for row in content.results.rows if row.kind == "random"]),
        confusions=_by_size(confusion_heats([shown] if shown else [])),
        other_confusions={whose: _by_size(confusion_heats(rows)) for whose, rows in others.items()},
        players=heard,
        left_out=left_out,
    )


def rendered(template: str, styles: Sequence[str] = ("page.css",), **parts: Any) -> str:
    """HTML of a template over the frame. Every string of a result file is escaped; scripts but ours are refused."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template).render(
        **parts,
        nothing=NOTHING,
        drops_shown=DROPS_SHOWN,
        kept=kept_words,
        share=share_dropped,
        table=to_html,
        style=Markup("".join((HERE / name).read_text(encoding="utf-8") for name in styles)),
        script=Markup(script),
        script_hash=digest,
    )


def _by_size(heats: list[Heat]) -> list[Heat]:
    return sorted(heats, key=lambda heat: not heat.numbered)


def leading(results: Results) -> Row | None:
    """The model that the head of the page speaks of: the largest that was trained here, else the last."""
    largest = reference(results)
    return largest if largest in results.models else results.models[-1] if results.models else None


def cards(results: Results) -> list[Card]:
    """The four figures a reader looks for first; what is absent is said to be."""
    model = leading(results)
    units = results.qualities[-1] if results.qualities else None
    sets = [data for data in results.sets if data.name in SET_ORDER] or results.sets  # others may be parts of these
    timed = [data for data in sets if data.hours is not None]
    training = results.training(model) if model else None
    steps = f", {training.steps:,} steps" if training else ""
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
    random = results.twin(model)
    before = random.tasks.get("phone") if random else None
    under = f"random initialisation {before.estimate}" if before else "no random initialisation to compare"
    bank = best_filter_bank(results, "phone")
    under += f"; {BASELINES[bank.kind]} {bank.tasks['phone'].estimate}" if bank else "; no filter bank to compare"
    whose = f"{model.name}; " if len(results.models) > 1 else ""
    under = f"{whose}n {phone.n:,} {phone.unit_of_n}; {under}"
    return Card("Phone accuracy", phone.estimate.figure, "%", phone.estimate.interval, under)
