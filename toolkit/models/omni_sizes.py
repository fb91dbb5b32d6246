"""Sizes of Qwen2.5-Omni's thinker, and the GPU memory that a training step takes, for --plan. Imports no torch.

An estimate to choose a GPU by: weights in bfloat16, adapters with Adam in float32, and what the backward pass keeps of
each token in each block of the text model. It leaves out the allocator's slack, for which a tenth is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.plan import Planned
from .model_files import CONFIG, read_mapping

BF16, FP32 = 2, 4  # bytes
ADAM = 4 * FP32  # weight, gradient and two moments
SLACK = 1.1
TOKENS_PER_SECOND = 25  # of audio
TEXT_TOKENS = 300  # of an instruction and a long answer
GPUS = (16, 24, 40, 48, 80, 141)  # GB


@dataclass(frozen=True)
class ThinkerSizes:
    """What the memory depends on.

    Attributes:
        hidden, layers, inner, keys: of the text model: width, blocks, width of the feed-forward layer, of keys.
        vocabulary: tokens.
        towers: weights of audio tower and vision tower.
        tied: true if the head has the embeddings' weights.
    """

    hidden: int
    layers: int
    inner: int
    keys: int
    vocabulary: int
    towers: int
    tied: bool = False

    @property
    def weights(self) -> int:
        """Of the whole thinker."""
        h = self.hidden
        block = 2 * h * h + h + 2 * (h * self.keys + self.keys) + 3 * h * self.inner + 2 * h
        tables = self.vocabulary * h * (1 if self.tied else 2)
        return self.layers * block + h + tables + self.towers

    def adapter(self, rank: int, mlp: bool) -> int:
        """Weights of low-rank adapters in the text model."""
        h, k, f = self.hidden, self.keys, self.inner
        inside = (h + h) + 2 * (h + k) + (h + h) + (3 * (h + f) if mlp else 0)
        return self.layers * rank * inside

    def kept_per_token(self, recompute: bool) -> int:
        """Bytes that the backward pass needs of one token: the inputs of each block, or all inside them."""
        inside = 6 * self.hidden + 2 * self.keys + 3 * self.inner
        if recompute:
            return BF16 * (self.layers * self.hidden + inside)
        return BF16 * self.layers * inside


# From the config.json of the releases; the towers for audio and vision are the same in both.
TOWERS = 636_000_000 + 676_000_000
PUBLISHED = {
    "Qwen2.5-Omni-7B": ThinkerSizes(3584, 28, 18944, 512, 152064, TOWERS),
    "Qwen2.5-Omni-3B": ThinkerSizes(2048, 36, 11008, 256, 151936, TOWERS),
}


def sizes_of(tree: dict[str, Any]) -> ThinkerSizes:
    """From a config.json. Raises KeyError if it lacks a size."""
    inner = tree.get("thinker_config", tree)
    text, audio, vision = inner["text_config"], inner["audio_config"], inner.get("vision_config", {})
    heads = text["num_attention_heads"]
    keys = text["hidden_size"] // heads * text.get("num_key_value_heads", heads)
    d, f = audio["d_model"], audio["encoder_ffn_dim"]
    hears = audio["encoder_layers"] * (4 * d * d + 2 * d * f + 9 * d + f) + 3 * d * (audio["num_mel_bins"] + d)
    v, w = vision.get("hidden_size", 0), vision.get("intermediate_size", 0)
    sees = vision.get("depth", 0) * (4 * v * v + 3 * v * w) + 16 * v * v + 4 * v * vision.get("out_hidden_size", 0)
    tied = bool(text.get("tie_word_embeddings", False))
    return ThinkerSizes(
        text["hidden_size"],
        text["num_hidden_layers"],
        text["intermediate_size"],
        keys,
        text["vocab_size"],
        hears + sees,
        tied,
    )


def known(planned: Planned) -> tuple[str, ThinkerSizes] | None:
    """(name, sizes) of the base among the inputs; None for one that is not there yet and not published."""
    for name in planned.ins:
        for folder in (Path(name), Path(name) / "hf"):
            if (folder / CONFIG).is_file():
                try:
                    return name, sizes_of(read_mapping(folder / CONFIG))
                except KeyError:
                    continue
        if published := PUBLISHED.get(Path(name).name):
            return Path(name).name, published
    return None


def memory(planned: Planned) -> list[str]:
    """Lines for --plan on the GPU memory of a training with adapters; none where the base is not known."""
    config, base = planned.config, known(planned)
    if base is None or config.adapt.how != "lora":
        return []
    name, sizes = base
    fixed = sizes.weights * BF16 + sizes.adapter(config.adapt.rank, config.adapt.mlp) * ADAM
    per_token = sizes.kept_per_token(config.objective.recompute)
    logits = TEXT_TOKENS * sizes.vocabulary * (BF16 + 2 * FP32)
    at_once = config.data.micro_items
    lines = [f"GPU memory of a step on {name}, about: {sizes.weights / 1e9:.2f} G weights in bf16 {fixed / 1e9:.1f} GB"]
    words = []
    for seconds in (30, 60, 300):
        each = (seconds * TOKENS_PER_SECOND + TEXT_TOKENS) * per_token + logits
        total = SLACK * (fixed + at_once * each)
        least = SLACK * (fixed + each)
        fits = next((gpu for gpu in GPUS if gpu * 1e9 > total), None)
        alone = next((gpu for gpu in GPUS if gpu * 1e9 > least), None)
        place = f"a GPU of {fits} GB" if fits else "no one GPU"
        smaller = f"; one at a time: {alone} GB" if alone and alone != fits else ""
        words.append(f"  {at_once} clips of {seconds} s together: {total / 1e9:.1f} GB, {place}{smaller}")
    hint = "objective.recompute is on" if config.objective.recompute else "objective.recompute would take less"
    return [*lines, *words, f"  {hint}; data.micro_items changes how many clips are together, and no result"]
