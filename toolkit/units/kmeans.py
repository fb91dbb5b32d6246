"""Learn a codebook from a sample of frames by k-means, on CPU or GPU.

Memory: the sample in float32 (frames x dim x 4 bytes); besides it about 20 bytes a frame for their order, units and
distances, dim x 1 MB for sums in float64, and 2 MB (GPU: 1 GB) for chunks of distances.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from ..core.errors import UserError
from ..core.files import atomic, read_json, remove, write_text
from ..core.progress import Progress
from ..core.seed import seed_of
from ..core.step import Step, main
from ..data.ark import Features
from .clustering import SUM_ROWS, State, fit, plan
from .codebook import write_codebook
from .config import UnitsConfig
from .features import FeatureInfo, device_of
from .nearest import Nearest
from .sample import ABOUT

VERSION = 1
PLAN = {"mb": 5, "mb_per_hour": 0}
FEW_FRAMES = 40  # for each cluster, about where faiss warns too
SAVE_SECONDS = 10.0  # runs shorter than this never write a state
STATE = "state.safetensors"


def load_sample(folder: Path, seed: int) -> Tensor:
    """All frames of a sample [N, D] float32, in an order that depends on the seed alone.

    Raises UserError where there are none, where they differ in width, or do not fit into memory.
    """
    features, lengths = Features(folder / "feats.scp"), read_lengths(folder)
    if set(features) != set(lengths):
        raise UserError(
            f"a sample of {len(lengths)} utterances of which {len(set(features) & set(lengths))} are there",
            str(folder / "feats.scp"),
            "run units.sample again (--fresh of its stage)",
        )
    frames = sum(lengths.values())
    if not frames:
        raise UserError("a sample without a frame", str(folder), "run units.sample again on data with usable audio")
    dim = next(iter(features.values())).shape[1]
    need, have = frames * dim * 4, memory_bytes()
    if need > 0.8 * have:
        raise UserError(
            f"{frames:,} frames of {dim} numbers take {need / 1e9:.1f} GB, this process may have {have / 1e9:.1f}",
            str(folder),
            "lower sample.frames, give the job more memory, or use a larger machine",
        )
    place = torch.randperm(frames, generator=torch.Generator().manual_seed(seed_of(seed, "order"))).numpy()
    x_ND, start = np.empty((frames, dim), np.float32), 0
    for id, matrix in features.items():
        if matrix.shape != (lengths[id], dim):
            raise UserError(
                f"{id} has {matrix.shape} numbers, not {(lengths[id], dim)}", str(folder), "run units.sample again"
            )
        x_ND[place[start : start + len(matrix)]] = matrix
        start += len(matrix)
    return torch.from_numpy(x_ND)


def memory_bytes(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Memory that this process may have: the machine's, or less where a container or a job has a limit.

    Args:
        groups: where control groups are mounted.
        own: the groups of this process, lines `number:controllers:path`; version 2 names no controller.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for line in own.read_text().splitlines() if own.is_file() else ():
        _, controllers, path = line.split(":", 2)
        mount = groups / "memory" if "memory" in controllers.split(",") else groups
        place = Path(path.lstrip("/"))
        for group in (place, *place.parents):  # a limit binds all groups below it
            for name in ("memory.max", "memory.limit_in_bytes"):
                limit = mount / group / name
                if limit.is_file() and (said := limit.read_text().strip()).isdigit():  # not `max`
                    limits.append(int(said))
    return min(limits)


def mean_frame(x_ND: Tensor) -> Tensor:
    """Mean of all frames [D] float32, summed in float64, chunk by chunk: no float64 copy of the whole."""
    sums_D = torch.zeros(x_ND.shape[1], dtype=torch.float64)
    for x in x_ND.split(SUM_ROWS):
        sums_D += x.sum(0, dtype=torch.float64)
    return (sums_D / len(x_ND)).float()


def read_lengths(folder: Path) -> dict[str, int]:
    """Utterance id -> frames of it in the sample. Raises UserError where there is no sample."""
    table = folder / "utt2num_frames"
    if not table.is_file():
        raise UserError("no sample of features here", str(folder), "name the output of units.sample")
    return {id: int(n) for id, n in (line.split() for line in table.read_text(encoding="utf-8").splitlines())}


def save_state(path: Path, state: State) -> None:
    """Write a state atomically."""
    tensors = {name: t for name in ("centroids", "best", "seen") if (t := getattr(state, name)) is not None}
    numbers = [state.run, state.iteration, state.inertia, state.best_inertia]
    tensors["numbers"] = torch.tensor(numbers, dtype=torch.float64)
    tensors["history"] = torch.tensor(state.history, dtype=torch.float64).view(-1, 4)
    with atomic(path) as temporary:
        temporary.write_bytes(safetensors.torch.save({k: t.cpu().contiguous() for k, t in tensors.items()}))


def load_state(path: Path, device: str) -> State:
    with safe_open(path, "pt") as f:
        tensors = {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118 - not a mapping
    run, iteration, inertia, best_inertia = tensors["numbers"].tolist()
    state = State(int(run), int(iteration), inertia=inertia, best_inertia=best_inertia)
    state.history = [(int(r), int(n), int(i), v) for r, n, i, v in tensors["history"].tolist()]
    for name in ("centroids", "best", "seen"):
        if name in tensors:
            setattr(state, name, tensors[name].to(device))
    return state


def run(step: Step[UnitsConfig]) -> None:
    """Load, centre, fit (going on from a saved state), measure, write."""
    config, folder = step.config.kmeans, step.input(0, "the output of units.sample")
    torch.set_num_threads(config.threads)
    info, device = _info(folder, step.config), device_of(step)
    frames = sum(read_lengths(folder).values())
    plan(frames, config)  # refuses k > frames before anything is read
    if frames < FEW_FRAMES * config.k:
        print(
            f"note: {frames / config.k:.0f} frames for each of {config.k} clusters: with fewer than {FEW_FRAMES} "
            "a codebook fits its sample and little else; enlarge the sample or lower kmeans.k",
            flush=True,
        )
    x_ND = load_sample(folder, step.config.seed)
    mean_D = mean_frame(x_ND)
    x_ND = _placed(x_ND.sub_(mean_D), device)
    state = _fitted(step, x_ND, device)
    assert state.best is not None
    units_N, scores_N = Nearest(state.best.to(device))(x_ND)
    power = sum(x.double().square().sum().item() for x in x_ND.split(SUM_ROWS))
    used = int((torch.bincount(units_N, minlength=config.k) > 0).sum())
    more = {
        "frames": len(x_ND),
        "inertia_per_frame": (scores_N.sum(dtype=torch.float64).item() + power) / len(x_ND),
        "clusters_used": used,
        "iterations": len(state.history),
        "method": config.method,
        "init": config.init,
        "seed": step.config.seed,
    }
    rows = "".join(f"{r}\t{n}\t{i}\t{v:.6f}\n" for r, n, i, v in state.history)
    write_text(step.out / "inertia.tsv", "run\tframes\titeration\tinertia_per_frame\n" + rows)
    write_codebook(step.out, state.best.cpu() + mean_D, info, more)
    step.counts.update(k=config.k, clusters_used=used, frames=len(x_ND))
    remove(step.out / STATE)


def _fitted(step: Step[UnitsConfig], x_ND: Tensor, device: str) -> State:
    """The finished fit, its state saved every ten seconds on the way."""
    runs, saved = plan(len(x_ND), step.config.kmeans), step.out / STATE
    state = load_state(saved, device) if saved.is_file() else State()
    costs = [r.size * r.iterations for r in runs]
    done = sum(costs[: state.run]) + (runs[state.run].size * state.iteration if state.run < len(runs) else 0)
    last = time.monotonic()
    with Progress(step.name, sum(costs), "frames", done) as bar:

        def after(now: State, frames: int) -> None:
            nonlocal last
            bar.add(frames, f"inertia {now.history[-1][-1]:.4g} per frame")
            if time.monotonic() - last > SAVE_SECONDS:
                save_state(saved, now)
                last = time.monotonic()

        return fit(x_ND, step.config.kmeans, step.config.seed, state, after, device)


def _info(folder: Path, config: UnitsConfig) -> FeatureInfo:
    path = folder / ABOUT
    if not path.is_file():
        raise UserError("no sample of features here", str(folder), "name the output of units.sample")
    info, asked = FeatureInfo.of(read_json(path)), config.features
    if (info.kind, info.layer) != (asked.kind, asked.layer):
        raise UserError(
            f"a sample of {info.source}, but the config says {asked.kind} {asked.layer}",
            str(folder),
            "use the config that the sample was made with",
        )
    return info


def _placed(x_ND: Tensor, device: str) -> Tensor:
    """On the GPU where it leaves room there for the rest; else it stays, and chunks travel."""
    if device == "cpu" or x_ND.nbytes > 0.6 * torch.cuda.mem_get_info(device)[0]:
        return x_ND
    return x_ND.to(device)


if __name__ == "__main__":
    main(run, UnitsConfig)
