"""Draw a stated number of utterances, or of hours, from several corpora in a stated mix.

python3 -m toolkit.data.sample --config conf/sample.yaml --in FOLDER... --out data/train_100k
A FOLDER is a data directory, or holds several, of which those that match `sets` are taken. The output is one data
directory; its utt2corpus names the set of each utterance. Sets of one name get that of their folder in front:
A_train of A/data/train.

All utterances are put in one order, and a sample is its beginning: so a sample of 100,000 is part of one of 500,000
(with the same seed, sets and shares). Every set is ordered by a hash of seed and id; its k-th utterance (from 0) has
the place (k + 1/2) / share (the divisor method of Webster and Sainte-Laguë), so no set gets less when more are drawn.
When a set is used up, the others share the rest in their proportion. Utterances that are not drawn are counted, not
listed as dropped.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, takewhile
from pathlib import Path

from ..core.errors import UserError
from ..core.seed import seed_of
from ..core.step import Step, main
from .edit import combine, restrict
from .find import data_dirs, matching, read_from_here
from .folder_names import named_sets, set_names
from .kaldi import PHONES, SEGMENTS, WAV, DataDir, Utterance, copy_phones, write_data_dir
from .mix import filled
from .speakers import SpeakersConfig, told_apart
from .tables import CHANNELS

CORPUS = "utt2corpus"


@dataclass(frozen=True)
class SampleConfig(SpeakersConfig):
    """How much speech is drawn, and from which sets."""

    count: int = 0
    """number of utterances to draw; 0: no limit"""
    hours: float = 0.0
    """largest amount of audio to draw, hours; 0: no limit. If count and hours are both 0, all utterances are taken"""
    sets: tuple[str, ...] = ("*train*",)
    """sets to draw from in an input folder that holds several data directories: names or patterns"""
    shares: dict[str, float] = field(default_factory=dict)
    """relative share of the drawn utterances per set, e.g. `mgb2_train: 0.4`; only ratios count; name every set or
    none; none: in proportion to each set's utterances"""
    seed: int = 1
    """random seed that decides which utterances are drawn; with one seed a larger draw contains every smaller one"""
    shortest_seconds: float = 0.0
    """shorter utterances are dropped before the draw, seconds; larger drops more"""
    longest_seconds: float = 0.0
    """longer utterances are dropped before the draw, seconds; smaller drops more; 0: none (30 is a Whisper's window)"""

    def __post_init__(self) -> None:
        for name in ("count", "hours", "shortest_seconds", "longest_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0")
        if 0 < self.longest_seconds < self.shortest_seconds:
            raise ValueError("longest_seconds must not be below shortest_seconds")
        if bad := [name for name, share in self.shares.items() if share <= 0]:
            raise ValueError(f"shares.{bad[0]} must be positive; leave the set out of `sets` and --in instead")


def find_sets(folders: Sequence[Path], patterns: Sequence[str]) -> dict[str, Path]:
    """Name -> data directory: each folder that is one, else those in it that match. UserError for one named twice."""
    paths: list[Path] = []
    for folder in folders:
        here = {path.name: path for path in data_dirs(folder)}
        names = list(here) if folder in here.values() else matching(list(here), patterns, "sets")
        paths += [here[name] for name in names]
    return named_sets(paths)


def order(
    sets: Mapping[str, Sequence[Utterance]], shares: Mapping[str, float], seed: int
) -> list[tuple[str, Utterance]]:
    """(set, utterance) of all sets in the order in which they are drawn.

    Args:
        shares: set -> positive share; empty: in proportion to the numbers of utterances.
    """
    keyed: list[tuple[float, str, int, Utterance]] = []
    for name, utterances in sets.items():
        share = shares[name] if shares else float(len(utterances))
        shuffled = sorted(utterances, key=lambda u: (seed_of(seed, "sample", u.id), u.id))
        keyed += [((k + 0.5) / share, name, k, u) for k, u in enumerate(shuffled)]
    keyed.sort(key=lambda row: row[:3])
    return [(name, u) for _, name, _, u in keyed]


def draw(sets: Mapping[str, Sequence[Utterance]], config: SampleConfig) -> dict[str, list[Utterance]]:
    """Set -> drawn utterances, sorted by id; a larger draw contains every smaller one."""
    drawn = order(sets, config.shares, config.seed)
    if config.count:
        drawn = drawn[: config.count]
    if config.hours:
        sums = accumulate(u.seconds for _, u in drawn)
        drawn = drawn[: sum(1 for _ in takewhile(lambda seconds: seconds <= 3600 * config.hours, sums))]
    by_set: dict[str, list[Utterance]] = {name: [] for name in sets}
    for name, u in drawn:
        by_set[name].append(u)
    return {name: sorted(utterances, key=lambda u: u.id) for name, utterances in by_set.items()}


def run(step: Step[SampleConfig]) -> None:
    config = step.config
    step.input(0, "data directories, or folders of some")
    paths = find_sets(step.ins, config.sets)
    told = told_apart(
        step, [read_from_here(path) for path in [*paths.values(), *_beside(step, paths)]], config.speakers
    )
    read = dict(zip(paths, told, strict=False))
    if config.shares and set(config.shares) != set(read):
        odd = ", ".join(sorted(set(config.shares) ^ set(read)))
        raise UserError(f"shares and sets differ in {odd}", "shares", f"give a share to each of {', '.join(read)}")
    fit = {name: _fitting(step, data) for name, data in read.items()}
    drawn = draw(fit, config)
    parts = [_part(read[name], name, chosen) for name, chosen in drawn.items() if chosen]
    if not parts:
        raise UserError(
            "nothing is drawn", ", ".join(map(str, step.ins)), "ask for more, or loosen the limits of length"
        )
    tables, left = combine(filled(apart(parts)))
    print(*left, sep="\n", end="\n" if left else "")
    write_data_dir(step.out, tables)
    if any((part.path / PHONES).is_file() for part in parts):
        copy_phones([part.origin for part in parts], step.out, tables.get(SEGMENTS, tables[WAV]))
    _count(step, fit, drawn)


def _beside(step: Step[SampleConfig], paths: Mapping[str, Path]) -> list[Path]:
    """Sets of the inputs that are not drawn from: a speaker is told from those of another input's test set too."""
    if step.config.speakers != "apart":
        return []
    return [path for folder in step.ins for path in data_dirs(folder) if path not in paths.values()]


def _fitting(step: Step[SampleConfig], data: DataDir) -> list[Utterance]:
    """Utterances within the limits of length; a ledger row for the others."""
    config, kept = step.config, []
    for u in data.utterances:
        if u.seconds < config.shortest_seconds:
            step.ledger.drop(u.id, "too short", f"{u.seconds:.3f} s")
        elif config.longest_seconds and u.seconds > config.longest_seconds + 1e-6:
            step.ledger.drop(u.id, "too long", f"{u.seconds:.3f} s")
        else:
            kept.append(u)
    return kept


def apart(parts: Sequence[DataDir]) -> list[DataDir]:
    """The sets; a recording id that two sets use for different files, or channels, gets the set's name in front.

    MGB-2 and QASR both use the broadcaster's ids of programmes. Ids of utterances stay. Without `segments` a recording
    is an utterance and is not renamed.
    """
    files: dict[str, set[tuple[str, str]]] = {}
    for part in parts:
        for rec, source in part.tables[WAV].items():
            files.setdefault(rec, set()).add((source, part.tables.get(CHANNELS, {}).get(rec, "")))
    names = set_names([part.path for part in parts])
    twice = {rec for rec, sources in files.items() if len(sources) > 1}
    return [_renamed(part, twice & part.tables[WAV].keys(), name) for part, name in zip(parts, names, strict=True)]


def _renamed(part: DataDir, twice: Collection[str], name: str) -> DataDir:
    if SEGMENTS not in part.tables or not twice:
        return part
    new = {rec: f"{name}-{rec}" for rec in twice}
    tables = dict(part.tables)
    for table in tables.keys() & {WAV, "reco2dur", CHANNELS}:
        tables[table] = {new.get(rec, rec): value for rec, value in tables[table].items()}
    cuts = {id: cut.split(None, 1) for id, cut in tables[SEGMENTS].items()}
    tables[SEGMENTS] = {id: f"{new.get(rec, rec)} {times}" for id, (rec, times) in cuts.items()}
    return replace(part, tables=tables)


def _part(data: DataDir, name: str, chosen: Sequence[Utterance]) -> DataDir:
    """The drawn part of a set, with utt2dur, and with utt2corpus unless an earlier draw has written it.

    Every part gets lengths; else they would be lost for all, and a million headers would be read.
    """
    ids = [u.id for u in chosen]
    tables = restrict(data.tables, ids)
    tables.setdefault(CORPUS, dict.fromkeys(ids, name))
    tables["utt2dur"] = {u.id: f"{u.seconds:.4f}" for u in chosen}
    if SEGMENTS not in tables:  # recordings that are utterances may be joined with recordings that are cut
        tables["reco2dur"] = tables["utt2dur"]
    return replace(data, tables=tables, utterances=list(chosen))


def _count(
    step: Step[SampleConfig], fit: Mapping[str, Sequence[Utterance]], drawn: Mapping[str, Sequence[Utterance]]
) -> None:
    """Count and print what was drawn of each set; count what was not drawn."""
    total = _sums([u for chosen in drawn.values() for u in chosen])
    available = _sums([u for every in fit.values() for u in every])
    step.counts |= {"utterances": total[0], "hours": round(total[1], 4)}
    step.counts |= {
        "not_drawn_utterances": available[0] - total[0],
        "not_drawn_hours": round(available[1] - total[1], 4),
    }
    for name, chosen in drawn.items():
        (n, hours), (m, all_hours) = _sums(chosen), _sums(fit[name])
        step.counts |= {f"{name}_utterances": n, f"{name}_hours": round(hours, 4)}
        print(
            f"{name}: {n:,} of {m:,} utterances, {hours:.2f} of {all_hours:.2f} h ({100 * n / total[0]:.1f} % of all)"
        )
    print(f"{step.out}: {total[0]:,} utterances, {total[1]:.2f} h")
    if total[0] < step.config.count and not step.config.hours:
        print(f"WARNING: {step.config.count:,} were asked for, and no more are there")


def _sums(utterances: Sequence[Utterance]) -> tuple[int, float]:
    """(number of utterances, hours)."""
    return len(utterances), math.fsum(u.seconds for u in utterances) / 3600


if __name__ == "__main__":
    main(run)
