"""A config has bounds: what is no config is refused at once, and what it holds is never an object."""

import time
from pathlib import Path

import pytest

from toolkit.core.config import read_yaml
from toolkit.core.errors import UserError
from toolkit.core.yaml_file import DEEPEST, LARGEST, MOST_ENTRIES, read_tree

TENFOLD = ["&a0 [x, x, x, x]", *(f"&a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))]
SECTIONS = ["a0: &a0 {k: x}", *(f"a{i}: &a{i} {{l: *a{i - 1}, r: *a{i - 1}}}" for i in range(1, 60))]
WORD = "ك" * 100_000
BEYOND = {
    "bytes": ("# " + "ا" * (LARGEST // 2) + "\n", "more than 1,000,000 bytes"),
    "keys": ("\n".join(f"k{i}: 1" for i in range(MOST_ENTRIES + 1)), "more than 10,000 keys and list items"),
    "keys in one line": (f"a: {{{', '.join(f'k{i}' for i in range(90_000))}}}", "more than 10,000 keys"),
    "items": ("a:\n" + "- 1\n" * 200_000, "more than 10,000 keys and list items"),
    "lists of lists": (f"a: [{', '.join(TENFOLD)}]", "more than 10,000 keys and list items"),
    "sections of sections": ("\n".join(SECTIONS), "more than 10,000 keys and list items"),
    "merges": ("a: &a {k: 1}\nb: {<<: [" + ", ".join(["*a"] * 9_999) + "]}", "more than 10,000 keys and list items"),
    "letters": (f"a: &w {WORD}\nb: [{', '.join(['*w'] * 9_000)}]", "more than 1,000,000 letters"),
    "a list in itself": ("a: &a [x, *a]", "stands inside itself"),
    "a section in itself": ("a: &a {b: {c: *a}}", "stands inside itself"),
    "depth": ("a: " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "sections deeper than 100"),
    "depth without an end": ("[" * 400_000, "sections deeper than 100"),
    "depth of aliases": ("\n".join(["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 900))]), "10,000"),
}


@pytest.mark.parametrize("name", BEYOND)
def test_a_config_beyond_its_bounds_is_refused_within_a_second(name: str, tmp_path: Path) -> None:
    text, message = BEYOND[name]
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    begun = time.process_time()
    with pytest.raises(UserError, match=message) as e:
        read_yaml(tmp_path / "a.yaml")
    assert time.process_time() - begun < 1
    assert e.value.where == str(tmp_path / "a.yaml") and len(str(e.value)) < 1000


def test_bounds_hold_for_each_file_that_a_config_is_like_and_for_their_number(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("like: base.yaml\nsteps: 1\n")
    (tmp_path / "base.yaml").write_text(f"a: [{', '.join(TENFOLD)}]")
    with pytest.raises(UserError, match="more than 10,000 keys") as e:
        read_yaml(tmp_path / "own.yaml")
    assert e.value.where == str(tmp_path / "base.yaml")
    for i in range(34):
        (tmp_path / f"{i}.yaml").write_text(f"like: {i + 1}.yaml\n")
    with pytest.raises(UserError, match="`like` more than 32 others in a row"):
        read_yaml(tmp_path / "0.yaml")


def test_a_config_at_its_bounds_and_one_with_aliases_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("\n".join(f"k{i}: {i}" for i in range(2_000)))
    assert read_yaml(tmp_path / "a.yaml") == {f"k{i}": str(i) for i in range(2_000)}
    (tmp_path / "b.yaml").write_text("a: &a {لهجة: [EGY, LEV]}\nb: *a\nc: {d: *a}\n", encoding="utf-8")
    one = {"لهجة": ["EGY", "LEV"]}
    assert read_yaml(tmp_path / "b.yaml") == {"a": one, "b": one, "c": {"d": one}}


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.mkdir [ran]\n", "!!python/object/new:os.mkdir {a: b}\n"])
def test_a_tag_makes_no_object(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text)
    assert read_tree(tmp_path / "a.yaml") in ({"a": ["ran"]}, {"a": "b"})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", ["a: [1", "a: *nowhere", "a: 1\n--- \nb: 2", "\x00", "a: 'b", "? {x: y}\n: z"])
def test_a_broken_file_is_told_with_its_place(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UserError, match="not a YAML file") as e:
        read_tree(tmp_path / "a.yaml")
    assert e.value.where.startswith(f"{tmp_path / 'a.yaml'}: ")
