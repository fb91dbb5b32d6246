"""Features of a seeded, stratified sample of frames, as Kaldi ark/scp: the only input of k-means."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from pathlib import Path

import numpy as np

from ..core.device import device_of_shards
from ..core.errors import UserError
from ..core.files import write_json, write_text
from ..core.record import DROPPED, Ledger
from ..core.seed import seed_of
from ..core.shards import run_shards, split
from ..core.step import Step, main
from ..data.ark import write_features
from ..data.audio import SAMPLE_RATE
from ..data.judge import TOO_SHORT
from ..data.kaldi import Utterance
from ..data.listen import Listener, settle
from .config import SampleConfig, UnitsConfig
from .features import FeatureSource, features_of, open_source, preload
from .inputs import recognise

ABOUT, FRAMES = "features.json", "utt2num_frames"
FRAMES_PER_UTTERANCE = 50
# Half a second of MFCC, a second of a teacher's states. Fewer frames per utterance: more audio is read (and passed
# through the teacher) for the same sample. More: few utterances represent a stratum.


def quotas(
    utterances: Sequence[Utterance],
    strata: Mapping[str, str],
    frames_of: Callable[[int], int],
    config: SampleConfig,
    seed: int,
) -> dict[str, int]:
    """Utterance id -> number of frames to take; utterances without frames are left out.

    Decided from lengths alone, before any audio is read, in this order:
    - a share of the utterances, the same of each stratum, at least one while there are enough, in the order of seeds;
    - frames for each stratum: its share of all frames;
    - utterances of a stratum: as few as give these frames with at most FRAMES_PER_UTTERANCE each;
    - frames of an utterance: in proportion to its length.
    So only part of a large corpus is read.

    Args:
        strata: utterance id -> stratum.
        frames_of: samples at 16 kHz -> frames.
    """
    groups: dict[str, dict[str, int]] = {}
    for u in utterances:
        groups.setdefault(strata.get(u.id, ""), {})[u.id] = frames_of(round(u.seconds * SAMPLE_RATE))
    names = sorted(groups)
    wanted = math.ceil(round(len(utterances) * config.utterances, 6))
    taken = portion(wanted, {name: len(groups[name]) for name in names}, seed)
    for name in names:
        ranked = sorted(groups[name].items(), key=lambda item: (seed_of(seed, "utterance", item[0]), item[0]))
        groups[name] = dict(ranked[: taken[name]])
    available = [sum(groups[name].values()) for name in names]
    shares = (even if config.equal else apportion)(config.frames, available)
    quotas_by_id: dict[str, int] = {}
    for name, share in zip(names, shares, strict=True):
        chosen = dict(sorted(enough(groups[name], share).items()))
        parts = apportion(share, list(chosen.values()))
        quotas_by_id.update({id: quota for id, quota in zip(chosen, parts, strict=True) if quota})
    return quotas_by_id


def portion(wanted: int, sizes: Mapping[str, int], seed: int) -> dict[str, int]:
    """`wanted` utterances divided among strata of `sizes`: in proportion, at least one of each while there are enough.

    If `wanted` is below the number of strata (e.g. a speaker per recording), the seed draws the strata.
    """
    names = sorted(sizes, key=lambda name: (seed_of(seed, "stratum", name), name))
    if wanted < len(names):
        return {name: int(i < wanted) for i, name in enumerate(names)}
    more = apportion(wanted - len(names), [sizes[name] - 1 for name in names])
    return {name: 1 + n for name, n in zip(names, more, strict=True)}


def enough(lengths: Mapping[str, int], share: int) -> dict[str, int]:
    """The first utterances that give `share` frames with at most FRAMES_PER_UTTERANCE of each, or all.

    Args:
        lengths: utterance id -> its frames, in the order in which utterances are taken.
    """
    given = accumulate(min(n, FRAMES_PER_UTTERANCE) for n in lengths.values())
    needed = next((i for i, frames in enumerate(given, 1) if frames >= share), len(lengths))
    return dict(islice(lengths.items(), needed))


def apportion(total: int, available: Sequence[int]) -> list[int]:
    """`total` divided in proportion to `available`, by largest remainders; no part gets more than it has."""
    have = sum(available)
    if total >= have:
        return list(available)
    shares = [total * n // have for n in available]
    order = sorted(range(len(available)), key=lambda i: (-(total * available[i] % have), i))
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    return shares


def even(total: int, available: Sequence[int]) -> list[int]:
    """`total` divided evenly; no part gets more than it has, and the others share the rest."""
    shares, left = [0] * len(available), total
    order = sorted(range(len(available)), key=lambda i: (available[i], i))
    for rank, i in enumerate(order):
        shares[i] = min(available[i], left // (len(order) - rank))
        left -= shares[i]
    return shares


def chosen_frames(frames: int, quota: int, seed: int, id: str) -> np.ndarray:
    """Indices, ascending, of `quota` of `frames` frames (or all); depends only on seed and id."""
    if quota >= frames:
        return np.arange(frames)
    rng = np.random.default_rng(seed_of(seed, "frames", id))
    return np.sort(rng.choice(frames, quota, replace=False))


def write_shard(
    folder: Path,
    ark: Path,
    utterances: Sequence[Utterance],
    quota: Mapping[str, int],
    source: FeatureSource,
    seed: int,
    listener: Listener,
) -> None:
    """Chosen frames of some utterances: ark, scp, utt2num_frames, dropped.tsv and warned.tsv in `folder`.

    Args:
        ark: final path of the ark, which the scp names.
    """
    folder.mkdir()
    ledger, lengths = Ledger("units.sample"), []

    def items() -> Iterator[tuple[str, np.ndarray]]:
        for u, x_TD in features_of(utterances, source, ledger, listener):
            index = chosen_frames(len(x_TD), quota[u.id], seed, u.id)
            lengths.append(f"{u.id} {len(index)}\n")
            yield u.id, x_TD[index].cpu().numpy()

    write_features(folder / ark.name, items(), ark)
    write_text(folder / FRAMES, "".join(lengths))
    ledger.write(folder / DROPPED)
    listener.write_warned(folder, ledger.stage)


def run(step: Step[UnitsConfig]) -> None:
    """Decide the quotas, make the shards, join them into one feats.scp."""
    config, inputs = step.config, recognise(step.ins)
    utterances, tables, listener = inputs.read(trained=True)  # k-means learns from them, whatever they are called
    device = device_of_shards(step, inputs.teacher)
    source = open_source(config.features, inputs.teacher, device)
    strata = _strata(config.sample.strata, utterances, tables)
    quota = quotas(utterances, strata, source.frames, config.sample, config.seed)
    taken = [u for u in utterances if u.id in quota]
    if not taken:
        raise UserError("no utterance is as long as a frame", str(step.ins[0]), "name a set with longer recordings")
    parts = split([u.seconds for u in taken])

    def work(k: int, folder: Path) -> None:
        import torch

        torch.set_num_threads(config.features.threads)
        ark, mine = step.out / f"feats.{k + 1}.ark", [taken[i] for i in parts[k]]
        write_shard(folder, ark, mine, quota, source, config.seed, listener.anew())

    costs = [sum(taken[i].seconds for i in part) for part in parts]
    shards = run_shards(step, costs, work, on_device=bool(inputs.teacher), preload=lambda: preload(inputs.teacher))
    settle(step, shards, len(taken))
    for u in utterances:
        if source.frames(round(u.seconds * SAMPLE_RATE)) == 0:
            step.ledger.drop(u.id, TOO_SHORT, f"{u.seconds:.3f} s")
    lengths = _gather(step, shards)
    if not lengths:
        raise UserError(
            "of no utterance could features be made", str(step.out), f"reasons: {step.ledger.reasons()}; mend the data"
        )
    step.counts.update(utterances=len(lengths), frames=sum(lengths), strata=len(set(strata.values())))
    write_json(step.out / ABOUT, source.info.tree())


def _strata(name: str, utterances: Sequence[Utterance], tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    if name == "none":
        return {u.id: "" for u in utterances}
    if name == "utt2spk":
        return {u.id: u.speaker for u in utterances}
    if name not in tables:
        table_names = ", ".join(sorted(t for t in tables if t.startswith("utt2")))
        raise UserError(f"no table {name} to stratify by", "sample.strata", f"one of: none, utt2spk, {table_names}")
    return {u.id: tables[name].get(u.id, "") for u in utterances}


def _gather(step: Step[UnitsConfig], shards: Sequence[Path]) -> list[int]:
    """Move the arks out of the shards (renaming needs no space) and join their tables; returns frames per utterance."""
    tables: dict[str, str] = {"feats.scp": "", FRAMES: ""}
    for shard in shards:
        scp = next(shard.glob("*.scp"))
        ark = scp.with_suffix(".ark")
        if ark.exists():  # else an earlier run was stopped after it had moved it
            ark.rename(step.out / ark.name)
        tables["feats.scp"] += scp.read_text(encoding="utf-8")
        tables[FRAMES] += (shard / FRAMES).read_text(encoding="utf-8")
    for name, text in tables.items():
        write_text(step.out / name, text)
    return [int(line.split()[1]) for line in tables[FRAMES].splitlines()]


if __name__ == "__main__":
    main(run)
