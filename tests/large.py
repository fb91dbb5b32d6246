"""A data directory of the size of MGB-2, for measurements: all tables of its recipe, over empty recordings."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

import numpy as np

from toolkit.data.kaldi import write_data_dir

TEXT = (
    "السلام عليكم ورحمة الله وبركاته مشاهدينا الكرام أهلا ومرحبا بكم في هذه الحلقة الجديدة من برنامجنا الأسبوعي "
    "الذي يتناول اليوم قضية الانتخابات وما جرى فيها من نقاش بين الأحزاب حول مستقبل التعليم والاقتصاد إلى آخر ذلك"
)
WORDS = TEXT.split()
DIALECTS = ("MSA", "EGY", "GLF", "LAV", "NOR")


def write_large(folder: Path, segments: int = 375_000, recordings: int = 2_214, seed: int = 1) -> None:
    """Write a data directory of `segments` utterances of 12 words each over `recordings` files, which are empty.

    The same seed gives the same directory; another seed gives other recordings, speakers and texts.
    """
    rng = np.random.default_rng(seed)
    audio = folder.parent / f"{folder.name}_audio"
    audio.mkdir(parents=True, exist_ok=True)
    names = sorted({f"{a:08X}-{b:04X}" for a, b in rng.integers(0, 2**32, (recordings, 2)) % (2**32, 2**16)})
    tables: dict[str, dict[str, str]] = {
        name: {} for name in ("segments", "text", "utt2spk", "utt2dur", "utt2lang", "utt2orig", "utt2prog")
    }
    lengths = dict.fromkeys(names, 0)
    numbers = np.char.mod("%d", np.arange(100_000))
    for i, (rec, words) in enumerate(zip(islice(cycle(names), segments), rng.integers(0, len(WORDS), (segments, 11)))):
        start, length = lengths[rec], 100 + 37 * i % 1900  # hundredths of a second
        lengths[rec] = end = start + length
        id = f"{rec}_spk-{i // recordings % 9:04}_seg-{start:07}-{end:07}"
        tables["segments"][id] = f"{rec} {start / 100:.2f} {end / 100:.2f}"
        tables["text"][id] = " ".join([*(WORDS[w] for w in words), str(numbers[i % 100_000])])
        tables["utt2spk"][id] = id[: len(rec) + 9]
        tables["utt2dur"][id] = f"{length / 100:.2f}"
        tables["utt2lang"][id] = DIALECTS[i % 5]
        tables["utt2orig"][id] = f"{rec.replace('-', '_')}_utt_{i // recordings}"
        tables["utt2prog"][id] = rec
    for rec in names:
        (audio / f"{rec}.wav").touch()
    tables["wav.scp"] = {rec: str(audio / f"{rec}.wav") for rec in names}
    tables["reco2dur"] = {rec: f"{length / 100:.2f}" for rec, length in lengths.items()}
    write_data_dir(folder, tables)
