"""A config has bounds: what is no config is refused at once, and what it holds is never an object."""

import os
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
    "aliases": ("a: &a {k: 1}\nb: {m: [" + ", ".join(["*a"] * 9_999) + "]}", "more than 10,000 keys and list items"),
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


TAGS = {
    "a: !!python/object/apply:os.mkdir [ran]\n": "!!python/object/apply:os.mkdir",
    "!!python/object/new:os.mkdir {a: b}\n": "!!python/object/new:os.mkdir",
    "لغة: !foo ar": "!foo",
    "a: !env X": "!env",
    "a: !!binary aGVq": "!!binary",
    "!!str a: b": "!!str",
    "a: [! b]": "!",
    "%TAG ! tag:x,2000:\n--- \na: !y b": "tag:x,2000:y",
}


@pytest.mark.parametrize("text", TAGS)
def test_a_tag_is_refused_with_its_line_and_makes_no_object(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(f"# \n{text}" if text[0] != "%" else text, encoding="utf-8")
    with pytest.raises(UserError, match="a tag") as e:
        read_tree(tmp_path / "a.yaml")
    assert f"({TAGS[text]})" in e.value.what and e.value.where == f"{tmp_path / 'a.yaml'}, line {2 + (text[0] == '%')}"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", ["a: &a {b: c}\nd: {<<: *a}", "tasks:\n  <<: {لغة: ar}", "a: [1,\n {b: c, <<: [x]}]"])
def test_a_merge_key_is_refused_with_its_line_wherever_it_stands(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="a merge key") as e:
        read_tree(tmp_path / "a.yaml")
    assert e.value.where == f"{tmp_path / 'a.yaml'}, line 2" and "like: other.yaml" in e.value.remedy


def test_the_word_of_a_merge_key_is_a_value_as_others_are_and_quoted_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: <<\nb: [<<, '!x']\n'<<': c\n")
    assert read_tree(tmp_path / "a.yaml") == {"a": "<<", "b": ["<<", "!x"], "<<": "c"}


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "a.yaml").write_text("like: pipe.yaml")
    (tmp_path / "b.yaml").write_text("like: .")
    for name, kind in (
        ("pipe.yaml", "a pipe or device"),
        ("a.yaml", "a pipe"),
        (".", "a folder"),
        ("b.yaml", "a folder"),
    ):
        with pytest.raises(UserError, match=f"^{kind}.* in the place of a config"):
            read_yaml(tmp_path / name)


@pytest.mark.parametrize("text", ["a: [1", "a: *nowhere", "a: 1\n--- \nb: 2", "\x00", "a: 'b", "? {x: y}\n: z"])
def test_a_broken_file_is_told_with_its_place(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UserError, match="not a YAML file") as e:
        read_tree(tmp_path / "a.yaml")
    assert e.value.where.startswith(f"{tmp_path / 'a.yaml'}: ")


@pytest.mark.parametrize("text", ["", "\n", "# تدريب: the rate of a short tr", "---\n", "# one\n\n# two\n", "\ufeff"])
def test_a_config_in_which_no_field_stands_is_refused_by_name_and_braces_alone_are_the_defaults(text, tmp_path) -> None:
    (tmp_path / "train.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "own.yaml").write_text("like: train.yaml\nsteps: 1\n")
    for name in ("train.yaml", "own.yaml"):
        with pytest.raises(UserError, match="a config in which no field stands") as e:
            read_yaml(tmp_path / name)
        assert e.value.where == str(tmp_path / "train.yaml")
    (tmp_path / "train.yaml").write_text(f"{text}\n{{}}\n", encoding="utf-8")
    assert read_yaml(tmp_path / "own.yaml") == {"steps": "1"} and read_yaml(tmp_path / "train.yaml") == {}
