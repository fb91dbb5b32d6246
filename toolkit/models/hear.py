"""Hear every clip of some items once with the audio tower of a Qwen2.5-Omni, and keep its states.

Inputs, recognised by what they hold: folders of items (or parts of them), and the model. A clip passes alone and
unpadded, so its states do not depend on others. Shards are made by the clips alone; a killed run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.device import device_of_shards, exact_float32
from ..core.errors import UserError
from ..core.files import read_json, write_json
from ..core.record import DROPPED, Ledger
from ..core.schema import dump
from ..core.shards import run_shards, split
from ..core.step import Step, main
from ..data.audio import AudioError
from ..data.instruct_items import Item, is_items, parts_of, read_part
from ..data.listen import Listener, settle
from ..data.provenance import Rules, rules_of
from .config import HearConfig
from .heard import DTYPES, HEADER, INDEX, MEANS, STATES, WHOLE, HeardHeader, sum_of
from .model_files import CONFIG, read_mapping
from .omni_files import find_omni

if TYPE_CHECKING:
    from .omni import Omni


def clips_of(paths: Sequence[Path]) -> tuple[list[Item], Listener]:
    """(an item of each clip, by the clip's key; what decodes and judges them). Items of several tasks share a clip.

    A clip that is in a part which is not trained on is judged as one of that part.
    """
    clips: dict[str, Item] = {}
    sets: list[tuple[Rules, frozenset[str]]] = []
    for folder in (part for path in paths for part in parts_of(path)):
        sets.append((rules_of(folder), frozenset(item.audio for item in read_part(folder) if item.audio)))
        for item in read_part(folder):
            before = clips.setdefault(item.audio, item) if item.audio else item
            if (before.path, before.channel) != (item.path, item.channel):
                where = f"{before.path} and {item.path}"
                raise UserError(f"two recordings are called {item.audio}", where, "rename one of the sets")
    return [clips[key] for key in sorted(clips)], Listener(sorted(sets, key=lambda one: one[0].trains))


def heard_by(
    omni: Omni, clips: Sequence[Item], seconds: float, ledger: Ledger, precision: str, listener: Listener
) -> Iterator[tuple[Item, np.ndarray]]:
    """(clip, its states [S, D] in the precision) of every clip that can be used; others go to the ledger."""
    import torch

    batch: list[tuple[Item, torch.Tensor]] = []

    def through() -> Iterator[tuple[Item, np.ndarray]]:
        from .omni import states_of

        with torch.inference_mode():
            states = omni.states([mel for _, mel in batch]).float().cpu()
        for (clip, _), own in zip(batch, states.split([states_of(mel.shape[1]) for _, mel in batch]), strict=True):
            kept = own.numpy().astype(DTYPES[precision])
            if np.isfinite(kept).all():
                yield clip, kept
            else:
                ledger.drop(clip.audio, "states that are not finite", clip.path)

    for clip in clips:
        try:
            wave = listener.hear(clip.clip)
        except AudioError as e:
            ledger.drop(clip.audio, e.reason, e.what)
            continue
        mel = omni.mel(wave)
        if mel.shape[1] < 3:
            ledger.drop(clip.audio, "audio without a token", f"{len(wave)} samples")
            continue
        if batch and sum(m.shape[1] for _, m in batch) + mel.shape[1] > 100 * seconds:
            yield from through()
            batch = []
        batch.append((clip, mel))
    if batch:
        yield from through()


def run(step: Step[HearConfig]) -> None:
    """Hear shard by shard."""
    config, items = step.config, [path for path in step.ins if is_items(path)]
    models = [path for path in step.ins if path not in items]
    if not items or len(models) != 1:
        problem = f"inputs: {len(items)} folders of items and {len(models)} models"
        raise UserError(problem, "--in", "give items of data.instruct, and one model")
    clips, listener = clips_of(items)
    if not clips:
        raise UserError("not one item has audio", str(items[0]), "a model need not hear text: leave this stage out")
    parts = split([clip.seconds for clip in clips])
    places = [step.out / STATES / f"{k:05d}" for k in range(len(parts))]

    @cache
    def opened() -> Omni:
        import torch

        from .omni import load_omni

        torch.set_num_threads(config.threads)
        exact_float32()
        omni = load_omni(models[0], "auto")
        omni.tower.float().to(device_of_shards(step, models[0]))  # the text model stays where it is
        return omni

    def work(k: int, path: Path) -> None:
        ledger, ears = Ledger(step.name), listener.anew()
        chosen = [clips[i] for i in parts[k]]
        heard = heard_by(opened(), chosen, config.seconds_at_once, ledger, config.precision, ears)
        write_shard(path, {clip.audio: own for clip, own in heard}, opened().tower_width, config.precision)
        ledger.write(path / DROPPED)
        ears.write_warned(path, step.name)

    def preload() -> None:
        from . import omni  # noqa: F401

    costs = [sum(clips[i].seconds for i in part) for part in parts]
    run_shards(step, costs, work, on_device=True, preload=preload, places=places)
    _finish(step, places, models[0], config, len(clips))


def write_shard(folder: Path, states: Mapping[str, np.ndarray], dim: int, precision: str) -> None:
    """Write the states [S, D] of the clips of a shard, their means and their index."""
    folder.mkdir(parents=True)
    every = [np.empty((0, dim), DTYPES[precision]), *states.values()]
    np.save(folder / WHOLE, np.concatenate(every))
    means = [own.astype(np.float32).mean(0) for own in states.values()]
    np.save(folder / MEANS, np.array(means, np.float32).reshape(len(states), dim))
    index = {"keys": list(states), "counts": [len(own) for own in states.values()]}
    write_json(folder / INDEX, {**index, "sums": [sum_of(own) for own in states.values()]})


def _finish(step: Step[HearConfig], places: Sequence[Path], model: Path, config: HearConfig, asked: int) -> None:
    """Write what heard the clips, and count. Raises UserError if nothing could be heard."""
    from .omni import tower_digest

    settle(step, places, asked)
    counts = [count for place in places for count in read_json(place / INDEX)["counts"]]
    if not counts:
        problem = f"not one clip could be heard: {step.ledger.reasons()}"
        raise UserError(problem, str(model), "mend the audio, or copy the model again")
    folder = find_omni(model)
    tree = read_mapping(folder / CONFIG)
    audio = tree.get("thinker_config", tree)["audio_config"]
    shape = int(audio["num_mel_bins"]), int(audio["d_model"])
    header = HeardHeader(str(model), tower_digest(folder), *shape, config.precision, len(places))
    write_json(step.out / HEADER, dump(header))
    step.counts |= {"clips": len(counts), "states": sum(counts), "left_out": asked - len(counts)}
    print(f"{len(counts):,} clips, {sum(counts):,} states of width {header.dim}, {config.precision}")


if __name__ == "__main__":
    main(run)
