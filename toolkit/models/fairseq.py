"""Networks of fairseq's form, as STaR's public code trains them, as networks of ours.

A file of weights does not say everything: strides and attention heads come from a config.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..core.errors import UserError
from .config import HubertConfig
from .hubert import Hubert

PREFIX = "student_model."  # of the student within a Lightning checkpoint
LEFT_OUT = ("final_proj.",)  # heads that only the training needs
NAMES = (  # of fairseq -> of Hugging Face
    (r"^feature_extractor\.conv_layers\.(\d+)\.0\.", r"feature_extractor.conv_layers.\1.conv."),
    (r"^feature_extractor\.conv_layers\.(\d+)\.2(?:\.1)?\.", r"feature_extractor.conv_layers.\1.layer_norm."),
    (r"^layer_norm\.", "feature_projection.layer_norm."),
    (r"^post_extract_proj\.", "feature_projection.projection."),
    (r"^mask_emb$", "masked_spec_embed"),
    (r"^encoder\.pos_conv\.0\.weight_g$", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"),
    (r"^encoder\.pos_conv\.0\.weight_v$", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"),
    (r"^encoder\.pos_conv\.0\.bias$", "encoder.pos_conv_embed.conv.bias"),
    (r"\.self_attn_layer_norm\.", ".layer_norm."),
    (r"\.self_attn\.", ".attention."),
    (r"\.fc1\.", ".feed_forward.intermediate_dense."),
    (r"\.fc2\.", ".feed_forward.output_dense."),
)


def renamed(name: str) -> str:
    """The name in Hugging Face's form."""
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def hubert_of(weights: Mapping[str, Tensor], config: HubertConfig, where: Path) -> Hubert:
    """The network with fairseq's weights, in eval mode. Raises UserError if they are of another shape."""
    model = Hubert(config)
    ours = {renamed(n): t.float() for n, t in weights.items() if not n.startswith(LEFT_OUT)}
    ours.setdefault("masked_spec_embed", model.masked_spec_embed.detach())  # a network trained without has none
    wanted = {n: tuple(t.shape) for n, t in model.state_dict().items()}
    given = {n: tuple(t.shape) for n, t in ours.items()}
    if differing := sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n)):
        first = differing[0]
        problem = f"{len(differing)} weights differ from the config, e.g. {first}: {given.get(first, 'none')} there, "
        remedy = "name the config of that network's shape: --model egs/TEMPLATE/star/conf/both.yaml or another"
        raise UserError(f"{problem}{wanted.get(first, 'none')} by the config", str(where), remedy)
    model.load_state_dict(ours)
    return model.eval()
