"""Sets for speaker identification, of any corpus: every speaker is in train, dev and test, no recording in two of them.

python3 -m toolkit.data.by_speaker --in FOLDER... --out data/sid
A FOLDER is a data directory, or holds several. Writes OUT/<name>_{train,dev,test}; utt2spk has the label. Audio is not
copied. A speaker of one id in sets of one corpus is one person; of two corpora, two (speakers.py). A speaker whom
nobody knows (`unknown`) is no class, and is left out.

A recording (an entry of wav.scp, e.g. a programme) stays in one set, because pieces of one recording also share its
room and microphone. Of speakers with one or two recordings the utterances are split instead, which a warning counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from ..core.step import Step, main
from ..text.not_known import is_not_known
from .edit import combine, drawn, restrict
from .find import data_dirs, matching, read_from_here
from .ids import fault
from .kaldi import SEGMENTS, WAV, DataDir, Tables, Utterance, copy_phones, write_data_dir
from .mix import filled
from .sample import apart
from .speakers import SpeakersConfig, told_apart
from .split import split_groups

PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class BySpeakerConfig(SpeakersConfig):
    """Which speakers are told apart, and how much of each."""

    name: str = "sid"
    """what the sets are called: <name>_train, <name>_dev, <name>_test"""
    sets: tuple[str, ...] = ("*",)
    """sets to take of an input folder that holds several data directories: names or patterns"""
    fewest_utterances: int = 10
    """speakers with fewer utterances are left out; larger leaves out more speakers; at least 3, one for each set"""
    most_utterances: int = 0
    """utterances of a speaker, drawn by the seed if there are more; larger gives more to train on; 0: all"""
    most_speakers: int = 0
    """speakers, drawn by the seed if there are more; larger makes the task harder; 0: all"""
    dev_share: float = 0.1
    """share of each speaker's audio that becomes dev; larger leaves less to train on"""
    test_share: float = 0.1
    """share of each speaker's audio that becomes test; larger leaves less to train on"""
    seed: int = 1
    """random seed of what is drawn and of the split; another seed takes other speakers, and splits others"""

    def __post_init__(self) -> None:
        if odd := fault(self.name):
            raise ValueError(f"name: {self.name!r} {odd}")
        if self.fewest_utterances < len(PARTS):
            raise ValueError(f"fewest_utterances must be at least {len(PARTS)}, not {self.fewest_utterances}")
        if self.most_utterances and self.most_utterances < self.fewest_utterances:
            raise ValueError("most_utterances must be 0 or at least fewest_utterances")
        if self.most_speakers < 0 or self.most_speakers == 1:
            raise ValueError(f"most_speakers must be 0 or at least 2, not {self.most_speakers}")
        if not (self.dev_share > 0 and self.test_share > 0 and self.dev_share + self.test_share < 1):
            raise ValueError("dev_share and test_share must be above 0, and leave something to train on")

    @property
    def shares(self) -> dict[str, float]:
        """Part -> share of a speaker's audio."""
        return dict(zip(PARTS, (1 - self.dev_share - self.test_share, self.dev_share, self.test_share), strict=True))


def by_speaker(utterances: Iterable[Utterance]) -> dict[str, list[Utterance]]:
    """Speaker -> utterances, both in the order of their names."""
    groups: dict[str, list[Utterance]] = {}
    for u in sorted(utterances, key=lambda u: (u.speaker, u.id)):
        groups.setdefault(u.speaker, []).append(u)
    return groups


def chosen(step: Step[BySpeakerConfig], groups: Mapping[str, Sequence[Utterance]]) -> dict[str, list[Utterance]]:
    """The speakers that are told apart, and what is taken of each.

    Speakers with too little, and those whom nobody knows, get a row in the ledger.

    Raises UserError if there are fewer than two.
    """
    config = step.config
    nobodys = {speaker: len(of) for speaker, of in groups.items() if is_not_known(speaker)}
    for speaker, utterances in nobodys.items():
        step.ledger.drop(speaker, "speaker not known", f"utterances: {utterances}")
    groups = {speaker: of for speaker, of in groups.items() if speaker not in nobodys}
    able = {speaker: of for speaker, of in groups.items() if len(of) >= config.fewest_utterances}
    for speaker in groups.keys() - able.keys():
        few = f"utterances: {len(groups[speaker])}, of which {config.fewest_utterances} are asked for"
        step.ledger.drop(speaker, "too few utterances", few)
    if len(able) < 2:
        problem = f"{len(able)} of {len(groups)} speakers have {config.fewest_utterances} utterances or more"
        raise UserError(problem, ", ".join(map(str, step.ins)), "lower fewest_utterances, or name more speech")
    speakers = drawn(able, config.most_speakers or len(able), config.seed)
    taken = {speaker: set(_ids(config, able[speaker])) for speaker in speakers}
    step.counts["utterances_of_unknown_speakers"] = sum(nobodys.values())
    step.counts["speakers_not_drawn"] = len(able) - len(speakers)
    step.counts["utterances_not_drawn"] = sum(map(len, able.values())) - sum(map(len, taken.values()))
    return {speaker: [u for u in able[speaker] if u.id in taken[speaker]] for speaker in speakers}


def _ids(config: BySpeakerConfig, utterances: Sequence[Utterance]) -> list[str]:
    return drawn((u.id for u in utterances), config.most_utterances or len(utterances), config.seed)


def parts_of(
    utterances: Sequence[Utterance], recording: Mapping[str, str], config: BySpeakerConfig
) -> tuple[dict[str, str], bool]:
    """(utterance -> part, true if every recording is in one part) of one speaker.

    Args:
        recording: utterance -> its recording.
    """
    whole = len({recording[u.id] for u in utterances}) >= len(PARTS)
    group = {u.id: recording[u.id] if whole else u.id for u in utterances}
    seconds: dict[str, list[float]] = {}
    for u in utterances:
        seconds.setdefault(group[u.id], []).append(u.seconds)
    parts = split_groups({name: math.fsum(of) for name, of in seconds.items()}, config.shares, config.seed)
    return {id: parts[name] for id, name in group.items()}, whole


def recordings_of(tables: Tables) -> dict[str, str]:
    """Utterance -> key of its recording in wav.scp."""
    if SEGMENTS in tables:
        return {id: text.split(None, 1)[0] for id, text in tables[SEGMENTS].items()}
    return {id: id for id in tables[WAV]}


def run(step: Step[BySpeakerConfig]) -> None:
    config = step.config
    step.input(0, "data directories, or folders of some")
    sets = told_apart(step, [read_from_here(path) for path in _sets(step)], config.speakers)
    tables, left = combine(filled(apart(sets)))
    print(*left, sep="\n", end="\n" if left else "")
    groups = chosen(step, by_speaker(u for data in sets for u in data))
    recording = recordings_of(tables)
    members: dict[str, list[Utterance]] = {part: [] for part in PARTS}
    cut = []
    for speaker, utterances in groups.items():
        parts, whole = parts_of(utterances, recording, config)
        cut += [] if whole else [speaker]
        for u in utterances:
            members[parts[u.id]].append(u)
    for part, of_part in members.items():
        _write(step, f"{config.name}_{part}", tables, sets, of_part)
    step.counts |= {"speakers": len(groups), "speakers_with_cut_recordings": len(cut)}
    if cut:
        rooms = "recordings of theirs may be in two sets, and tell more than the voice"
        print(f"WARNING: {len(cut):,} of {len(groups):,} speakers have fewer than {len(PARTS)} recordings: {rooms}")


def _sets(step: Step[BySpeakerConfig]) -> list[Path]:
    """Data directories of the inputs."""
    paths = []
    for folder in step.ins:
        here = {path.name: path for path in data_dirs(folder)}
        names = list(here) if folder in here.values() else matching(list(here), step.config.sets, "sets")
        paths += [here[name] for name in names]
    return paths


def _write(
    step: Step[BySpeakerConfig], name: str, tables: Tables, sets: Sequence[DataDir], utterances: Sequence[Utterance]
) -> None:
    ids = [u.id for u in utterances]
    write_data_dir(step.out / name, restrict(tables, ids))
    copy_phones([data.origin for data in sets], step.out / name, set(ids))
    hours = math.fsum(u.seconds for u in utterances) / 3600
    step.counts |= {f"{name}_utterances": len(ids), f"{name}_hours": round(hours, 4)}
    print(f"{name}: {len(ids):,} utterances, {hours:.2f} h, {len({u.speaker for u in utterances}):,} speakers")


if __name__ == "__main__":
    main(run)
