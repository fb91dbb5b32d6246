"""Systems on test sets, held against a reference system (the teacher of a distillation): systems.json.

Inputs: data directories (references, utt2spk, utt2lang) and folders of hypotheses, exp/eval/<system>/<set>, in any
order. Rates are micro (over the utterances) and macro (the unweighted mean over sets, the paper's headline), under each
profile, with bootstrap intervals over speakers where a set has enough of them, else over utterances. Differences to
the reference system are tested in pairs (bootstrap and MAPSSWE, Holm's correction over the sets), as are those of the
config's `pairs`. What agreement and gap mean stands in score.system_figures. Where the hypotheses lie they stay.

systems.json, rates in percent:
    profiles, reference, floors: {system: the undistilled one that it is held against}, aside, replicates, confidence,
        seed, category_profile, category_names, rules (of the categories)
    sets: [{set, utterances, speakers, dialects: {name: utterances}, blocks (what the bootstrap draws)}]
    systems: [{system, model, model_hash, parameters, sets, settings: {set: hash}, random_weights (only where the
        header says so)}], in the order of reading
    lines: [{system, set, dialect, measure, scores: {profile: {percent, low, high, ...}}, utterances}], as in wer.json:
        sets, dialects of them, `all sets` (micro) and `macro over sets`, where a system has all sets
    agreement: [{system, set, scores: {profile: {percent, low, high}}}]
    pairs: [{system, other, set, profile, wer: {A: system, B: other}, bootstrap: {percent, low, high, p, p_holm},
        mapsswe: {segments, z, p, p_holm, ...}, better}]: the difference is system − other
    gaps: [{system, set, profile, percent, low, high, why}]
    categories: [{system, set, micro, labels, macro_percent, repeating, empty, cut_off, utterances}]: counts
    examples: [{set, id, dialect, reference, hypotheses: {system: text}}]
    findings: [{system, set, what, count, examples}]
    lacking: [[system, set]]
cost.json, which no result depends on: [{system, set, rtf, audio_seconds, decode_seconds, peak_memory_mb, device,
threads}]. inspect/<system>/<set>/ has the pages of score.inspect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..core.config import to_dict
from ..core.files import write_json
from ..core.record import Ledger
from ..core.seed import seed_of
from ..core.step import Step, main
from ..text.normalise import Profile, Remembering, profile
from .bootstrap import CONFIDENCE, REPLICATES
from .categories import CATEGORIES
from .config import SystemsConfig
from .inspect import known_file, write
from .scoreboard import Line
from .system_figures import agreement, categories, comparisons, error_rates, gaps, inspected
from .system_inputs import Heard, Trial, read_trial
from .system_names import checked_names, contests, floors, known

SYSTEMS, COST, PAGES = "systems.json", "cost.json", "inspect"


def scores(trial: Trial, config: SystemsConfig) -> dict[str, Any]:
    """All that systems.json says. Raises UserError if the config names an unknown system."""
    profiles = [Remembering(profile(name)) for name in dict.fromkeys(config.profiles)]
    tree = _header(trial, config, profiles)
    for system in trial.heard:
        lines, board = error_rates(trial, system, profiles, config.seed)
        tree["lines"] += [{"system": system, **line.to_dict()} for line in lines]
        tree["findings"] += [
            {"system": system, "set": name, "what": finding, "count": f.count, "examples": f.examples}
            for name, of_set in board.findings.items()
            for finding, f in of_set.items()
        ]
        if system != config.reference:
            alike = agreement(trial, system, config.reference, profiles, config.seed)
            tree["agreement"] += [_agreement(system, line) for line in alike]
    for one, against in _contests(trial, config):
        made = [c for p in profiles for c in comparisons(trial, one, against, p, config.seed)]
        tree["pairs"] += [{"system": one, "other": against, **c.to_dict()} for c in made]
    for system, floor in tree["floors"].items():
        shares = [g for p in profiles for g in gaps(trial, system, floor, config.reference, p, config.seed)]
        tree["gaps"] += [share.to_dict() for share in shares]
    return tree


def _header(trial: Trial, config: SystemsConfig, profiles: Sequence[Profile]) -> dict[str, Any]:
    known(config.reference, trial.heard, "reference")
    about: dict[str, Any] = {"confidence": round(CONFIDENCE), "replicates": REPLICATES, "seed": config.seed}
    about |= {
        "reference": config.reference,
        "floors": _floors(trial, config),
        "aside": checked_names(config.aside, trial.heard, "aside"),
    }
    about |= {"profiles": [p.id for p in profiles]}
    about |= {"category_profile": profile(config.category_profile).id, "rules": to_dict(config.rules)}
    about["category_names"] = list(CATEGORIES)
    lists: dict[str, Any] = {name: [] for name in ("lines", "agreement", "pairs", "gaps", "findings", "categories")}
    return {
        **about,
        **lists,
        "sets": [_set(trial, name) for name in trial.sets],
        "systems": [_system(system, list(of_set.values())) for system, of_set in trial.heard.items()],
        "lacking": trial.lacking,
        "examples": list(_examples(trial, config)),
    }


def _set(trial: Trial, name: str) -> dict[str, Any]:
    s = trial.sets[name]
    ids = next(pair.ids for (_, of), pair in trial.pairs.items() if of == name)
    of_dialect = [s.dialects.get(id, "unknown") for id in ids] if s.dialects else []
    dialects = {dialect: of_dialect.count(dialect) for dialect in sorted(set(of_dialect))}
    speakers = len({s.speakers.get(id) for id in ids}) if s.speakers else None
    return {"set": name, "utterances": len(ids), "blocks": s.blocks, "dialects": dialects, "speakers": speakers}


def _system(system: str, heard: Sequence[Heard]) -> dict[str, Any]:
    about = {name: heard[0].header[name] for name in ("model", "model_hash", "parameters")}
    settings = {h.set: str(h.header.get("settings_hash", "")) for h in heard}
    random = {"random_weights": True} if any(h.header.get("random_weights") is True for h in heard) else {}
    return {"system": system, **about, "sets": [h.set for h in heard], "settings": settings, **random}


def _agreement(system: str, line: Line) -> dict[str, Any]:
    """A line of word error rates against the reference system, turned round."""
    turned = {}
    for s in line.scores:
        rate = s.to_dict()
        ends = {"percent": "percent", "low": "high", "high": "low"}
        turned[s.profile] = {end: None if rate[of] is None else 100 - rate[of] for end, of in ends.items()}
        turned[s.profile] |= {"agreeing": True} if rate.get("agreeing") else {}
    return {"system": system, "set": line.set, "scores": turned}


def _contests(trial: Trial, config: SystemsConfig) -> list[tuple[str, str]]:
    """(system, the one it is held against) of every paired test."""
    pairs = [(system, config.reference) for system in trial.heard]
    pairs += [*_floors(trial, config).items(), *contests(config.pairs, list(trial.heard))]
    return [(a, b) for a, b in dict.fromkeys(pairs) if a != b]


def _floors(trial: Trial, config: SystemsConfig) -> dict[str, str]:
    return floors(config.floor, list(trial.heard), (config.reference, *config.aside)) if config.floor else {}


def _examples(trial: Trial, config: SystemsConfig) -> Iterator[dict[str, Any]]:
    for name, s in trial.sets.items():
        pairs = {system: trial.pairs[system, name] for system in trial.heard if (system, name) in trial.pairs}
        first = next(iter(pairs.values()))
        drawn = sorted(range(len(first.ids)), key=lambda i: (seed_of(config.seed, "example", name, first.ids[i]), i))
        for i in sorted(drawn[: config.examples]):
            id, hypotheses = first.ids[i], {system: pair.hypotheses[i] for system, pair in pairs.items()}
            about = {"set": name, "id": id, "dialect": s.dialects.get(id, "")}
            yield {**about, "reference": first.references[0][i] or "", "hypotheses": hypotheses}


def costs(trial: Trial) -> list[dict[str, Any]]:
    """How long each system took for each set, where it says."""
    rows = []
    for system, of_set in trial.heard.items():
        for name, h in of_set.items():
            if h.speed is not None:
                audio, work = h.speed["audio_seconds"], h.speed["decode_seconds"]
                more = {key: h.speed.get(key) for key in ("peak_memory_mb", "device", "threads")}
                rtf = work / audio if audio else None
                row = {"system": system, "set": name, "rtf": rtf, "audio_seconds": audio, "decode_seconds": work}
                rows.append({**row, **more})
    return rows


def run(step: Step[SystemsConfig]) -> None:
    config = step.config
    missing_is_empty = config.missing == "empty"
    trial = read_trial(step.ins, config.min_speakers, missing_is_empty, config.order, step.ledger)
    tree, kind = scores(trial, config), profile(config.category_profile)
    for (system, name), pair in trial.pairs.items():
        looked_at = inspected(pair, trial.sets[name], kind, config.rules)
        counts = categories(looked_at, pair, kind, config.rules)
        cut_off = trial.heard[system][name].cut_off
        tree["categories"].append({"system": system, "set": name, "cut_off": cut_off, **counts})
        files = {"reference": pair.paths[0], "hypothesis": pair.paths[-1]}
        about = {"profile": kind.id, "inputs": {role: known_file(path) for role, path in files.items()}}
        write(step.out / PAGES / system / name, looked_at, config.pages(), about, Ledger(step.name))
    write_json(step.out / SYSTEMS, tree)
    write_json(step.out / COST, costs(trial))
    step.counts.update(systems=len(trial.heard), sets=len(trial.sets))
    step.counts.update(utterances=sum(s["utterances"] for s in tree["sets"]))


if __name__ == "__main__":
    main(run)
