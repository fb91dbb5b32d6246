"""Which reference and which hypothesis belong together, set by set, and what stands in the way of some.

Every utterance that a reference of the set has is scored. A hypothesis without a reference is left out and counted. An
utterance without a hypothesis is an error, or all deletions where that is asked for. Of several references one may
lack an utterance: it is then scored against the others, and a deletion counts where all of those delete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import UserError
from ..data.ids import id_form
from .texts import Texts, read_texts

SHOWN = 5  # ids that an error or a finding names
NO_SPEAKER = "utterances without a speaker, each a block of its own"


@dataclass(frozen=True)
class Finding:
    """Utterances of a set that are not as one expects: how many, and the first of them."""

    count: int
    examples: list[str]

    @classmethod
    def of(cls, ids: Sequence[str]) -> Finding:
        return cls(len(ids), list(ids[:SHOWN]))

    def __str__(self) -> str:
        return f"{self.count} ({', '.join(self.examples)}{', ...' * (self.count > len(self.examples))})"


@dataclass(frozen=True)
class PairedSet:
    """References and hypotheses of one set, by utterance.

    Attributes:
        name: of the set.
        ids: every utterance that is scored, sorted.
        references: texts [N] of each reference; None if it lacks the utterance.
        hypotheses: texts [N].
        seconds: utterance id -> (to decode it, of its audio), where the hypothesis says both.
        paths: the references, then the hypothesis.
        findings: what was noticed, by what it is.
    """

    name: str
    ids: list[str]
    references: list[list[str | None]]
    hypotheses: list[str]
    seconds: Mapping[str, tuple[float, float]]
    paths: list[Path]
    findings: dict[str, Finding] = field(default_factory=dict)


def paired_sets(
    references: Sequence[str], hypotheses: Sequence[str], missing_is_empty: bool = False
) -> list[PairedSet]:
    """The sets that `--ref` and `--hyp` name: FILE or NAME=FILE, folders being data directories.

    Several references of one name, or without one, are references of one set. References without a name hold for
    every hypothesis. Raises one UserError that names all utterances without a hypothesis (unless `missing_is_empty`).
    """
    by_name: dict[str, list[Path]] = {}
    for word in references:
        name, path = _named(word)
        by_name.setdefault(name, []).append(path)
    read: dict[Path, Texts] = {}
    sets, missing = [], []
    for name, path in _hypotheses(hypotheses):
        paths = by_name.get(name, by_name.get("", []))
        if not paths:
            known = ", ".join(filter(None, by_name))
            raise UserError(f"no reference of the set {name}", "--ref", f"name one {name}=FILE; there are {known}")
        for each in (*paths, path):
            if each not in read:
                read[each] = read_texts(each)
        made, absent = paired(name, [read[p] for p in paths], read[path])
        sets.append(made)
        missing += [(made, absent)] if absent else []
    if missing and not missing_is_empty:
        lines = [f"{s.name}: {Finding.of(ids)} of {len(s.ids)}, not in {s.paths[-1]}" for s, ids in missing]
        message = "utterances without a hypothesis:\n  " + "\n  ".join(lines)
        raise UserError(message, "--hyp", "add them, or count each as all deletions: --missing empty")
    unused = set(by_name) - {s.name for s in sets} - {""}
    if unused:
        raise UserError(f"no hypothesis of the set {', '.join(sorted(unused))}", "--ref", "name one: --hyp NAME=FILE")
    return sets


def _named(word: str) -> tuple[str, Path]:
    """NAME=FILE; a FILE whose name holds the sign, and exists, has no NAME."""
    name, sign, path = word.partition("=")
    return ("", Path(word)) if not sign or not name or not path or Path(word).exists() else (name, Path(path))


def _hypotheses(words: Sequence[str]) -> list[tuple[str, Path]]:
    """(set, file) of each; a file without NAME= is called after itself, or after its folder where it is a `text`."""
    files: dict[str, Path] = {}
    for word in words:
        name, path = _named(word)
        name = name or (path.resolve().parent.name if path.name == "text" else path.stem)
        if name in files:
            raise UserError(f"two hypotheses of the set {name}", f"--hyp {files[name]} {path}", "name them: NAME=FILE")
        files[name] = path
    return list(files.items())


def paired(name: str, references: Sequence[Texts], hypothesis: Texts) -> tuple[PairedSet, list[str]]:
    """The set, and those of its utterances that have no hypothesis, which count as empty ones."""
    ids = sorted(set().union(*(r.text for r in references)))
    _refuse_rest(ids, hypothesis)
    missing = [id for id in ids if id not in hypothesis.text]
    strange = {
        "missing hypotheses, counted as all deletions": missing,
        "hypotheses without a reference, not scored": sorted(hypothesis.text.keys() - set(ids)),
        "ids that come again in the hypothesis, with the same text": hypothesis.duplicates,
        "hypotheses in quotation marks, which count as they stand": _quoted(hypothesis, references),
    }
    for r in references:
        strange[f"ids that come again in {r.path}, with the same text"] = r.duplicates
        strange[f"utterances that {r.path} lacks, scored against the other references"] = [
            id for id in ids if id not in r.text
        ]
    return (
        PairedSet(
            name,
            ids,
            [[r.text.get(id) for id in ids] for r in references],
            [hypothesis.text.get(id, "") for id in ids],
            hypothesis.seconds,
            [*(r.path for r in references), hypothesis.path],
            {kind: Finding.of(strangers) for kind, strangers in strange.items() if strangers},
        ),
        missing,
    )


def _quoted(hypothesis: Texts, references: Sequence[Texts]) -> list[str]:
    """Ids of hypotheses that stand in quotation marks, as a writer of CSV leaves them, where no reference does."""
    if any(_stands_quoted(text) for r in references for text in r.text.values()):
        return []
    return [id for id, text in hypothesis.text.items() if _stands_quoted(text)]


def _stands_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] == '"'


def _refuse_rest(ids: Sequence[str], hypothesis: Texts) -> None:
    """Raise UserError for a hypothesis whose id does not look like those of the references, but like a word.

    Its line is the rest of a text that a line break cut, and the text above lacks it.
    """
    is_id, above = id_form(ids), "another"
    for id in hypothesis.text:
        if not is_id(id):
            message = f"no id, but a word: {id!r}; the line may be the rest of the text of {above}"
            raise UserError(message, str(hypothesis.path), "join the two lines, or take this one out")
        above = id
