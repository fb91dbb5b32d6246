"""Speech encoders that transformers builds: their description and their weights, which must fit each other.

transformers draws missing weights at random and drops those that the described network has no place for. Either is
another network than the one that was trained: here it is an error. Heads, which no hidden state passes, may be there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from ..core.contents import refuse_damaged
from ..core.errors import UserError
from .model_files import CONFIG, shapes_of, weight_files
from .tensors import refuse_out_of_range, refuse_unfilled
from .weight_headers import refuse_unlike_network

MASK = "masked_spec_embed"  # a network that was trained without masks has none
HEADS = (  # what transformers' classes put on an encoder, by the first part of their weights' names
    *("lm_head", "ctc_proj", "classifier", "projector", "tdnn", "objective", "layer_weights", "adapter"),
    *("quantizer", "project_q", "project_hid", "layer_norm_for_extract", "label_embeddings_concat", "speaker_proj"),
    *("final_proj", "label_embs_concat"),  # of fairseq, kept by some conversions
)
OF_XVECTORS = ("feature_extractor.weight", "feature_extractor.bias")  # a head; those of an encoder have longer names


def foreign_config(folder: Path) -> Any:
    """The configuration as transformers reads it. Raises UserError if it is broken."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, TypeError, StrictDataclassError) as e:
        raise UserError(f"a broken {CONFIG}: {_short(e)}", str(folder), "copy or make it again") from None


def load_foreign(folder: Path) -> nn.Module:
    """The network of a Hugging Face folder. Raises UserError if weights are missing, left over, broken or too large."""
    from transformers import AutoModel

    names: set[str] = set()
    for part in weight_files(folder):
        refuse_damaged(folder / part)
        names |= shapes_of(folder / part).keys()
    refuse_unlike_network(folder)
    try:
        with _quiet():
            model, info = AutoModel.from_pretrained(
                folder,
                config=foreign_config(folder),
                output_loading_info=True,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
            )
    except (OSError, ValueError, RuntimeError, ImportError) as e:  # ImportError: of a quantiser that it asks for
        raise UserError(f"transformers cannot load it: {_short(e)}", str(folder), "copy or fetch it again") from None
    missing = sorted(set(info["missing_keys"]) - {MASK})
    if missing:
        problem = f"{len(missing)} weights are missing, e.g. {missing[0]}"
        raise UserError(problem, str(folder), "copy the whole model again")
    refuse_left_over(info["unexpected_keys"], names, model.base_model_prefix + ".", folder)
    refuse_out_of_range(model.state_dict(), str(folder))
    refuse_unfilled(model.state_dict(), str(folder))
    return cast(nn.Module, model)


def refuse_left_over(unexpected: Collection[str], names: Collection[str], prefix: str, folder: Path) -> None:
    """Raise UserError for weights of the encoder that the described network has no place for.

    Args:
        unexpected: names of the weights without a place.
        names: of all weights. If the encoder's begin with `prefix`, e.g. "wav2vec2.", all others are a head.
    """
    if left := sorted(n for n in unexpected if n.removeprefix(prefix) != MASK and not of_head(n, names, prefix)):
        problem = f"{CONFIG} has no place for {len(left)} of the weights, e.g. {left[0]}"
        raise UserError(problem, str(folder), f"copy {CONFIG} and the weights of one model")


def of_head(name: str, names: Collection[str], prefix: str) -> bool:
    """True for a weight of a head, or of a pre-training, which no hidden state passes.

    Args:
        names, prefix: as of `refuse_left_over`.
    """
    if name in names and not name.startswith(prefix) and any(n.startswith(prefix) for n in names):
        return True
    own = name.removeprefix(prefix)
    return own in OF_XVECTORS or own.split(".")[0] in HEADS


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' warnings, and its table of weights that do not fit: those that matter are errors here."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
