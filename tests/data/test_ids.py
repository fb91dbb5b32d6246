"""Ids: what one may be, and usable ones made of any name."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.ids import LONGEST, alike, fault, id_form, safe, safe_speaker, unique

names = st.text(st.characters(codec="utf-8"), max_size=80)


@given(names)
def test_a_safe_id_is_usable_whatever_the_name(name):
    assert fault(safe(name)) == ""
    assert fault(safe_speaker(name)) == ""


def test_ids_that_could_harm_are_refused_and_the_character_is_named():
    for id, message in {
        "a/b": "SOLIDUS",
        "..": "folder",
        "a..b": "folder",
        "a b": "SPACE",
        "a:b": "COLON",
        "a\u200fb": "RIGHT-TO-LEFT MARK",
        "a\u00a0b": "NO-BREAK SPACE",
        "a\x07b": "U+0007",
        "": "empty",
        "س" * 120: "230 bytes",
    }.items():
        assert message in fault(id), id
    for id in ("سجل-٠١", "MGB2_0001-spk_seg", "مُشَكَّل", "a.b+c@d", "日本"):
        assert fault(id) == ""


@given(st.lists(names, unique=True, max_size=20))
def test_different_names_get_different_ids_in_any_order(names):
    ids = unique(names)
    assert len(set(ids.values())) == len(names)
    assert unique(reversed(names)) == ids


def test_names_that_clash_all_carry_a_tag_of_their_own():
    ids = unique(["a/b.wav", "a b.wav", "a-b.wav", "c"])
    assert ids["c"] == "c" and ids["a b.wav"] == "a_b.wav"
    assert ids["a/b.wav"] != ids["a-b.wav"] and ids["a-b.wav"].startswith("a-b.wav-")


def test_a_long_name_is_shortened_to_a_usable_id():
    made = safe("مقطع " * 60)
    assert len(made.encode()) < LONGEST and made != safe("مقطع " * 61)


@given(st.sets(names, max_size=8))
def test_utterances_sorted_by_id_are_sorted_by_speaker(names):
    speakers = list(unique(sorted(names), safe_speaker, "_").values())
    utterances = sorted(((f"{s}-{r}", s) for s in speakers for r in ("!x", "a", "ي")), key=lambda u: os.fsencode(u[0]))
    order = [s for _, s in utterances]
    assert order == sorted(order, key=os.fsencode)


@pytest.mark.parametrize(
    ("ids", "yes", "no"),
    [
        (["u1", "u-2"], ["u1", "v33"], ["الحال", "ب1", "wktb", "u", "2011"]),
        (["سعاد-1", "b-2"], ["ب-7", "c-3"], ["وكتب", "wktb"]),
        (["7", "12"], ["9", "a1"], ["wktb", "الحال"]),
        (["anna", "b2"], ["zed", "anna"], ["الحال"]),
    ],
)
def test_a_word_that_does_not_look_like_the_ids_is_none(ids: list[str], yes: list[str], no: list[str]) -> None:
    is_id = id_form(ids)
    assert all(map(is_id, yes)) and not any(map(is_id, no))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("علي على عل\u06cc", "differ only in spelling"),
        ("أحمد احمد", "differ only in spelling"),
        ("فاطمة فاطمه", "differ only in spelling"),
        ("محمد مـحمد مُحمد", "differ only in spelling"),
        ("spk1 spk\uff11", "differ only in spelling"),
        ("مصري مصرى", "differ only in spelling"),
        ("3 ٣", "are one number"),
        ("عبد_الله عبد-الله", "differ only in case, space, _ or -"),
        ("EGY egy", "differ only in case"),
        ("3 03", "are one number"),
    ],
)
def test_two_spellings_of_one_name_are_told_and_two_names_are_not(names: str, why: str) -> None:
    others = ["عالي", "ليلى", "حسن", "حسين", "فاطمی", "7", "17", "C", "C+", "spk2"]
    assert alike(others) == []
    assert alike([*others, *names.split()]) == [f"{', '.join(sorted(names.split()))} {why} and stay apart"]
