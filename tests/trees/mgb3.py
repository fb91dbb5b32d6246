"""MGB-3: {adapt,dev,test}/{Ali,Alaa,Mohamed,Omar}/{segments,text_noverlap,text_noverlap.bw} and a shared wav/."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.text.buckwalter import to_buckwalter
from toolkit.text.diacritics import strip_diacritics
from trees import Clip, write_lines
from trees.mgb2 import record_all, spans

ANNOTATORS = ("Ali", "Alaa", "Mohamed", "Omar")


def spelt(text: str, who: str) -> str:
    """The words as an annotator spells them: four spellings of one language."""
    text = strip_diacritics(text)
    return {
        "Ali": text,
        "Alaa": text.replace("أ", "ا").replace("إ", "ا"),
        "Mohamed": text.replace("ة", "ه"),
        "Omar": " ".join(text.split()[::-1]),
    }[who]


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Two thirds to adapt, a sixth each to dev and test; Omar lacks the first of each, and the second has Latin."""
    n = len(clips)
    _part(folder, "adapt", "comedy_75_first_12min", clips[: n * 2 // 3])
    _part(folder, "dev", "sports_3_first_12min", clips[n * 2 // 3 : n * 5 // 6])
    _part(folder, "test", "cooking_20_first_12min", clips[n * 5 // 6 :])


def _part(folder: Path, part: str, video: str, clips: Sequence[Clip]) -> None:
    record_all(folder / "wav" / f"{video}.wav", clips)
    ids = [f"{video}_{start:.3f}_{end:.3f}" for start, end in spans(clips)]
    for who in ANNOTATORS:
        here = list(enumerate(clips))[who == "Omar" :]
        at = folder / part / who
        write_lines(at / "segments", *(f"{id} {video} {a:.3f} {b:.3f}" for id, (a, b) in zip(ids, spans(clips))))
        for ending, of in (("", str), (".bw", to_buckwalter)):
            words = [of(spelt(clip.text, who)) + " @@LATfoundation" * (i == 1) for i, clip in here]
            lines = [f"{ids[i]} {text} " for (i, _), text in zip(here, words)]  # a trailing space, as the corpus has
            write_lines(at / f"text_noverlap{ending}", *lines)
