"""QASR: 2,000 h of Al Jazeera's programmes, MGB-2's and more, with speakers, punctuation and lightly aligned captions.

Where: https://arabicspeech.org/qasr, on request; licence: for research. Tree (CORPUS is mgb2.1, or holds it):
  CORPUS/wav/<GUID>.wav                                           train
  CORPUS/release/train_20210109/xml/<GUID>.xml                    see mgb_xml
  CORPUS/release/{dev,test}/wav/<GUID>.wav
  CORPUS/release/{dev,test}/text.verbatim.nonoverlap              `id words`; times are in the ids, centiseconds
  CORPUS/release/{dev,test}/xml/<GUID>.xml                        with overlapping speech; not read
The release's date may differ (train_*). Speakers bear a gender in some files [?]; the reference knows the attribute by
two names, and whether a speaker of one file is somebody of another is not said in a way that could be confirmed [?]:
speakers here belong to one programme.
Expected: PUBLISHED (train with a WMER of at most 80).

Writes OUT/qasr_{train,dev,test}, ids and programmes as mgb2 has them: QASR and MGB-2 share programmes and both
evaluation sets, so never train on one and test on the other without a look at utt2prog. utt2lang ARA.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...core.step import Step, main
from .id_times import official
from .mgb_tables import first_of, own_id, read_texts, stems
from .mgb_xml import ALIGNED, Wanted, count_nameless, gather_programmes
from .segments import CorpusSegment, Drop, Published, Take, report_to
from .sets import write_sets
from .sources import Report, corpus_folder, folders_below

PUBLISHED = {
    "qasr_train": Published(1592226),
    "qasr_dev": Published(5002),
    "qasr_test": Published(5366),
}
MARKS = ("release/train*/xml", "release/dev", "release/test")


@dataclass(frozen=True)
class QasrConfig:
    """Which captions are taken."""

    most_wmer: float = 80.0
    """training captions with a word matching error rate above this are dropped, percent; larger keeps more captions
    that do not match their audio"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        if not self.most_wmer >= 0:
            raise ValueError(f"most_wmer must be a percentage of 0 or more, not {self.most_wmer}")


def read_split(corpus: Path, split: str, bad: Report) -> dict[str, list[CorpusSegment | Drop]]:
    """Recording -> its utterances, of dev or test. Raises SourceError for a table that cannot be read.

    Args:
        bad: told of each line that cannot be used.
    """
    made: dict[str, list[CorpusSegment | Drop]] = {}
    path = first_of(corpus / "release" / split, "text.verbatim.nonoverlap")
    if path is None:
        return made
    wavs = stems(folders_below(corpus, f"release/{split}/wav/*.wav"))
    for id, text in read_texts(path, bad=bad).items():
        parsed = official(id)
        if parsed is None:
            made.setdefault("", []).append(
                Drop(id, "id", "no `GUID_spk-0000_seg-0000000:0000000`, whence its times", f"qasr_{split}")
            )
            continue
        name = parsed.recording if parsed.recording in wavs else parsed.recording.replace("_", "-")
        audio = f"release/{split}/wav/{name}.wav"
        segment = CorpusSegment(
            f"qasr_{split}", id, audio, parsed.speaker, parsed.start, parsed.end, text, name, "ARA", id=own_id(id)
        )
        made.setdefault(name, []).append(segment)
    for name in sorted(wavs.keys() - made.keys()):
        made.setdefault("", []).append(Drop(f"{split}/{name}.wav", "no transcript", f"{path.name} has nothing of it"))
    return made


def run(step: Step[QasrConfig]) -> None:
    given = step.input(0, "the folder of wav and release")
    corpus = corpus_folder(given / "mgb2.1" if (given / "mgb2.1").is_dir() else given, *MARKS)
    files = folders_below(corpus, "release/train*/xml/*.xml")
    wanted = Wanted("qasr_train", "ARA", ALIGNED, most_wmer=step.config.most_wmer)
    bad = report_to(step)
    scored = [items for split in ("dev", "test") for items in read_split(corpus, split, bad).values()]
    segments = gather_programmes(step, corpus, files, "wav", wanted, scored)
    write_sets(step, corpus, segments, PUBLISHED)
    count_nameless(step, segments)


if __name__ == "__main__":
    main(run)
