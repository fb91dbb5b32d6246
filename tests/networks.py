"""Networks small enough to be trained while a test waits."""

from typing import Any

from toolkit.models.config import HubertConfig

TINY = HubertConfig(  # three convolutions instead of seven, with the hop and field of the published ones
    num_hidden_layers=2,
    hidden_size=16,
    intermediate_size=32,
    num_attention_heads=2,
    conv_dim=(8, 8, 8),
    conv_kernel=(20, 16, 4),
    conv_stride=(10, 8, 4),
    num_conv_pos_embeddings=8,
    num_conv_pos_embedding_groups=2,
    init="fan_in",
)

SMALL: dict[str, Any] = {  # fields of a speech encoder of transformers, with the published convolutions
    "num_hidden_layers": 2,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_attention_heads": 2,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
LARGE = {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}  # where the large networks differ
