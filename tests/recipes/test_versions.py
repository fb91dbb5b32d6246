"""A step whose output changes must raise its version: old outputs would otherwise pass for new ones.

tests/recipes/versions.json holds, for each output of the nano runs, the step's version and digests of its inputs and of
itself. Another processor adds floats in another order, after which an untrained network may write another word: there
only the steps that compute with integers and text are held to it. After a change that is meant:

    .venv/bin/pytest tests/recipes/test_versions.py --record-versions
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from outputs import ABSOLUTE, digest_of

from toolkit.core.registry import declared

pytestmark = pytest.mark.recipe

RECORDED = Path(__file__).with_name("versions.json")
# Their tables and pages show measured times.
SHOW_TIMES = {"report"}
FLOATS = ("units.", "train.", "models.", "pseudo.transcribe", "score.")  # steps whose last digits a processor decides


def processor() -> str:
    """Vendor, family, model and stepping of the first processor."""
    first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    fields = dict(line.replace("\t", "").split(":", 1) for line in first.splitlines() if ":" in line)
    return " ".join(fields.get(name, "?").strip() for name in ("vendor_id", "cpu family", "model", "stepping"))


def outputs(run: Path) -> dict[str, dict[str, Any]]:
    """Output -> step, version, digest of its inputs, digest of itself; of all steps of the toolkit in a nano run."""
    root = run.resolve()
    made: dict[str, dict[str, Any]] = {}
    for record in sorted(root.rglob("record.json")):
        parts = json.loads(record.read_text(encoding="utf-8"))["parts"]
        command = json.loads(parts["command"])
        if "/" in command[0] or command[0] in SHOW_TIMES or ".transcribed" in record.parts:
            continue
        name = record.parent.relative_to(root).as_posix()
        about = {part: value for part, value in parts.items() if part != "VERSION" and not part.startswith("input ")}
        made[name] = {"step": command[0], "command": command, "is": digest_of(record.parent, root)}
        asked = ABSOLUTE.sub("", json.dumps(about, sort_keys=True))  # a teacher in a folder of this run
        made[name]["asked"] = hashlib.sha256(asked.encode()).hexdigest()[:16]
    for row in made.values():
        inputs = [word.removeprefix("nano/") for word in _values(row.pop("command"), "--in")]
        row["from"] = [made[holder]["is"] for word in inputs for holder in made if f"{word}/".startswith(f"{holder}/")]
        row["version"] = declared(row["step"]).version
    return made


def _values(command: list[str], flag: str) -> list[str]:
    values, inside = [], False
    for word in command:
        inside = word == flag if word.startswith("--") else inside
        if inside and word != flag:
            values.append(word)
    return values


def mistakes(old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> list[str]:
    """Outputs that changed under the same version although command, config and inputs did not."""
    return [
        f"{name}: {row['step']} makes other output of the same input: raise its version in the registry.py of its room"
        for name, row in new.items()
        if name in old
        and all(old[name][part] == row[part] for part in ("step", "version", "asked", "from"))
        and old[name]["is"] != row["is"]
    ]


@pytest.mark.parametrize("recipe", ["nano", "nano_whisper"])
def test_no_output_changed_without_the_version_of_its_step(recipe: str, request: pytest.FixtureRequest) -> None:
    new = outputs(request.getfixturevalue(recipe))
    recorded = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.is_file() else {}
    old = recorded.get(recipe, {})
    alike = recorded.get("processor") == processor()
    judged = {name: row for name, row in new.items() if alike or not row["step"].startswith(FLOATS)}
    assert old or request.config.getoption("--record-versions"), f"{RECORDED} is not there"
    wrong = mistakes(old, judged)
    if request.config.getoption("--record-versions"):
        print("recorded although", *wrong, sep="\n") if wrong else None
        tree = {**recorded, "processor": processor(), recipe: new}
        RECORDED.write_text(json.dumps(tree, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return
    assert wrong == []
    again = f"pytest {Path(__file__).name} --record-versions"
    assert not alike or new == old, f"versions, inputs or outputs are others than recorded; if that is meant: {again}"


def test_a_changed_digit_of_a_label_or_a_word_is_a_mistake_and_the_last_bit_of_a_float_is_none(tmp_path: Path) -> None:
    def one(text: str, label: int, version: int = 1, source: str = "a") -> dict[str, dict[str, Any]]:
        (tmp_path / "text").write_text(text)
        (tmp_path / "labels.bin").write_bytes(bytes([255, label]))
        digest = digest_of(tmp_path, tmp_path)
        return {"out": {"step": "units.label", "version": version, "asked": "", "from": [source], "is": digest}}

    first = one("قال 0.123456789 في 12", 3)
    assert mistakes(first, one("قال 0.123456788 في 12", 3)) == []
    for changed in (one("قالت 0.123456789 في 12", 3), one("قال 0.123456789 في 13", 3), one("قال 0.123456789 في 12", 4)):
        assert len(mistakes(first, changed)) == 1
    assert mistakes(first, one("قال 0.2 في 12", 3)) != []
    assert mistakes(first, one("قال 0.2 في 12", 3, version=2)) == []  # declared
    assert mistakes(first, one("قال 0.2 في 12", 3, source="b")) == []  # of another input
