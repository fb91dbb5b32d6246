"""Systems on test sets, compared with a reference system (the teacher of a distillation): systems.json.

Inputs: data directories (references, utt2spk, utt2lang) and folders of hypotheses, exp/eval/<system>/<set>, in any
order. Rates are micro (over the utterances) and macro (the unweighted mean over sets, the paper's headline), under each
profile, with bootstrap intervals over speakers where a set has enough of them, else over utterances. Differences to
the reference system are tested in pairs (bootstrap and MAPSSWE, Holm's correction over the sets), as are those of the
config's `pairs`. Agreement and gap: score.system_figures. The hypotheses stay where they are.

Outputs: `systems.json` and `cost.json` (core.systems_results; no result depends on the latter); for each system and set
the items of its result, `<system>/<set>.items.tsv`, under the last profile, and the pages of score.inspect,
`inspect/<system>/<set>/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from ..core.config import to_dict
from ..core.errors import UserError
from ..core.files import write_json
from ..core.record import Ledger
from ..core.results import ITEMS, Cost, Pair, System, TaskResult
from ..core.schema import dump, load
from ..core.seed import seed_of
from ..core.step import Step, main
from ..core.systems_results import (
    COSTS,
    GAP_CLOSED,
    SYSTEMS,
    EditCounts,
    Example,
    Lacking,
    Recogniser,
    SetFinding,
    SystemCost,
    SystemsResult,
    TestSet,
    Unmeasured,
)
from ..text.normalise import Profile, Remembering, profile
from .bootstrap import CONFIDENCE, REPLICATES
from .categories import CATEGORIES
from .config import SystemsConfig
from .hypotheses import SPEED
from .inspect import known_file, write
from .items import Items, write_items
from .system_figures import agreement, categories, comparisons, error_rates, gaps, inspected
from .system_inputs import AGAIN, Trial, read_trial
from .system_names import checked_names, contests, floors, known
from .system_tasks import edit_counts, figures_by_task, items_of, pair_of, results, tests

PAGES = "inspect"
Scored = Mapping[tuple[str, str], Items]  # (system, set) -> what its result was counted over


@dataclass(frozen=True)
class Measured:
    """What was measured of one system."""

    results: list[TaskResult]
    counts: list[EditCounts]
    findings: list[SetFinding]
    unmeasured: list[Unmeasured]


def all_items(trial: Trial, config: SystemsConfig) -> Scored:
    """The items of every system on every set, under the last profile."""
    decides = _profiles(config)[-1]
    return {(system, name): items_of(pair, trial.sets[name], decides) for (system, name), pair in trial.pairs.items()}


def _profiles(config: SystemsConfig) -> list[Profile]:
    return [Remembering(profile(name)) for name in dict.fromkeys(config.profiles)]


def scores(trial: Trial, config: SystemsConfig, items: Scored) -> SystemsResult:
    """All of systems.json but the categories. Raises UserError if the config names an unknown system."""
    known(config.reference, trial.heard, "reference")
    profiles, tasks, floor_of = _profiles(config), tests(trial), _floors(trial, config)
    aside = checked_names(config.aside, trial.heard, "aside")
    digests = {name: of_set.digest for (_, name), of_set in items.items()}
    measured = [_measured(trial, system, profiles, tasks, digests, config) for system in trial.heard]
    return SystemsResult(
        reference=config.reference,
        floors=floor_of,
        aside=tuple(aside),
        profiles=tuple(p.id for p in profiles),
        replicates=REPLICATES,
        confidence=CONFIDENCE,
        seed=config.seed,
        category_profile=profile(config.category_profile).id,
        category_names=tuple(CATEGORIES),
        rules=to_dict(config.rules),
        systems=tuple(_system(trial, system) for system in trial.heard),
        recognisers=tuple(_recogniser(trial, system) for system in trial.heard),
        tests=tuple(tasks),
        results=tuple(chain.from_iterable(m.results for m in measured)),
        counts=tuple(chain.from_iterable(m.counts for m in measured)),
        pairs=tuple(_pairs(trial, config, profiles)),
        unmeasured=tuple(chain.from_iterable(m.unmeasured for m in measured)),
        categories=(),
        examples=tuple(_examples(trial, config)),
        findings=tuple(chain.from_iterable(m.findings for m in measured)),
        lacking=tuple(Lacking(system, name) for system, name in trial.lacking),
    )


def _measured(
    trial: Trial,
    system: str,
    profiles: Sequence[Profile],
    tasks: Sequence[TestSet],
    digests: Mapping[str, str],
    config: SystemsConfig,
) -> Measured:
    """Rates, agreement and gaps of a system. `digests`: of the references of each set."""
    reference, floor = config.reference, _floors(trial, config).get(system)
    lines, board = error_rates(trial, system, profiles, config.seed)
    alike = [] if system == reference else agreement(trial, system, reference, profiles, config.seed)
    shares = [g for p in profiles for g in gaps(trial, system, floor, reference, p, config.seed)] if floor else []
    figures = figures_by_task(lines, alike, shares, tasks, profiles[-1].id)
    return Measured(
        list(results(system, tasks, figures, digests)),
        list(edit_counts(system, lines)),
        [
            SetFinding(system, name, finding, f.count, tuple(f.examples))
            for name, of_set in board.findings.items()
            for finding, f in of_set.items()
        ],
        [Unmeasured(system, g.task, GAP_CLOSED.name, g.profile, g.why) for g in shares if g.share is None],
    )


def _system(trial: Trial, system: str) -> System:
    headers = [h.header for h in trial.heard[system].values()]
    random = any(header.get("random_weights") is True for header in headers)
    about = {"model": headers[0]["model"], "parameters": headers[0]["parameters"]}
    return System(system, system, "random" if random else "trained", **about)


def _recogniser(trial: Trial, system: str) -> Recogniser:
    of_set = trial.heard[system]
    settings = {name: str(h.header.get("settings_hash", "")) for name, h in of_set.items()}
    return Recogniser(system, next(iter(of_set.values())).header["model_hash"], settings)


def _pairs(trial: Trial, config: SystemsConfig, profiles: Sequence[Profile]) -> Iterator[Pair]:
    """The paired tests: against the reference system, against the floor, and those of the config."""
    pairs = [(system, config.reference) for system in trial.heard]
    pairs += [*_floors(trial, config).items(), *contests(config.pairs, list(trial.heard))]
    for system, rival in dict.fromkeys(pairs):
        if system != rival:
            for p in profiles:
                for compared in comparisons(trial, system, rival, p, config.seed):
                    yield pair_of(system, rival, compared, trial.sets[compared.set].blocks)


def _floors(trial: Trial, config: SystemsConfig) -> dict[str, str]:
    return floors(config.floor, list(trial.heard), (config.reference, *config.aside)) if config.floor else {}


def _examples(trial: Trial, config: SystemsConfig) -> Iterator[Example]:
    for name, s in trial.sets.items():
        pairs = {system: trial.pairs[system, name] for system in trial.heard if (system, name) in trial.pairs}
        first = next(iter(pairs.values()))
        drawn = sorted(range(len(first.ids)), key=lambda i: (seed_of(config.seed, "example", name, first.ids[i]), i))
        for i in sorted(drawn[: config.examples]):
            id, hypotheses = first.ids[i], {system: pair.hypotheses[i] for system, pair in pairs.items()}
            yield Example(name, id, s.dialects.get(id, ""), first.references[0][i] or "", hypotheses)


def costs(trial: Trial) -> list[SystemCost]:
    """How long each system took for each set that it has a speed.json of. Raises UserError for a damaged one."""
    rows = []
    for system, of_set in trial.heard.items():
        for name, h in of_set.items():
            if h.speed is not None:
                path, audio, work = h.folder / SPEED, h.speed["audio_seconds"], h.speed["decode_seconds"]
                cost = {"rtf": work / audio if audio else None, "latency_ms": None, "seconds_of_audio": audio}
                cost |= {"peak_mb": h.speed.get("peak_memory_mb"), "threads": h.speed.get("threads")}
                cost["device"] = h.speed.get("device") or ""
                broken = partial(_damaged, path)
                rows.append(SystemCost(system, name, float(work), load(Cost, cost, broken)))
    return rows


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"a damaged file: {why}", str(path), AGAIN)


def run(step: Step[SystemsConfig]) -> None:
    config = step.config
    missing_is_empty = config.missing == "empty"
    trial = read_trial(step.ins, config.min_speakers, missing_is_empty, config.order, step.ledger)
    items, kind, counted = all_items(trial, config), profile(config.category_profile), []
    result = scores(trial, config, items)
    for (system, name), pair in trial.pairs.items():
        looked_at = inspected(pair, trial.sets[name], kind, config.rules)
        cut_off = trial.heard[system][name].cut_off
        counted.append(categories(system, looked_at, pair, kind, config.rules, cut_off))
        files = {"reference": pair.paths[0], "hypothesis": pair.paths[-1]}
        about = {"profile": kind.id, "inputs": {role: known_file(path) for role, path in files.items()}}
        write(step.out / PAGES / system / name, looked_at, config.pages(), about, Ledger(step.name))
        write_items(step.out / system / (name + ITEMS), items[system, name])
    write_json(step.out / SYSTEMS, dump(replace(result, categories=tuple(counted))))
    write_json(step.out / COSTS, dump(costs(trial)))
    step.counts.update(systems=len(trial.heard), sets=len(trial.sets))
    step.counts.update(utterances=sum(test.utterances for test in result.tests if test.kind == "set"))


if __name__ == "__main__":
    main(run)
