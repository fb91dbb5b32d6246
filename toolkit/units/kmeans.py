"""Learn a codebook from a sample of frames by k-means, on CPU or GPU.

Memory: the sample in float32 (frames x dim x 4 bytes, dim being pca.dim if set); besides about 20 bytes
a frame for order, units and distances, dim x 1 MB for sums in float64, and 2 MB (GPU: 1 GB) for chunks of distances.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from ..core.device import device_of
from ..core.errors import UserError
from ..core.files import atomic, read_json, remove, write_text
from ..core.progress import Progress
from ..core.shards import run_shards
from ..core.step import Step, main
from .clustering import State, fit, plan, squares
from .codebook import ABOUT, WEIGHTS, write_codebook
from .config import UnitsConfig
from .features import FeatureInfo
from .frames import Sample, mean_frame
from .nearest import Nearest
from .sample import ABOUT as SAMPLE

FEW_FRAMES = 40  # frames per cluster, about where faiss warns too
SAVE_SECONDS = 10.0  # s; shorter runs never write a state
UNIT = "frames seen"  # a frame counts once per iteration
STATE, INERTIA = "state.safetensors", "inertia.tsv"


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
    """Make the codebook as a single shard, wherever shards are made, and move it to the output."""
    config, folder = step.config.kmeans, step.input(0, "the output of units.sample")
    torch.set_num_threads(config.threads)
    info, sample = _info(folder, step.config), Sample(folder)
    cost = sum(r.size * r.iterations for r in plan(sample.frames, config))  # refuses k > frames
    if sample.frames < FEW_FRAMES * config.k and not step.worker:
        print(
            f"note: {sample.frames / config.k:.0f} frames for each of {config.k} clusters: "
            f"with fewer than {FEW_FRAMES} a codebook fits its sample and little else; "
            "enlarge the sample or lower kmeans.k",
            flush=True,
        )
    [made] = run_shards(step, [cost], lambda k, path: _learn(step, sample, info, path), UNIT, on_device=True)
    for name in (INERTIA, WEIGHTS, ABOUT):
        with atomic(step.out / name) as temporary:
            shutil.copyfile(made / name, temporary)
    about = read_json(step.out / ABOUT)
    step.counts.update({name: about[name] for name in ("k", "clusters_used", "frames")})
    remove(step.out / STATE)  # not the shard itself: after a kill, half of it would pass for the whole


def _learn(step: Step[UnitsConfig], sample: Sample, info: FeatureInfo, out: Path) -> None:
    """Load, centre, fit (going on from a saved state), measure, write into the new folder `out`."""
    config, device = step.config, device_of(step)
    projection = sample.project(config.pca, f"{step.name} pca", device) if config.pca.dim else None
    x_NP = sample.load(config.seed, projection)
    mean_P = mean_frame(x_NP)
    x_NP = _placed(x_NP.sub_(mean_P), device)
    state = _fitted(step, x_NP, device)
    assert state.best is not None
    out.mkdir(parents=True)
    rows = "".join(f"{r}\t{n}\t{i}\t{v:.6f}\n" for r, n, i, v in state.history)
    write_text(out / INERTIA, "run\tframes\titeration\tinertia_per_frame\n" + rows)
    how = {"method": config.kmeans.method, "init": config.kmeans.init, "seed": config.seed}
    more = {**_measured(x_NP, state, config.kmeans.k, device), **how}
    write_codebook(out, state.best.cpu() + mean_P, projection, info, more)


def _measured(x_NP: Tensor, state: State, k: int, device: str) -> dict[str, Any]:
    """Figures of the finished centroids on the sample."""
    assert state.best is not None
    units_N, scores_N = Nearest(state.best.to(device))(x_NP)
    return {
        "frames": len(x_NP),
        "inertia_per_frame": (scores_N.sum(dtype=torch.float64).item() + squares(x_NP)) / len(x_NP),
        "clusters_used": int((torch.bincount(units_N, minlength=k) > 0).sum()),
        "iterations": len(state.history),
    }


def _fitted(step: Step[UnitsConfig], x_NP: Tensor, device: str) -> State:
    """The finished fit; its state is saved every ten seconds."""
    runs, saved = plan(len(x_NP), step.config.kmeans), step.out / STATE
    state = load_state(saved, device) if saved.is_file() else State()
    costs = [r.size * r.iterations for r in runs]
    done = sum(costs[: state.run]) + (runs[state.run].size * state.iteration if state.run < len(runs) else 0)
    last = time.monotonic()
    with Progress(step.name, sum(costs), UNIT, done) as bar:

        def after(now: State, frames: int) -> None:
            nonlocal last
            bar.add(frames, f"inertia {now.history[-1][-1]:.4g} per frame")
            if time.monotonic() - last > SAVE_SECONDS:
                save_state(saved, now)
                last = time.monotonic()

        return fit(x_NP, step.config.kmeans, step.config.seed, state, after, device)


def _info(folder: Path, config: UnitsConfig) -> FeatureInfo:
    path = folder / SAMPLE
    if not path.is_file():
        raise UserError("no sample of features here", str(folder), "name the output of units.sample")
    try:
        info, asked = FeatureInfo.of(read_json(path)), config.features
    except (KeyError, TypeError) as e:
        raise UserError(f"no description of features: {e}", str(path), "run units.sample again") from None
    if (info.kind, info.layer) != (asked.kind, asked.layer):
        raise UserError(
            f"a sample of {info.source}, but the config says {asked.kind} {asked.layer}",
            str(folder),
            "use the config that the sample was made with",
        )
    return info


def _placed(x_ND: Tensor, device: str) -> Tensor:
    """The sample on the GPU if it leaves room for the rest; else on the CPU, and chunks are copied."""
    if device == "cpu" or x_ND.nbytes > 0.6 * torch.cuda.mem_get_info(device)[0]:
        return x_ND
    return x_ND.to(device)


if __name__ == "__main__":
    main(run)
