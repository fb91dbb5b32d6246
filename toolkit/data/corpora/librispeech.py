"""LibriSpeech: English audiobooks read by volunteers of LibriVox, 960 h to train on; the English of HArnESS's mix.

Where: https://www.openslr.org/12. Licence: CC BY 4.0. Tree (CORPUS is the folder that holds the subsets):
  CORPUS/{train-clean-100,train-clean-360,train-other-500,dev-clean,dev-other,test-clean,test-other}/
         <speaker>/<chapter>/{<speaker>-<chapter>-<utterance>.flac, <speaker>-<chapter>.trans.txt}
  CORPUS/SPEAKERS.TXT       `id | sex | subset | minutes | name`, `;` comments; not needed
Expected: PUBLISHED. Subsets that are not there are passed over: whoever wants 100 h needs no more.

Writes OUT/librispeech_{train_clean_100,...,dev_clean,...,test_other}: text in lower case, utt2lang ENG.
The programme is the chapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...core.step import Step, main
from .sets import Drop, Published, Segment, Take, gather, write_sets
from .sources import corpus_folder, folders_below, text_lines

VERSION = 1
PLAN = {"mb": 5, "mb_per_hour": 0.3}
JOBS = "cpu array"
SUBSETS = {
    "train-clean-100": Published(28539, speakers=251, hours=100.6),
    "train-clean-360": Published(104014, speakers=921, hours=363.6),
    "train-other-500": Published(148688, speakers=1166, hours=496.7),
    "dev-clean": Published(2703, speakers=40, hours=5.4),
    "dev-other": Published(2864, speakers=33, hours=5.3),
    "test-clean": Published(2620, speakers=40, hours=5.4),
    "test-other": Published(2939, speakers=33, hours=5.1),
}


@dataclass(frozen=True)
class LibriSpeechConfig:
    """What is taken."""

    subsets: tuple[str, ...] = tuple(SUBSETS)
    """subsets to take where they are there"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        if odd := set(self.subsets) - set(SUBSETS):
            raise ValueError(f"subsets: {', '.join(sorted(odd))} is none of {', '.join(SUBSETS)}")


def set_name(subset: str) -> str:
    """`train-clean-100` -> `librispeech_train_clean_100`."""
    return f"librispeech_{subset.replace('-', '_')}"


def read_genders(path: Path) -> dict[str, str]:
    """Speaker -> M or F, of SPEAKERS.TXT; none where there is no such file."""
    if not path.is_file():
        return {}
    rows = ([word.strip() for word in line.split("|")] for _, line in text_lines(path) if not line.startswith(";"))
    return {row[0]: row[1] for row in rows if len(row) > 1}


def read_chapter(corpus: Path, folder: Path, genders: dict[str, str]) -> Iterator[Segment | Drop]:
    """Utterances of one chapter, and recordings without a transcript."""
    subset, speaker, chapter = folder.parts[-3:]
    texts = dict(line.partition(" ")[::2] for _, line in text_lines(folder / f"{speaker}-{chapter}.trans.txt"))
    found = {path.stem for path in folder.glob("*.flac")}
    for id in sorted(found - texts.keys()):
        yield Drop(id, "no transcript", f"{folder.relative_to(corpus)}")
    for id in sorted(texts):
        if id not in found:
            yield Drop(id, "missing", "a transcript without its recording")
            continue
        yield Segment(
            set_name(subset),
            id,
            f"{folder.relative_to(corpus)}/{id}.flac",
            speaker,
            text=texts[id].lower(),
            programme=f"{speaker}-{chapter}",
            dialect="ENG",
            gender=genders.get(speaker, ""),
        )


def run(step: Step[LibriSpeechConfig]) -> None:
    corpus = corpus_folder(step.input(0, "the folder of the extracted subsets"), *SUBSETS)
    genders = read_genders(corpus / "SPEAKERS.TXT")
    chapters = [f for subset in step.config.subsets for f in folders_below(corpus, f"{subset}/*/*") if f.is_dir()]
    found = gather(
        step, corpus, chapters, [1.0] * len(chapters), lambda c: read_chapter(corpus, c, genders), "chapters"
    )
    here = {chapter.parts[-3] for chapter in chapters}
    write_sets(step, corpus, found, {set_name(subset): SUBSETS[subset] for subset in sorted(here)})


if __name__ == "__main__":
    main(run, LibriSpeechConfig)
