"""index.html of a distillation: one self-contained page that asks nothing of the network."""

from __future__ import annotations

from . import whisper_pictures as pictures
from .model_table import count
from .page import Card, rendered
from .tables import ABSENT, Estimate
from .whisper_content import Content
from .whisper_results import Distillation
from .whisper_systems import Scores, System
from .whisper_tables import cut

LONGEST = 600  # letters of a text that the page shows
OPEN = 4  # tables of systems that stand open: the mean and three sets; the others are folded


def page(content: Content) -> str:
    """HTML of the whole report."""
    distillation = content.distillation
    scores, selection = distillation.scores, distillation.selection
    return rendered(
        "whisper.html.j2",
        styles=("page.css", "whisper.css"),
        content=content,
        cards=cards(distillation),
        rates=pictures.rates(scores) if scores else [],
        gaps=pictures.gaps(scores) if scores else [],
        survival=pictures.survival(selection) if selection else [],
        losses=pictures.losses(distillation),
        examples=examples(scores) if scores else [],
        open=OPEN,
    )


def cards(distillation: Distillation) -> list[Card]:
    """The figures a reader looks for first, on the first set: the best student, its gap, its size and speed."""
    scores = distillation.scores
    best = leading(distillation)
    if scores is None or best is None:
        return [Card("WER", ABSENT, "", "", "no system was scored")]
    test = scores.sets[0].name
    rate, reference = scores.rate(best.name, test), scores.rate(scores.reference, test)
    gap = scores.gaps.get((best.name, test, scores.profile))
    cost, rival = (scores.costs.get((name, test)) for name in (best.name, scores.reference))
    against = f"{scores.reference} {reference}" if reference else ""
    speed = f"{scores.reference} {rival.rtf:.3f}" if rival and rival.rtf is not None else "not measured"
    teacher = next((s for s in scores.systems if s.name == scores.reference), None)
    sizes = f"{scores.reference} {count(teacher.parameters)}" if teacher else ""
    return [
        _card(f"WER of {best.name} on {test}", rate, f"{scores.profile}; {against}"),
        _card(
            "Gap closed",
            gap.share if gap else None,
            _gap_words(scores, scores.floors.get(best.name, ""), gap.why if gap else ""),
        ),
        Card("Parameters", count(best.parameters) or ABSENT, "", "", sizes),
        Card("Real-time factor", f"{cost.rtf:.3f}" if cost and cost.rtf is not None else ABSENT, "", "", speed),
    ]


def leading(distillation: Distillation) -> System | None:
    """The student of the lowest WER on the first set: one that learnt true transcripts only where there is no other."""
    scores = distillation.scores
    if scores is None or not scores.sets:
        return None
    true = {pack.name for pack in distillation.packs if pack.labels == "truth"}
    taught = {t.training.name for t in distillation.trained if t.pack in true}
    distilled = [s for s in scores.students if s.name not in taught]
    for group in (distilled, scores.students, scores.systems):
        rated = {s.name: e.value for s in group if (e := scores.rate(s.name, scores.sets[0].name))}
        if rated:
            return min((s for s in group if s.name in rated), key=lambda s: rated[s.name])
    return None


def _card(label: str, estimate: Estimate | None, under: str) -> Card:
    if estimate is None:
        return Card(label, ABSENT, "", "", under)
    return Card(label, estimate.figure, "%", estimate.interval, under)


def _gap_words(scores: Scores, floor: str, why: str) -> str:
    return why or (f"0: {floor}; 100: {scores.reference}" if floor else "no undistilled student is named")


def examples(scores: Scores) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(utterance, where it is from, (who writes, text) of the reference and of each system)."""
    made = []
    for example in scores.examples:
        hypotheses = example.get("hypotheses")
        texts = hypotheses if isinstance(hypotheses, dict) else {}
        rows = [("reference", cut(example.get("reference"), LONGEST))]
        rows += [(s.name, cut(texts[s.name], LONGEST)) for s in scores.systems if s.name in texts]
        where = ", ".join(filter(None, (str(example.get("set", "")), str(example.get("dialect", "")))))
        made.append((str(example.get("id", "")), where, rows))
    return made
