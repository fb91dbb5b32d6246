"""Qwen2.5-Omni's thinker, which hears and writes: the one file that knows its tree of modules, its files, its tower.

The class is transformers' Qwen2_5OmniThinkerForConditionalGeneration; the talker is never built. Its modules moved
between releases: `audio_tower` and `model` are the audio encoder and the text model in 5.17, `model.audio_tower` and
`model.language_model` in 5.23. Audio goes through the tower, whose states (one for 40 ms) `proj`, the aligner, takes to
the width of the text model, where they stand in the places of the token <|AUDIO|>.

Three things of transformers are avoided here. Mel frames are extracted clip by clip, never in a padded batch, where the
number of frames depends on the longest clip. Positions are always given, because the model keeps those of an earlier
batch. And the table of positions of a tower that is a Whisper's is restored after loading: as a buffer that is not
saved, it would be computed anew, otherwise.

Shapes: B items, T tokens, M mels, F frames of 10 ms, S states, D width.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..core.contents import refuse_damaged
from ..core.errors import UserError
from ..core.files import atomic, read_json, sha256_of, write_json, write_text
from .heard import Heard
from .input_settings import refuse_other_mels
from .log_mel import HOP, Wave, log_mel
from .model_files import CARD, CONFIG, OURS, read_mapping, weight_files
from .omni_files import POSITIONS, TABLE, TOKENIZER_FILES, find_omni
from .omni_prompt import PromptFormat, Prompts
from .tensors import read_tensors, readable, refuse_out_of_range, refuse_unfilled, write_tensors
from .token_ids import TOKENIZER
from .tokenizer_files import refuse_unlike_release
from .weight_headers import refuse_unlike_network

TOWER = "audio_tower."  # in the names of its tensors, whatever stands before


def states_of(frames: int) -> int:
    """Number of states, and of <|AUDIO|> tokens, of so many mel frames; 0 for two frames and fewer."""
    return max(0, ((frames - 1) // 2 + 1 - 2) // 2 + 1)


def frames_of(samples: int) -> int:
    """Number of mel frames of so many samples at 16 kHz: the last one may be of padding."""
    return -(-samples // HOP)


class Omni:
    """A thinker with its prompts.

    Attributes:
        model: the class of transformers; adapters of peft change it in place.
        folder: that it was read from.
        prompts: makes token ids.
    """

    def __init__(self, model: Any, folder: Path, prompts: Prompts) -> None:
        self.model, self.folder, self.prompts = model, folder, prompts

    @property
    def tower(self) -> Any:
        return self.model.audio_tower if hasattr(self.model, "audio_tower") else self.model.model.audio_tower

    @property
    def text(self) -> Any:
        inner = self.model.model
        return inner.language_model if hasattr(inner, "language_model") else inner

    @property
    def head(self) -> nn.Module:
        head: nn.Module = self.model.lm_head
        return head

    @property
    def mels(self) -> int:
        return int(self.tower.config.num_mel_bins)

    @property
    def width(self) -> int:
        """Width of the text model, and of what the aligner makes."""
        return int(self.text.config.hidden_size)

    @property
    def tower_width(self) -> int:
        return int(self.tower.config.d_model)

    @property
    def layers(self) -> int:
        return int(self.text.config.num_hidden_layers)

    @property
    def context(self) -> int:
        """Largest number of tokens."""
        return int(self.text.config.max_position_embeddings)

    @property
    def device(self) -> torch.device:
        place: torch.device = self.text.embed_tokens.weight.device
        return place

    def mel(self, wave_N: Wave) -> Tensor:
        """Mel frames [M, F] of a clip alone, float32 on the CPU; its last frame is filled up with silence."""
        return log_mel([wave_N], frames_of(len(wave_N)), self.mels)[0]

    def states(self, mels: Sequence[Tensor]) -> Tensor:
        """States [ΣS, D] of several clips, one after the other, before the aligner; no clip sees another."""
        tower = self.tower
        place = tower.conv1.weight.device
        lengths = torch.tensor([mel_MF.shape[1] for mel_MF in mels], device=place)
        with _without(tower, "proj"):
            after = tower._get_feat_extract_output_lengths(lengths)[0]
            heard = tower(torch.cat([m.to(place) for m in mels], 1), feature_lens=lengths, aftercnn_lens=after)
        states_SD: Tensor = heard.last_hidden_state
        return states_SD

    def aligned(self, states_SD: Tensor) -> Tensor:
        """What the text model gets of states [S, D]: [S, width]."""
        proj = self.tower.proj
        projected: Tensor = proj(states_SD.to(proj.weight.dtype))
        return projected

    def embed(self, ids_BT: Tensor, states_SD: Tensor) -> Tensor:
        """Embeddings [B, T, width] of token ids, with aligned states in the places of the audio tokens, in order.

        Raises ValueError if there are more or fewer states than such places: transformers would shift later clips.
        """
        embedded = self.text.embed_tokens(ids_BT)
        places = ids_BT == self.prompts.audio
        if int(places.sum()) != len(states_SD):
            raise ValueError(f"{int(places.sum())} audio tokens and {len(states_SD)} states")
        if not len(states_SD):
            return embedded
        return embedded.masked_scatter(places.unsqueeze(-1), self.aligned(states_SD).to(embedded.dtype))

    def hidden(self, embedded: Tensor, mask_BT: Tensor | None = None, cache: Any = None) -> Any:
        """The text model's output; positions count the tokens that are no padding.

        Args:
            mask_BT: 0 for padding, which may stand on the left; None: padding, if any, is on the right, where nothing
                that matters sees it.
            cache: keys and values of earlier tokens, or True to begin with none; then mask_BT covers those too.
        """
        count = embedded.shape[1]
        if mask_BT is None:
            position = torch.arange(count, device=embedded.device).expand(len(embedded), count)
        else:
            position = (mask_BT.cumsum(-1) - 1).clamp(min=0)[:, -count:]
        keep: dict[str, Any] = {"use_cache": False} if cache is None else {"use_cache": True}
        if cache is not None and cache is not True:
            keep["past_key_values"] = cache
        given = {"inputs_embeds": embedded, "position_ids": position.expand(3, *position.shape)}
        return self.text(**given, attention_mask=mask_BT, **keep)


@contextmanager
def _without(module: nn.Module, name: str) -> Iterator[None]:
    """The module with another that passes everything on in the place of its child `name`."""
    child = getattr(module, name)
    setattr(module, name, nn.Identity())
    try:
        yield
    finally:
        setattr(module, name, child)


def load_omni(name: Path | str, dtype: torch.dtype | Literal["auto"] = torch.float32) -> Omni:
    """A thinker in eval mode on the CPU. Raises UserError if files are missing, broken or do not fit each other.

    Args:
        dtype: number format of all weights; auto: as they are stored.
    """
    import transformers
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration as Thinker

    folder = find_omni(name)
    prompts = read_prompts(folder)
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # its warnings on weights are errors here
    transformers.logging.disable_progress_bar()
    for part in folder.glob("*.safetensors"):
        refuse_damaged(part)
    try:
        model, loaded = Thinker.from_pretrained(
            folder, dtype=dtype, output_loading_info=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError) as e:
        reason = " ".join(str(e).split())[:300]
        raise UserError(f"a Qwen2.5-Omni that cannot be read: {reason}", str(folder), "copy it again") from None
    finally:
        transformers.logging.set_verbosity(before)
    refuse_unlike_network(folder)
    refuse_partial(loaded, folder)
    refuse_out_of_range(model.state_dict(), str(folder))
    refuse_unfilled(model.state_dict(), str(folder))
    omni = Omni(model.eval(), folder, prompts)
    refuse_other_mels(folder, omni.mels)
    if (folder / POSITIONS).is_file():
        table = read_tensors(folder / POSITIONS)[TABLE]
        omni.tower.positional_embedding.positional_embedding.copy_(table)
    elif read_mapping(folder / CONFIG).get(OURS, {}).get(TABLE):
        raise UserError("the tower's table of positions is missing", str(folder / POSITIONS), "copy the folder again")
    model.config.use_cache = False
    return omni


def refuse_partial(loaded: Mapping[str, Any], folder: Path) -> None:
    """Raise UserError if weights of audio tower or text model are missing or of another shape."""
    missing = sorted(name for name in loaded["missing_keys"] if "visual" not in name)
    wrong = [str(name[0] if isinstance(name, tuple) else name) for name in loaded.get("mismatched_keys", ())]
    if names := [*missing, *wrong]:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        problem = f"weights that are missing or do not fit config.json: {', '.join(names[:3])}{more}"
        raise UserError(problem, str(folder), "copy or fetch the folder again")


def read_prompts(folder: Path) -> Prompts:
    """Raises UserError for a tokenizer without the audio tokens of config.json."""
    from transformers import AutoTokenizer
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    if (folder / TOKENIZER).is_file():
        refuse_unlike_release(folder / TOKENIZER, (PRETOKENIZE_REGEX,))
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as e:
        reason = " ".join(str(e).split())[:200]
        raise UserError(f"no tokenizer: {reason}", str(folder), "copy the tokenizer's files there") from None
    tree = read_mapping(folder / CONFIG)
    own = tree.get(OURS, {}).get("prompt", {})
    inner = tree.get("thinker_config", tree)
    audio = inner.get("audio_token_id", inner.get("audio_token_index"))
    return Prompts(tokenizer, PromptFormat(**own), audio, str(folder))


def tower_digest(folder: Path) -> str:
    """Digest of a model's tower as far as its states depend on it: weights but the aligner's, positions, windows.

    Of the files, so that it is the same in whatever number format the model is loaded. Reads the tower's tensors alone.
    """
    state, parts = hashlib.sha256(), dict[str, Path]()
    tree = read_mapping(folder / CONFIG)
    audio = tree.get("thinker_config", tree)["audio_config"]
    state.update(f"{audio['num_mel_bins']} {audio['n_window']} {audio['d_model']}\n".encode())
    for path in (folder / name for name in weight_files(folder)):
        with safe_open(path, "pt") as file:
            parts |= {name: path for name in file.keys() if TOWER in name}  # noqa: SIM118 (it is no mapping)
    for name, path in sorted(parts.items(), key=lambda pair: pair[0].partition(TOWER)[2]):
        inside = name.partition(TOWER)[2]
        if not inside.startswith(("proj.", "audio_bos_eos_token.")):
            with safe_open(path, "pt") as file:
                tensor = file.get_tensor(name)
            state.update(f"{inside} {tensor.dtype}\n".encode())
            state.update(tensor.contiguous().view(torch.uint8).numpy().data)
    if (folder / POSITIONS).is_file():
        state.update(sha256_of(folder / POSITIONS).encode())
    return state.hexdigest()[:16]


def refuse_other_tower(heard: Heard, omni: Omni) -> None:
    """Raise UserError if the states that were kept are not of this model's tower."""
    header, where = heard.header, f"{heard.folder}, {omni.folder}"
    remedy = "hear the items with this model: --fresh of the stage of models.hear"
    if (header.mels, header.dim) != (omni.mels, omni.tower_width):
        problem = f"kept states of a tower of {header.mels} mels and width {header.dim}, where this model's has "
        raise UserError(f"{problem}{omni.mels} and {omni.tower_width}", where, remedy)
    if header.tower != tower_digest(omni.folder):
        raise UserError("kept states of another audio tower: its weights differ", where, remedy)


def save_omni(omni: Omni, folder: Path, card: str = "", about: Mapping[str, Any] | None = None) -> None:
    """Write a Hugging Face folder, completely or not at all, which `from_pretrained` of the thinker's class loads.

    Args:
        about: origin of the network, for the section "sawt" of config.json.
    """
    import transformers

    own = read_json(omni.folder / CONFIG).get(OURS, {}) if (omni.folder / CONFIG).is_file() else {}
    with atomic(folder) as temporary:
        temporary.mkdir(parents=True)
        transformers.logging.disable_progress_bar()
        omni.model.save_pretrained(temporary)
        for path in temporary.glob("*.safetensors"):
            readable(path)
        for name in TOKENIZER_FILES:
            if (omni.folder / name).is_file():
                shutil.copyfile(omni.folder / name, temporary / name)
        if positions := own_positions(omni):
            write_tensors(temporary / POSITIONS, positions)
        ours = {**own, **(about or {}), TABLE: POSITIONS if positions else ""}
        write_json(temporary / CONFIG, {**read_json(temporary / CONFIG), OURS: ours})
        write_text(temporary / CARD, card)


def own_positions(omni: Omni) -> dict[str, Tensor]:
    """The table of positions, if it is not what the class computes; else nothing."""
    module = omni.tower.positional_embedding
    table = module.positional_embedding
    computed = module.compute_default_singular_positional_embedding()
    return {} if torch.equal(table.cpu().float(), computed.float()) else {TABLE: table}


def parameters_of(omni: Omni) -> dict[str, int]:
    """Number of weights by part."""
    parts = {"audio tower": omni.tower, "text model": omni.text, "head": omni.head}
    return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}


def padded(
    rows: Sequence[Sequence[int]], fill: int, left: bool = False
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(ids [B, T], mask [B, T]) of token ids of several lengths, padded to the longest."""
    longest = max(map(len, rows), default=0)
    ids_BT, mask_BT = np.full((len(rows), longest), fill, np.int64), np.zeros((len(rows), longest), np.int64)
    for b, row in enumerate(rows):
        place = slice(longest - len(row), longest) if left else slice(0, len(row))
        ids_BT[b, place], mask_BT[b, place] = row, 1
    return ids_BT, mask_BT
