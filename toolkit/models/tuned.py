"""A tuned audio LLM, opened to answer: an adapter on its base, or a whole model, with states kept or heard now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import read_json
from ..data.audio import AudioError
from ..data.bad_clips import NoBadClips
from ..data.instruct_items import Item
from .adapters import ABOUT, WEIGHTS, adapts_tower, base_of, is_adapter, load_adapter
from .heard import Heard
from .log_mel import Wave
from .model_files import CONFIG, OURS, read_mapping, refuse_pickles, shapes_of, weight_files
from .omni import Omni, frames_of, load_omni, refuse_other_tower, states_of
from .omni_files import find_omni

RATE = 16000


def samples_of(item: Item) -> int:
    """Samples of an item's audio, as its data directory says."""
    return round(item.seconds * RATE)


def wave_of(item: Item, bad_clips: NoBadClips | None = None) -> Wave | None:
    """Samples [N] of an item's audio, exactly as many as `samples_of`, so that its states are as many as its tokens.

    None for a bad clip; without `bad_clips` it raises AudioError. Audio of another length is one: it has changed since
    the items were made.
    """
    wave, wanted = (bad_clips or NoBadClips()).wave(item.clip), samples_of(item)
    return None if wave is None else np.pad(wave, (0, max(0, wanted - len(wave))))[:wanted]


def folder_of(name: Path) -> Path:
    """Folder of an adapter or model: `name` itself or its hf/, or a model of the hub. Raises UserError."""
    for folder in (name, name / "hf"):
        if is_adapter(folder):
            refuse_pickles(folder, adapter=True)
            return folder
    return find_omni(name)


def about_of(folder: Path) -> dict[str, Any]:
    """What its training noted of an adapter or model; empty for a foreign one."""
    if is_adapter(folder):
        tree = read_json(folder / ABOUT) if (folder / ABOUT).is_file() else {}
    else:
        tree = read_mapping(folder / CONFIG).get(OURS, {})
    return dict(tree) if isinstance(tree, dict) else {}


def sizes_of(folder: Path) -> tuple[int, int]:
    """(weights of the whole model, weights of the adapter), from the headers of the files."""
    adapter = 0
    if is_adapter(folder):
        adapter = sum(int(torch.Size(shape).numel()) for shape in shapes_of(folder / WEIGHTS).values())
        folder = find_omni(base_of(folder))
    named = {name: shape for part in weight_files(folder) for name, shape in shapes_of(folder / part).items()}
    thinker = {name: shape for name, shape in named.items() if name.startswith("thinker.")}  # of a whole model
    shapes = list((thinker or named).values())
    return adapter + sum(int(torch.Size(shape).numel()) for shape in shapes), adapter


def load_tuned(name: Path, dtype: torch.dtype = torch.float32, base: Path | None = None) -> Omni:
    """The model in eval mode, with its adapter if it is one. Raises UserError if parts are missing or do not fit.

    Args:
        base: of an adapter; None: the one that its training noted.
    """
    folder = folder_of(name)
    if not is_adapter(folder):
        return load_omni(folder, dtype)
    place = base or base_of(folder)
    try:
        omni = load_omni(place, dtype)
    except UserError as e:
        raise UserError(f"the base of this adapter: {e.what}", f"{folder}, {e.where}", e.remedy) from None
    load_adapter(omni, folder)
    return omni


class Tuned:
    """Gives states of items to a model that answers.

    Attributes:
        omni: the model.
    """

    def __init__(self, name: Path, heard: Heard | None, device: str, dtype: torch.dtype = torch.float32) -> None:
        """Raises UserError for kept states of another tower. Those of a tower with adapters are not used."""
        self.omni, folder = load_tuned(name, dtype), folder_of(name)
        if heard is not None and is_adapter(folder) and adapts_tower(folder):
            print("the adapter is in the audio tower too: it hears the clips now, kept states are not used", flush=True)
            heard = None
        self.heard = heard
        if heard is not None:
            refuse_other_tower(heard, self.omni)
        self.omni.model.to(device)

    def count(self, item: Item) -> int | None:
        """Number of states of an item's audio; None if it was not heard."""
        if self.heard is None:
            return states_of(frames_of(samples_of(item)))
        return self.heard.count(item.audio) if item.audio in self.heard else None

    def states(self, items: Sequence[Item]) -> tuple[Tensor, dict[str, AudioError]]:
        """(states [S, D] of the clips of items, one after the other; key of an item -> why it has none)."""
        with_audio = [item for item in items if item.audio]
        if self.heard is not None or not with_audio:
            keys = [item.audio for item in with_audio]
            if self.heard is None:
                return torch.empty(0, self.omni.tower_width), {}
            return torch.from_numpy(self.heard.states(keys)), {}
        mels, lost = list[Tensor](), dict[str, AudioError]()
        for item in with_audio:
            try:
                wave = wave_of(item)
            except AudioError as e:
                lost[item.key] = e
                continue
            assert wave is not None  # it raises instead
            mels.append(self.omni.mel(wave))
        with torch.inference_mode():
            return self.omni.states(mels) if mels else torch.empty(0, self.omni.tower_width), lost
