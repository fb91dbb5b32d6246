"""A corpus of a dozen noises and a network to probe on it, both made in a moment."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from networks import TINY

from toolkit.data.kaldi import write_data_dir
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained

SHAPE = replace(TINY, num_hidden_layers=1, intermediate_size=16)


def noise_corpus(root: Path) -> Path:
    """data/{train,dev,test}, each of a loudness of its own, and a network exp/it1/base."""
    rng = np.random.default_rng(0)
    for name, count, loudness in (("train", 6, 0.1), ("dev", 3, 0.01), ("test", 3, 0.5)):
        tables: dict[str, dict[str, str]] = {n: {} for n in ("wav.scp", "utt2spk", "utt2dur", "utt2lang")}
        for i in range(count):
            id, path = f"{name}{i}", root / f"{name}{i}.wav"
            soundfile.write(path, loudness * rng.uniform(-1, 1, 8000), 16000)
            tables["wav.scp"][id], tables["utt2spk"][id], tables["utt2dur"][id] = str(path), id, "0.5"
            tables["utt2lang"][id] = ("مصري", "فصحى")[i % 2]
        write_data_dir(root / "data" / name, tables)
        lines = (f"{id} 1 0.0 0.2 ب\n{id} 1 0.2 0.3 ت\n" for id in tables["utt2dur"])
        (root / "data" / name / "phones.ctm").write_text("".join(lines), encoding="utf-8")
    network = Hubert(SHAPE)
    initialise(network, SHAPE, torch.Generator().manual_seed(9))
    save_pretrained(network, root / "exp/it1/base/hf")
    return root
