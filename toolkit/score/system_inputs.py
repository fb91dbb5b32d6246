"""What score.systems is given: data directories, and what each system wrote for them, each told by what lies in it.

A folder with hypotheses.jsonl is a system's: `text` holds what it wrote, header.json what made it, speed.json how long
that took. Its own name is the set, that of the folder above it the system: exp/eval/teacher/test. Any other folder
with `text` is a data directory, and its name that of the set.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import read_json
from ..core.record import Ledger
from ..core.results import UNHEARD
from ..core.systems_results import MACRO
from ..data.ids import fault
from ..text.not_known import label_of
from .hypotheses import HEADER, HYPOTHESES, SPEED, TEXT, is_hypotheses, read_hypotheses
from .pairing import Finding, PairedSet, paired
from .system_names import checked_names
from .texts import Texts, read_labels, read_texts

AGAIN = "transcribe again: --fresh of the stage that made it"


@dataclass(frozen=True)
class TestSet:
    """A data directory that systems are scored on.

    Attributes:
        references: its `text`.
        speakers: utterance -> speaker; empty where utt2spk names too few of them to draw from.
        dialects: utterance -> dialect; empty where utt2lang is missing or names one alone.
    """

    __test__ = False  # pytest: no tests in here

    name: str
    path: Path
    references: Texts
    speakers: Mapping[str, str] = field(default_factory=dict)
    dialects: Mapping[str, str] = field(default_factory=dict)

    @property
    def blocks(self) -> str:
        """What a bootstrap draws."""
        return "speaker" if self.speakers else "utterance"


@dataclass(frozen=True)
class Heard:
    """What one system wrote for one set.

    Attributes:
        header: model, model_hash, parameters, set and settings_hash, as header.json has them.
        cut_off: how many texts end at the limit of tokens, where nobody knows what would have followed.
        speed: as speed.json has it; None where there is none.
    """

    system: str
    set: str
    folder: Path
    texts: Texts
    header: Mapping[str, Any]
    cut_off: int = 0
    speed: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Trial:
    """All that is scored together.

    Attributes:
        sets: by name, in the order of the command line.
        heard: system -> set -> what it wrote.
        pairs: (system, set) -> the references and what it wrote, utterance by utterance.
    """

    sets: Mapping[str, TestSet]
    heard: Mapping[str, Mapping[str, Heard]]
    pairs: Mapping[tuple[str, str], PairedSet]

    @property
    def lacking(self) -> list[tuple[str, str]]:
        return [(system, name) for system in self.heard for name in self.sets if name not in self.heard[system]]

    @property
    def speakers(self) -> dict[str, str]:
        """Of all sets that have enough of them."""
        return {id: speaker for s in self.sets.values() for id, speaker in s.speakers.items()}

    def of(self, system: str) -> list[PairedSet]:
        """The sets that a system was tried on, in order."""
        return [self.pairs[system, name] for name in self.sets if (system, name) in self.pairs]


def read_trial(
    paths: Sequence[Path], min_speakers: int, missing_is_empty: bool, order: Sequence[str], ledger: Ledger
) -> Trial:
    """Everything that is scored.

    What no system heard (its audio cannot be read, say) is left out, with a row of the ledger, as is each set that a
    system has no hypotheses of. Raises UserError for a folder of neither kind or of an unknown set, and for what some
    systems heard and others did not, unless the latter are taken to have heard nothing.
    """
    folders = [p for p in paths if is_hypotheses(p)]
    sets: dict[str, TestSet] = {}
    for path in (p for p in paths if p not in folders):
        made = read_set(path, min_speakers)
        if made.name in sets:
            problem = f"two data directories are called {made.name}"
            raise UserError(problem, f"--in {sets[made.name].path} {path}", "rename one of them")
        sets[made.name] = made
    heard: dict[str, dict[str, Heard]] = {}
    for folder in folders:
        one = read_heard(folder, sets)
        of_system = heard.setdefault(one.system, {})
        if one.set in of_system:
            where = f"--in {of_system[one.set].folder} {folder}"
            raise UserError(f"two folders of {one.system} on {one.set}", where, "leave one of them")
        of_system[one.set] = one
    if not sets or not heard:
        problem = "no hypotheses among the inputs" if sets else "no data directory among the inputs"
        raise UserError(problem, "--in", "name data directories, and folders that pseudo.transcribe made of them")
    for system, of_set in heard.items():
        _refuse_two_models(system, list(of_set.values()))
    _refuse_two_speakers(list(sets.values()))
    names = dict.fromkeys([*checked_names(order, heard, "order"), *heard])
    trial = Trial(sets, {name: heard[name] for name in names}, {})
    for system, name in trial.lacking:
        ledger.drop(f"{system} on {name}", "no hypotheses among the inputs")
    return Trial(trial.sets, trial.heard, _pairs(trial, missing_is_empty, ledger))


def read_set(path: Path, min_speakers: int) -> TestSet:
    """A data directory. Raises UserError for one without references, and for a broken table."""
    if not (path / TEXT).is_file():
        problem = "neither a data directory with references nor a folder of hypotheses"
        raise UserError(problem, str(path), f"name one with `{TEXT}`, or one with {HYPOTHESES}")
    references, speakers, dialects = read_texts(path), _labels(path / "utt2spk"), _labels(path / "utt2lang")
    if references.duplicates:
        raise UserError(f"two lines of {references.duplicates[0]}", str(references.path), "leave one")
    if len({speakers.get(id) for id in references.text} - {None}) < min_speakers:
        speakers = {}
    if MACRO in dialects.values():
        raise UserError(f"a dialect called {MACRO}", str(path / "utt2lang"), "rename it: their mean is called that")
    if len({label_of(dialects.get(id, "")) for id in references.text}) < 2:
        dialects = {}
    return TestSet(Path(os.path.normpath(path.absolute())).name, path, references, speakers, dialects)


def _labels(path: Path) -> dict[str, str]:
    return read_labels(path) if path.is_file() else {}


def read_heard(folder: Path, sets: Mapping[str, TestSet]) -> Heard:
    """A folder of hypotheses. Raises UserError for one of an unknown set, and for files that are damaged."""
    whole = Path(os.path.normpath(folder.absolute()))  # of a/../b the name is b
    system, name = whole.parent.name, whole.name
    for word in (system, name):
        if odd := fault(word):
            raise UserError(f"a folder whose name {odd}: {word[:80]!r}", str(folder), "rename it")
    if name not in sets:
        near = difflib.get_close_matches(name, sets, 1, 0.6)
        remedy = f"add its data directory to --in; {'did you mean ' + near[0] + '?' if near else 'there are'}"
        remedy += "" if near else f" {', '.join(sets) or 'none'}"
        raise UserError(f"hypotheses of the set {name}, which is not among the inputs", str(folder), remedy)
    for file in (TEXT, HEADER):
        if not (folder / file).is_file():
            raise UserError(f"hypotheses without {file}", str(folder), AGAIN)
    header = _mapping(folder / HEADER, {"model": str, "model_hash": str, "parameters": int, "set": str})
    if Path(header["set"]).name != name:
        problem = f"hypotheses of the set {header['set']} in a folder called {name}"
        raise UserError(problem, str(folder / HEADER), "give the folder the name of the set it is of")
    numbers = {"audio_seconds": (int, float), "decode_seconds": (int, float)}
    speed = _mapping(folder / SPEED, numbers) if (folder / SPEED).is_file() else None
    cut_off = sum(not row.ended for row in read_hypotheses(folder))
    return Heard(system, name, folder, read_texts(folder), header, cut_off, speed)


def _mapping(path: Path, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping in a JSON file. Raises UserError where a name of `wanted` is missing, or not of its type."""
    tree = read_json(path)
    if not isinstance(tree, dict):
        raise UserError("a damaged file: it holds no mapping of names to values", str(path), AGAIN)
    for name, kind in wanted.items():
        value = tree.get(name)
        number = isinstance(value, int | float) and (value < 0 or not math.isfinite(value))
        if not isinstance(value, kind) or isinstance(value, bool) or number:
            raise UserError(f"a damaged file: {name} is {value!r}"[:120], str(path), AGAIN)
    return tree


def _refuse_two_models(system: str, heard: Sequence[Heard]) -> None:
    """A system is one network: figures of two would be one row."""
    first = heard[0]
    for later in heard[1:]:
        if later.header["model_hash"] != first.header["model_hash"]:
            problem = f"{system} is {first.header['model']} on {first.set}, and another model on {later.set}"
            raise UserError(problem, f"{first.folder}, {later.folder}", "transcribe both sets with one model")


def _refuse_two_speakers(sets: Sequence[TestSet]) -> None:
    """Ids tell speakers over all sets, so that an id that two sets share must be of one speaker."""
    first: dict[str, tuple[str, str]] = {}
    for s in sets:
        for id, speaker in s.speakers.items():
            earlier, of = first.setdefault(id, (speaker, s.name))
            if earlier != speaker:
                problem = f"utterance {id} is of {earlier} in {of} and of {speaker} in {s.name}"
                raise UserError(problem, str(s.path / "utt2spk"), "rename the utterances of one of the sets")


def _pairs(trial: Trial, missing_is_empty: bool, ledger: Ledger) -> dict[tuple[str, str], PairedSet]:
    sets_of_systems: dict[tuple[str, str], PairedSet] = {}
    short: list[str] = []
    for name, s in trial.sets.items():
        heard = [of_set[name] for of_set in trial.heard.values() if name in of_set]
        if not heard:
            raise UserError(f"no system was tried on the set {name}", str(s.path), "leave it out, or transcribe it")
        by_any = set().union(*(h.texts.text for h in heard))
        if not by_any & s.references.text.keys():
            problem = f"no utterance of {s.path} in {heard[0].folder}"
            raise UserError(
                problem, f"--in {s.path} {heard[0].folder}", "transcribe the set that the references are of"
            )
        unheard = sorted(s.references.text.keys() - by_any)
        for id in unheard:
            ledger.drop(id, UNHEARD, f"set {name}")
        if unheard:
            print(f"WARNING: of {name} are not scored, as {UNHEARD}: {Finding.of(unheard)}", flush=True)
        texts = {id: text for id, text in s.references.text.items() if id in by_any}
        references = Texts(s.references.path, texts)
        for h in heard:
            sets_of_systems[h.system, name], missing = paired(name, [references], h.texts)
            short += [f"{h.system} on {name}: {Finding.of(missing)} of {len(texts)}"] if missing else []
    if short and not missing_is_empty:
        problem = "utterances that some systems heard and others did not:\n  " + "\n  ".join(short)
        raise UserError(problem, "--in", "transcribe them again, or count each as all deletions: --missing empty")
    return sets_of_systems
