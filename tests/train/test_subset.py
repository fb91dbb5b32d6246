"""What a run leaves out by choice: groups, and all beyond a number of hours."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.data.kaldi import DataDir, Utterance
from toolkit.train.subset import Choice, groups_of, hours_of, refuse_unknown, share_lines, within_hours

corpora = st.dictionaries(
    st.text("abcdeسلام", min_size=1, max_size=6),
    st.tuples(st.floats(0.5, 30), st.sampled_from(["ARB", "ENG", "FRA"])),
    min_size=1,
    max_size=80,
)


@given(corpora, st.integers(0, 5), st.data())
@settings(max_examples=100)
def test_fewer_hours_are_a_part_of_more_and_none_are_too_many(
    corpus: dict[str, tuple[float, str]], seed: int, data: st.DataObject
) -> None:
    seconds, strata = ({id: row[i] for id, row in corpus.items()} for i in (0, 1))
    total = sum(seconds.values()) / 3600
    hours = sorted(data.draw(st.lists(st.floats(total / 50, 1.2 * total), min_size=2, max_size=4)))
    before: set[str] = set()
    for h in hours:
        try:
            chosen = within_hours(seconds, strata, h, seed)
        except UserError:
            assert not before
            continue
        assert before <= chosen
        assert sum(seconds[id] for id in chosen) <= h * 3600 * (1 + 1e-9) + 1e-6
        before = chosen


def test_each_stratum_gives_the_same_share_of_its_audio_to_within_an_utterance() -> None:
    random = np.random.default_rng(0)
    strata = {f"u{i:04}": "ENG" if i % 5 == 0 else "ARB" for i in range(2000)}
    seconds = {id: float(random.uniform(1, 20)) for id in strata}
    hours = 0.3 * sum(seconds.values()) / 3600
    chosen = within_hours(seconds, strata, hours, 1)
    for name in ("ARB", "ENG"):
        total = sum(seconds[id] for id in strata if strata[id] == name)
        taken = sum(seconds[id] for id in chosen if strata[id] == name)
        assert abs(taken - 0.3 * total) < 20


def test_no_stratum_goes_without_while_another_has_two_and_the_hours_are_used_up() -> None:
    random = np.random.default_rng(0)
    strata = {f"u{i:03}": f"dialect{i % 7}" for i in range(203)}
    seconds = {id: float(random.uniform(2, 4)) for id in strata}
    chosen = within_hours(seconds, strata, 30 / 3600, 1)
    assert 26 < sum(seconds[id] for id in chosen) <= 30
    assert {strata[id] for id in chosen} == set(strata.values())


@pytest.mark.parametrize("seed", range(4))
def test_of_few_hours_the_largest_strata_come_first(seed: int) -> None:
    strata = {f"u{i:02}": "ARB" if i < 6 else "ENG" if i < 10 else "FRA" for i in range(12)}
    assert {strata[id] for id in within_hours(dict.fromkeys(strata, 2.0), strata, 5 / 3600, seed)} == {"ARB", "ENG"}


def test_the_shares_of_the_groups_are_said_and_who_got_nothing_is_named() -> None:
    groups = {"a": "ARB", "b": "ENG", "c": "FRA", "d": "ARB"}
    every = [Utterance(id, "", 0.0, None, "s", 3.0 if id == "a" else 1.0) for id in groups]
    assert share_lines(every, every[:2], groups) == [
        "of it ARB 75.0 %, ENG 25.0 %",
        "warning: nothing of FRA: so few hours leave them out",
    ]
    assert share_lines(every[:2], every[:2], groups) == ["of it ARB 75.0 %, ENG 25.0 %"]
    many = [Utterance(f"u{i:02}", "", 0.0, None, "s", 1.0) for i in range(20)]
    assert share_lines(many, many, {u.id: u.id for u in many})[0].endswith("u11 5.0 % and 8 more")


def test_the_choice_depends_on_ids_and_seed_and_not_on_order() -> None:
    seconds = {f"u{i}": 1.0 for i in range(300)}
    one = within_hours(seconds, {}, 100 / 3600, 1)
    assert one == within_hours(dict(reversed(seconds.items())), {}, 100 / 3600, 1)
    assert one != within_hours(seconds, {}, 100 / 3600, 2)
    assert 0.2 < len(one & within_hours(seconds, {}, 100 / 3600, 2)) / len(one) < 0.5  # a third by chance


def test_as_many_hours_as_there_are_or_more_are_all() -> None:
    seconds = {"a": 3.0, "b": 4.0}
    assert within_hours(seconds, {}, 7 / 3600, 1) == within_hours(seconds, {}, 9.0, 1) == {"a", "b"}


def test_less_than_an_utterance_is_a_users_error() -> None:
    with pytest.raises(UserError, match="less than one utterance"):
        within_hours({"a": 30.0, "b": 40.0}, {}, 0.001, 1)


def test_what_is_left_out_is_counted_by_reason_and_said_in_a_line() -> None:
    utterances = [Utterance(f"u{i}", "", 0.0, None, "s", 3600.0) for i in range(10)]
    choice = Choice(36000.0)
    assert choice.summary(10.0) == "" and choice.counts == {}
    kept = choice.keep(utterances, lambda u: u.id not in ("u1", "u2", "u3"), "exclude")
    kept = choice.keep(kept, lambda u: u.id == "u0", "max_hours")
    assert [u.id for u in kept] == ["u0"]
    assert choice.counts == {
        "utterances_left_out_by_exclude": 3,
        "hours_left_out_by_exclude": 3.0,
        "utterances_left_out_by_max_hours": 6,
        "hours_left_out_by_max_hours": 6.0,
    }
    assert choice.summary(1.0) == (
        "training on 1 of 10.0 h (10.0 %); left out: 3 utterances, 3 h, by data.exclude; "
        "6 utterances, 6 h, by data.max_hours"
    )
    assert hours_of(1100.2 * 3600) == "1,100.2 h" and hours_of(53) == "0.0147 h"


def test_groups_are_those_of_the_table_and_what_it_is_silent_about_is_unknown() -> None:
    utterances = [Utterance(id, "", 0.0, None, "s", 1.0) for id in ("a", "b", "c")]
    data = DataDir(Path("data/train"), {"wav.scp": {}, "utt2lang": {"a": "ARB", "c": "ENG"}, "utt2spk": {}}, utterances)
    groups = groups_of(data, "utt2lang", "data.exclude")
    assert groups == {"a": "ARB", "b": "unknown", "c": "ENG"}
    refuse_unknown(["ENG", "unknown"], groups.values(), "data.exclude")
    with pytest.raises(UserError, match="no utterance is of group FRA") as error:
        refuse_unknown(["ENG", "FRA"], groups.values(), "data.exclude")
    assert "ARB (1), ENG (1), unknown (1)" in error.value.remedy
    with pytest.raises(UserError, match="no table utt2dialect") as error:
        groups_of(data, "utt2dialect", "data.balance")
    assert "utt2lang, utt2spk" in error.value.remedy and error.value.where == "data/train"
