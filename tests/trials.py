"""Test sets and what systems wrote for them, in the formats of the steps. Texts are Arabic; all values are made up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.data.kaldi import write_data_dir
from toolkit.score.hypotheses import Header, Hypothesis, write_hypotheses

SENTENCES = (
    "وين رايحين اليوم يا جماعة",
    "قَالَ إِنَّ الْمَكْتَبَةَ مَفْتُوحَةٌ",
    "شلونك اليوم عساك طيب",
    "بدي روح عالسوق بكرا الصبح",
    "رقم الغرفة ١٢ في الطابق الثاني",
    "هذا الكتـــاب جديد ومفيد جدا",
    "ما عنديش وقت دابا نهضر معاك",
    "شكرا لكم على حسن الاستماع",
)
DIALECTS = ("JOR", "MSA", "UAE", "PAL", "MSA", "MSA", "ALG", "MSA")


def words(text: str, wrong: int) -> str:
    """The text with its first `wrong` words replaced by a word that it has not."""
    return " ".join("غلط" if i < wrong else word for i, word in enumerate(text.split()))


def write_set(
    path: Path,
    texts: Mapping[str, str],
    speakers: Mapping[str, str] | None = None,
    dialects: Mapping[str, str] | None = None,
) -> Path:
    """A data directory whose audio nobody opens."""
    tables: dict[str, dict[str, str]] = {
        "wav.scp": {id: f"audio/{id}.wav" for id in texts},
        "text": dict(texts),
        "utt2spk": dict(speakers or {id: id for id in texts}),
        "utt2dur": {id: "4.0" for id in texts},
    }
    if dialects:
        tables["utt2lang"] = dict(dialects)
    write_data_dir(path, tables)
    return path


def write_heard(folder: Path, texts: Mapping[str, str], parameters: int = 1000, **more: Any) -> Path:
    """A folder of hypotheses, exp/eval/<system>/<set>; `more` are fields of speed.json, or `model_hash`, `set`."""
    system, name = folder.parent.name, folder.name
    hash_, of = more.pop("model_hash", f"hash-{system}"), more.pop("set", name)
    rows = [Hypothesis(id, " ".join(texts[id].split()), 4.0, "ar") for id in sorted(texts)]
    write_hypotheses(folder, rows, Header(f"exp/{system}/hf", hash_, parameters, of, {"beam": 1}, "s1"))
    speed = {"audio_seconds": 4.0 * len(texts), "decode_seconds": 1.0 * len(texts), "peak_memory_mb": 512.0}
    (folder / "speed.json").write_text(json.dumps({**speed, "device": "CPU", "threads": 2, **more}), encoding="utf-8")
    return folder


def many(prefix: str, count: int) -> dict[str, str]:
    """Utterances by id, of eight sentences in turn."""
    return {f"{prefix}-{i:03d}": SENTENCES[i % len(SENTENCES)] for i in range(count)}


def by_turns(ids: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    return {id: values[i % len(values)] for i, id in enumerate(ids)}


SYSTEMS = {  # name -> (parameters, words wrong in every third, and in the other utterances)
    "teacher": (37_184_256, 1, 0),
    "undistilled": (15_000_000, 4, 3),
    "unfiltered": (15_000_000, 2, 1),
    "filtered": (15_000_000, 1, 1),
    "truth": (15_000_000, 1, 0),
}


def write_trial(root: Path, count: int = 48) -> list[Path]:
    """data/test of six speakers, data/clips of several dialects, five systems on both: the inputs of score.systems."""
    sets = {"test": many("s", count), "clips": many("clip", 9)}
    test = write_set(root / "data/test", sets["test"], by_turns(list(sets["test"]), [f"spk{k}" for k in range(6)]))
    clips = write_set(root / "data/clips", sets["clips"], dialects=by_turns(list(sets["clips"]), DIALECTS))
    folders = [test, clips]
    for system, (parameters, third, others) in SYSTEMS.items():
        for name, texts in sets.items():
            heard = {id: words(t, third if i % 3 == 0 else others) for i, (id, t) in enumerate(texts.items())}
            folders.append(write_heard(root / "exp/eval" / system / name, heard, parameters))
    return folders
