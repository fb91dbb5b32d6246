"""What training sets share with test sets, as tables, as a summary for people, and utterance by utterance."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..core.files import write_json, write_text
from .overlap import AUDIO, KINDS, PROGRAMME, PROMPT, SHORT, Hit, SetOfData, Shared, brief, former_id, lacks
from .tables import few

REPORT = "contamination"  # .json, .tsv
EXAMPLES = 3
COLUMNS = "train test kind shared utterances hours share outcome examples"


class Report:
    """Shared values, collected from hits.

    Attributes:
        sets: all compared sets; ours: the training sets of which a copy without shared utterances is written.
        pairs: (train, test, kind) -> shared values; between_tests: (test, test, kind) -> values that both have.
    """

    def __init__(self, sets: Sequence[SetOfData], remove: Collection[str], audio: bool) -> None:
        self.sets, self.remove, self.audio = sets, remove, audio
        self.trains = [s for s in sets if s.train]
        self.tests = [s for s in sets if not s.train]
        self.ours = [s for s in self.trains if s.ours]
        self.pairs: dict[tuple[str, str, str], Shared] = {}
        self.between_tests: dict[tuple[str, str, str], set[str]] = {}
        self._former: dict[str, set[str]] = {}  # id that speakers had -> who may be that person
        self._first: dict[str, dict[str, dict[str, Hit]]] = {s.name: {} for s in self.trains}  # of an utterance's kind

    def add(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            shared = self.pairs.setdefault((hit.train, hit.test, hit.kind), Shared())
            shared.values.setdefault(hit.key, hit.shown)
            shared.utterances.add(hit.id)
            if former := former_id(hit):
                person = hit.shown if hit.shown != former else f"one told apart in {hit.test}"
                self._former.setdefault(former, set()).add(person)
            if hit.kind in self.remove:
                self._first[hit.train].setdefault(hit.id, {}).setdefault(hit.kind, hit)

    def add_between_tests(self, hits: Iterable[Hit]) -> None:
        """Programmes and prompts that two test sets share: no contamination, but their results are not independent."""
        for hit in hits:
            if hit.kind in (PROGRAMME, PROMPT):
                self.between_tests.setdefault((hit.train, hit.test, hit.kind), set()).add(hit.key)

    def removed(self, s: SetOfData) -> dict[str, tuple[str, str]]:
        """Removed utterances of a training set -> (reason, detail); the reason is the first kind."""
        made: dict[str, tuple[str, str]] = {}
        for id, of in self._first[s.name].items():
            kinds = [kind for kind in KINDS if kind in of]
            detail = "; ".join(f"{kind} {brief(of[kind].shown)} is in {of[kind].test}" for kind in kinds)
            made[id] = (f"shared {kinds[0]}", detail)
        return made

    def of_kind(self, s: SetOfData, kind: str) -> set[str]:
        """Utterances of a training set that share something of `kind` with any test set."""
        hits = (self.pairs.get((s.name, test.name, kind), Shared()) for test in self.tests)
        return set().union(*(shared.utterances for shared in hits))

    def outcome(self, s: SetOfData, test: SetOfData, kind: str) -> str:
        """Outcome for utterances that share `kind`: removed, kept, or why it could not be compared."""
        if kind == AUDIO and not self.audio:
            return "not compared: --audio false"
        for one in (s, test):
            if lacking := lacks(one, kind):
                return f"not compared: {one.name} has no {lacking}"
        if (s.name, test.name, kind) not in self.pairs:
            return "nothing shared"
        if kind not in self.remove:
            return "kept: too short to tell" if kind == SHORT else "kept: not in --remove"
        return "removed" if s.ours else "kept: not of the first --in"

    def rows(self) -> list[dict[str, Any]]:
        """One row for each pair of sets and kind, as plain JSON values."""
        made: list[dict[str, Any]] = []
        for s in self.trains:
            for test in self.tests:
                for kind in (*KINDS, SHORT):
                    shared = self.pairs.get((s.name, test.name, kind), Shared())
                    made.append(
                        {
                            "train": s.name,
                            "test": test.name,
                            "kind": kind,
                            "shared": len(shared.values),
                            "utterances": len(shared.utterances),
                            "hours": self._hours(s, shared.utterances),
                            "share": round(len(shared.utterances) / len(s.data), 6),
                            "outcome": self.outcome(s, test, kind),
                            "examples": sorted(map(brief, shared.values.values()))[:EXAMPLES],
                        }
                    )
        return made

    @staticmethod
    def _hours(s: SetOfData, ids: Iterable[str]) -> float:
        return round(math.fsum(s.seconds[id] for id in ids) / 3600, 4)

    def write(self, folder: Path, unreadable: Sequence[str]) -> None:
        """contamination.json and contamination.tsv."""
        rows = self.rows()
        sets = [
            {
                "name": s.name,
                "path": s.path,
                "role": "train" if s.train else "test",
                "utterances": len(s.data),
                "hours": round(s.data.seconds / 3600, 4),
                "removed": len(self.removed(s)) if s in self.ours else 0,
            }
            for s in self.sets
        ]
        between = [{"sets": [a, b], "kind": kind, "shared": len(v)} for (a, b, kind), v in self.between_tests.items()]
        tree = {
            "sets": sets,
            "pairs": rows,
            "between_tests": between,
            "remove": [*self.remove],
            "unreadable": sorted(unreadable),
        }
        write_json(folder / f"{REPORT}.json", tree)
        lines = ["\t".join(COLUMNS.split())]
        for row in rows:
            values = {**row, "share": f"{100 * row['share']:.2f} %", "examples": " | ".join(row["examples"])}
            lines.append("\t".join(str(values[name]) for name in COLUMNS.split()))
        write_text(folder / f"{REPORT}.tsv", "".join(f"{line}\n" for line in lines))

    def line(self, s: SetOfData) -> str:
        """One line: number of removed utterances of a training set, by kind."""
        removed = len(self.removed(s))
        why = {kind: len(self.of_kind(s, kind)) for kind in self.remove}
        parts = ", ".join(f"{n:,} by {kind}" for kind, n in why.items() if n)
        return f"  {s.name}: {removed:,} of {len(s.data):,} utterances ({100 * removed / len(s.data):.2f} %): {parts}"

    def summary(self, unreadable: Sequence[str]) -> str:
        """The summary that is printed, in lines."""
        lines: list[str] = []
        for s in self.trains:
            lines.append(f"{s.name} ({len(s.data):,} utterances, {s.data.seconds / 3600:,.2f} h) shares")
            if missing := [f"{kind} (it has no {lacking})" for kind in KINDS if (lacking := lacks(s, kind))]:
                lines.append(f"  not compared with any: {', '.join(missing)}")
            lines += [f"  with {test.name}: {self._with(s, test)}" for test in self.tests]
            if not s.ours:
                lines.append(f"  WARNING: not of the first --in, so that no copy without it is written: {s.path}")
            elif removed := self.removed(s):
                lines.append(
                    f"  to take out: {len(removed):,} utterances ({100 * len(removed) / len(s.data):.2f} %), "
                    f"{self._hours(s, removed):,.2f} h"
                )
        for (first, second, kind), values in self.between_tests.items():
            lines.append(f"WARNING: {first} and {second}, both test sets, share {_counted(len(values), kind)}")
        if self._former:
            who = [f"{former} may be {' or '.join(sorted(of))}" for former, of in sorted(self._former.items())]
            lines.append(
                "WARNING: of speakers who were told apart, nothing tells which has kept its id elsewhere: "
                f"{few(who, EXAMPLES)}; all of them count as shared"
            )
        if unreadable:
            lines.append(f"WARNING: {len(unreadable):,} recordings could not be heard, e.g. {brief(unreadable[0])}")
        return "\n".join(lines)

    def _with(self, s: SetOfData, test: SetOfData) -> str:
        parts = []
        for kind in (*KINDS, SHORT):
            outcome = self.outcome(s, test, kind)
            if shared := self.pairs.get((s.name, test.name, kind)):
                many = _counted(len(shared.values), kind)
                end = "" if outcome == "removed" else f", {outcome}"
                parts.append(
                    f"{many} ({len(shared.utterances):,} utterances, {self._hours(s, shared.utterances):,.2f} h{end})"
                )
            elif outcome.startswith("not compared") and kind != SHORT and not lacks(s, kind):
                parts.append(f"{kind} {outcome}")
        return "; ".join(parts) or "nothing"


def _counted(n: int, kind: str) -> str:
    if kind == AUDIO:
        return f"{n:,} {'piece' if n == 1 else 'pieces'} of audio"
    return f"{n:,} {kind}{'' if n == 1 else 's'}"
