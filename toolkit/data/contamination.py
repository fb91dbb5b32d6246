"""Remove from training sets what test sets share: programmes, prompts, audio and speakers, also across corpora.

python3 -m toolkit.data.contamination --in DATA [MORE ...] --out OUT

DATA is a folder of data directories (data/mgb2_train, data/mgb2_test, ...), MORE other such folders or single data
directories: other corpora's test sets. OUT gets a copy of every set of DATA, the training sets without the utterances
that share something with a test set of any input. dropped.tsv has the reason of each, contamination.tsv all pairs.

The sets of one folder are a corpus: within it, one speaker id is one person, also the id that a speaker had before it
was told apart from another (spk2orig). Across folders, only the official names in a table spk2name (speaker, name) are
compared. A programme is the value of utt2prog, else the recording that a segment
is cut from; programmes are compared across corpora unless the name is a bare number. `unknown` is never shared.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from ..core.files import TEMPORARY, atomic, remove
from ..core.record import BOOKKEEPING
from ..core.shards import run_shards, split
from ..core.step import Step, main
from ..text.normalise import profile
from .edit import restrict
from .find import data_dirs, is_elsewhere, matching, read_from_here
from .ids import fault
from .kaldi import copy_phones, write_data_dir
from .overlap import KINDS, Hit, Prompts, SetOfData, hits, values_of
from .overlap_report import REPORT, Report
from .same_audio import probe, read_rows, same, tasks, write_rows


@dataclass(frozen=True)
class ContaminationConfig:
    """What is compared between training and test sets, and what is removed."""

    train: tuple[str, ...] = ("*train*",)
    """names of the training sets, or patterns such as *train*; all other sets, dev too, count as test sets"""
    remove: tuple[str, ...] = KINDS
    """kinds of sharing with a test set for which an utterance is removed from a training set: programme, prompt (the
    same text), audio, speaker; a kind not named is reported but kept. Leave out speaker for corpora of few speakers,
    and prompt for corpora in which many people read the same texts"""
    fewest_words: int = 4
    """smallest number of words of a prompt for which it is removed; shorter shared prompts (yes, thank you) are only
    counted; larger removes fewer"""
    audio: bool = True
    """true: also compare the audio itself, which opens the recordings and is slower; false: compare tables only"""
    most: float = 0.01
    """largest share of a training set that may be removed, 0 to 1; above it the step stops with an error, so that
    somebody checks the sets"""
    allow_contamination: bool = False
    """true: go on above `most`; the utterances are removed all the same"""
    allow_pipes: bool = False
    """true: run shell commands (pipes) that wav.scp names; false: refuse them. Allow only for files you trust"""

    def __post_init__(self) -> None:
        if odd := [kind for kind in self.remove if kind not in KINDS]:
            raise ValueError(f"remove: {odd[0]!r} is not one of {', '.join(KINDS)}")
        if not self.train:
            raise ValueError("train: name the sets that are trained on, or a pattern such as *train*")
        if self.fewest_words < 1:
            raise ValueError(f"fewest_words must be 1 or more, not {self.fewest_words}")
        if not 0 <= self.most <= 1:
            raise ValueError(f"most is a share, 0 to 1, not {self.most}")


def find_names(ins: Sequence[Path]) -> list[str]:
    """Names of the data directories of all inputs."""
    return [path.name or path.resolve().name for given in ins for path in data_dirs(given)]


def find_sets(ins: Sequence[Path], config: ContaminationConfig) -> list[SetOfData]:
    """The sets of all inputs. Raises UserError if there are no training or no test sets, or a name is unusable."""
    given_paths: dict[Path, tuple[Path, bool]] = {}
    for number, given in enumerate(ins):
        for path in data_dirs(given):
            given_paths.setdefault(path.resolve(), (path, number == 0))
    names = {path: given_path.name or path.name for path, (given_path, _) in given_paths.items()}
    trains = set(matching(list(names.values()), config.train, "--train"))
    all_names = ", ".join(names.values())
    if not any(ours and names[path] in trains for path, (_, ours) in given_paths.items()):
        raise UserError(
            "no set of the first input is trained on", str(ins[0]), f"--train: name one or more of {all_names}"
        )
    if trains == set(names.values()):
        message = f"every set is trained on ({all_names}): there is nothing to compare with"
        raise UserError(message, "train", "give test sets with --in, or name fewer sets with --train")
    sets: list[SetOfData] = []
    for path, (given_path, ours) in given_paths.items():
        folder = names[path]
        if ours and (odd := _unusable(folder)):
            raise UserError(f"a set called {folder!r}, which {odd}", str(given_path), "rename its folder")
        name = folder if [*names.values()].count(folder) == 1 else str(given_path)
        data = read_from_here(given_path, config.allow_pipes)
        sets.append(SetOfData(name, folder, str(path.parent), folder in trains, ours, data))
    return sets


def _unusable(name: str) -> str:
    """Why a copy of a set cannot have this name, as the end of a sentence; "" if it can."""
    if name in BOOKKEEPING | {f"{REPORT}.tsv", f"{REPORT}.json"} or name.endswith(TEMPORARY):
        return "is a name that the step itself uses in its folder"
    return fault(name)


def find_audio(step: Step[ContaminationConfig], sets: Sequence[SetOfData]) -> tuple[list[Hit], list[str]]:
    """(hits of equal audio, read errors). Recordings are probed in shards."""
    todo = tasks(sets)
    if not todo:
        return [], []
    costs = [len(task.utterances) + task.bytes for task in todo]
    shards = split(costs)

    def work(k: int, path: Path) -> None:
        write_rows(path, (row for i in shards[k] for row in probe(todo[i])))

    paths = run_shards(step, [sum(costs[i] for i in shard) for shard in shards], work, "probes", ".jsonl")
    rows, bad = read_rows(paths)
    return list(same(sets, rows)), bad


def compare(sets: Sequence[SetOfData], config: ContaminationConfig, audio: Iterable[Hit]) -> Report:
    """Report of what training sets share with test sets; `audio`: the hits of equal audio."""
    prompts = Prompts(profile("sawt"), config.fewest_words)
    trains, tests = [s for s in sets if s.train], [s for s in sets if not s.train]
    known = {s.name: [*values_of(s, prompts)] for s in tests}
    report = Report(sets, config.remove, config.audio)
    report.add(hits(trains, tests, lambda s: known.get(s.name) or values_of(s, prompts)))
    report.add(audio)
    for i, test in enumerate(tests):
        report.add_between_tests(hits([test], tests[i + 1 :], lambda s: known[s.name]))
    return report


def check(report: Report, config: ContaminationConfig) -> None:
    """Raise UserError if a set would be emptied, or loses more than config.most without allow_contamination."""
    emptied = [s for s in report.ours if len(report.removed(s)) == len(s.data)]
    if emptied:
        guilty = {kind: max(len(report.of_kind(s, kind)) / len(s.data) for s in emptied) for kind in config.remove}
        kind = max(guilty, key=lambda kind: guilty[kind])
        kept = " ".join(k for k in config.remove if k != kind)
        raise UserError(
            "\n".join(["nothing would be left to train on:", *map(report.line, emptied)]),
            ", ".join(s.path for s in emptied),
            f'--remove "{kept}" of the step, or `remove: [{", ".join(kept.split())}]` of a recipe\'s '
            f"conf/contamination.yaml, leaves utterances with a shared {kind} in, which a corpus of few speakers, or "
            "of texts that all its speakers read, may need",
        )
    above = [s for s in report.ours if len(report.removed(s)) > config.most * len(s.data)]
    if above and not config.allow_contamination:
        raise UserError(
            "\n".join(
                [f"more than {100 * config.most:g} % of what is trained on is tested too:", *map(report.line, above)]
            ),
            ", ".join(s.path for s in above),
            "see whether the right sets are trained on (--train); then --allow-contamination true goes on without "
            f"those utterances, and `remove: [{', '.join(config.remove)}]` of a recipe's conf/contamination.yaml "
            "(--remove of the step) with fewer words leaves some of them in",
        )


def write(step: Step[ContaminationConfig], report: Report) -> None:
    """Write a copy of each set of the first input, the training sets without removed utterances."""
    for s in report.sets:
        if not s.ours:
            continue
        out = step.out / s.folder
        gone = report.removed(s) if s.train else {}
        if s.train or s.data.renamed or is_elsewhere(s.data.path):
            kept = {u.id for u in s.data} - gone.keys()
            write_data_dir(out, restrict(s.data.tables, kept))
            copy_phones([s.data.origin], out, kept)
        else:
            _copy(s.data.path, out)
        for id, (reason, detail) in gone.items():
            step.ledger.drop(id, reason, detail)
        seconds = math.fsum(u.seconds for u in s.data if u.id not in gone)
        step.counts[f"{out.name}_utterances"] = len(s.data) - len(gone)
        step.counts[f"{out.name}_hours"] = round(seconds / 3600, 4)


def _copy(folder: Path, out: Path) -> None:
    """Copy a data directory, byte by byte."""
    with atomic(out) as temporary:
        temporary.mkdir()
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.name not in BOOKKEEPING and not file.name.startswith("."):
                shutil.copyfile(file, temporary / file.name)


def run(step: Step[ContaminationConfig]) -> None:
    step.input(0, "a folder of data directories")
    c = step.config
    sets = find_sets(step.ins, c)
    audio, bad = find_audio(step, sets) if c.audio else ([], [])
    report = compare(sets, c, audio)
    print(report.summary(bad))
    try:
        check(report, c)
    except UserError:
        remove(step.out / "shards")  # so that the call in the remedy finds a folder without output
        report.write(step.out / "log", bad)
        print(f"all that is shared: {step.out / 'log' / REPORT}.tsv")
        raise
    write(step, report)
    report.write(step.out, bad)


if __name__ == "__main__":
    main(run)
