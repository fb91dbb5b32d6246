"""A folder on which a tiny HuBERT is pre-trained: data/train, data/dev, labels of 100 Hz and base.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import soundfile

from toolkit.data.kaldi import write_data_dir
from toolkit.data.labels import LabelHeader, write_labels

CONFIG = """
model:
  num_hidden_layers: 1
  hidden_size: 16
  intermediate_size: 32
  num_attention_heads: 2
  conv_dim: 8 8 8 8 8 8
  conv_kernel: 20 3 3 3 2 2
  conv_stride: 10 2 2 2 2 2
  num_conv_pos_embeddings: 16
  num_conv_pos_embedding_groups: 4
  layerdrop: 0.2
  init: fan_in
objective: {final_dim: 16, span: 5}
data: {lengths: 1.0 2.0, micro_seconds: 4, micro_batches: 2}
optim: {peak_lr: 1e-3}
loop: {total_steps: 30, log_every: 4, validate_every: 15, checkpoint_every: 7, tensorboard: no}
"""
INS = ("data/train", "data/dev", "labels")


def write_recipe(
    folder: Path, counts: Mapping[str, int], samples_of: Callable[[np.random.Generator, int], int], config: str = CONFIG
) -> Path:
    """Write noise and random labels.

    Args:
        counts: set -> number of its utterances; samples_of: gives the samples of the i-th one of a set, drawn or not.
    """
    random = np.random.default_rng(0)
    ids, arrays = [], []
    (folder / "wav").mkdir()
    for part, count in counts.items():
        tables: dict[str, dict[str, str]] = {"wav.scp": {}, "utt2spk": {}, "utt2dur": {}}
        for i in range(count):
            id, samples = f"{part}{i:02}", samples_of(random, i)
            path = folder / "wav" / f"{id}.wav"
            soundfile.write(path, random.standard_normal(samples) * 0.1, 16000)
            tables["wav.scp"][id], tables["utt2spk"][id], tables["utt2dur"][id] = str(path), id, str(samples / 16000)
            ids.append(id)
            arrays.append(random.integers(0, 20, (samples - 400) // 160 + 1).astype(np.uint16))
        write_data_dir(folder / "data" / part, tables)
    write_labels(folder / "labels", LabelHeader(100.0, 20, "hash", "mfcc"), ids, arrays)
    (folder / "base.yaml").write_text(config)
    return folder
