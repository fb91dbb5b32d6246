"""Samples of several corpora: seeded, nested, in the shares asked for, nothing lost unsaid."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.checks import inspect
from toolkit.data.kaldi import DataDir, Utterance, write_data_dir
from toolkit.data.sample import SampleConfig, draw, run

AUDIO = "/x.wav"  # is not there: no header may be opened for a length
CORPORA = ("mgb2_train", "قصر_train", "fleurs_train")


def pool(**sizes: int) -> dict[str, list[Utterance]]:
    """Set -> that many utterances; the i-th is 1 + i % 9 seconds long."""
    return {
        name: [Utterance(f"{name}-م{i:04d}", "x.wav", 0.0, None, name, 1.0 + i % 9) for i in range(n)]
        for name, n in sizes.items()
    }


def ids(drawn: dict[str, list[Utterance]]) -> set[str]:
    return {u.id for chosen in drawn.values() for u in chosen}


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.lists(st.floats(0.01, 10), min_size=4, max_size=4),
    st.booleans(),
    st.integers(1, 9),
    st.tuples(st.integers(1, 250), st.integers(1, 250)),
    st.booleans(),
)
def test_a_larger_sample_holds_a_smaller_one(sizes, weights, shared, seed, two, by_hours) -> None:
    sets = pool(**{f"s{i}": n for i, n in enumerate(sizes)})
    shares = dict(zip(sets, weights)) if shared else {}
    field = "hours" if by_hours else "count"
    small, large = (
        ids(draw(sets, SampleConfig(shares=shares, seed=seed, **{field: n / 900 if by_hours else n})))
        for n in sorted(two)
    )
    assert small <= large
    if not by_hours:
        assert len(small) == min(min(two), sum(sizes))


@given(st.lists(st.integers(200, 400), min_size=3, max_size=3), st.integers(1, 200), st.data())
def test_every_set_has_its_share_to_within_one_utterance(sizes, count, data) -> None:
    """Webster's quotas of three parties stay within one seat of the exact ones (Balinski and Young 1982)."""
    sets = pool(a=sizes[0], b=sizes[1], c=sizes[2])
    shares = {name: data.draw(st.integers(1, 20)) for name in sets}
    drawn = draw(sets, SampleConfig(count=count, shares={k: float(v) for k, v in shares.items()}))
    for name, share in shares.items():
        assert abs(len(drawn[name]) - count * share / sum(shares.values())) < 1


def test_webster_gives_no_set_less_when_more_are_drawn_where_largest_remainders_do() -> None:
    """The Alabama paradox: 10 and 11 seats for shares 6, 6, 2 give the small one 2, then 1 by largest remainders."""
    sets = pool(a=60, b=60, c=60)
    taken = [
        Counter({n: len(v) for n, v in draw(sets, SampleConfig(count=k, shares={"a": 6, "b": 6, "c": 2})).items()})
        for k in range(1, 60)
    ]
    for fewer, more in pairwise(taken):
        assert sum((more - fewer).values()) == 1 and not fewer - more


def test_without_shares_sets_are_drawn_by_their_size_and_a_set_that_is_used_up_leaves_its_share() -> None:
    sets = pool(big=300, small=100)
    assert {n: len(v) for n, v in draw(sets, SampleConfig(count=200)).items()} == {"big": 150, "small": 50}
    equal = SampleConfig(count=300, shares={"big": 1.0, "small": 1.0})
    assert {n: len(v) for n, v in draw(sets, equal).items()} == {"big": 200, "small": 100}


def test_the_draw_is_of_the_seed_and_of_no_order() -> None:
    sets = pool(a=200, b=100)
    turned = {name: sets[name][::-1] for name in reversed(sets)}
    config = SampleConfig(count=90)
    assert draw(sets, config) == draw(turned, config)
    assert ids(draw(sets, config)) != ids(draw(sets, SampleConfig(count=90, seed=2)))


def test_each_utterance_is_as_likely_as_another() -> None:
    sets = pool(a=40)
    counts = Counter(id for seed in range(500) for id in ids(draw(sets, SampleConfig(count=10, seed=seed))))
    expected, deviation = 500 / 4, (500 * 0.25 * 0.75) ** 0.5
    assert all(abs(counts[u.id] - expected) < 4.5 * deviation for u in sets["a"])  # of a binomial; 40 of them


def write_sets(root: Path, names: Sequence[str] = CORPORA, n: int = 30) -> Path:
    """Sets of n utterances below `root`; the first has segments, the last neither text nor dialects."""
    for k, name in enumerate(names):
        made = [f"{name}{i % 5}-{i:03d}" for i in range(n)]
        tables = {"utt2spk": {id: id.partition("-")[0] for id in made}}
        if k == 0:
            tables["wav.scp"], tables["reco2dur"] = {f"rec{name}": AUDIO}, {f"rec{name}": "9999"}
            tables["segments"] = {id: f"rec{name} {40 * i} {40 * i + 1 + i}" for i, id in enumerate(made)}
        else:
            tables["wav.scp"] = dict.fromkeys(made, AUDIO)
            tables["utt2dur"] = {id: f"{1 + i}" for i, id in enumerate(made)}
        if k < len(names) - 1:
            tables["text"], tables["utt2lang"] = dict.fromkeys(made, "نصّ عربيّ"), dict.fromkeys(made, "EGY")
        write_data_dir(root / name, tables)
    return root


def sample(out: Path, config: SampleConfig, *ins: Path) -> Step[SampleConfig]:
    step = Step(config, list(ins), out, ["data.sample"], ledger=Ledger("data.sample"))
    run(step)
    return step


def test_the_sample_is_a_sound_data_directory_and_counts_say_what_was_not_drawn(tmp_path: Path) -> None:
    root = write_sets(tmp_path / "data")
    step = sample(tmp_path / "out", SampleConfig(count=45, longest_seconds=20.0), root)
    odd = {p.reason for p in inspect(tmp_path / "out").problems}
    assert odd == {
        "missing",
        "empty transcript",
    }  # the recordings, which are not there, and the set without transcripts
    data = DataDir.read(tmp_path / "out")
    assert len(data) == 45 == step.counts["utterances"]
    assert Counter(data.tables["utt2corpus"].values()) == dict.fromkeys(CORPORA, 15)
    assert {u.id for u in data} == set(data.tables["text"])
    assert set(data.tables["utt2lang"].values()) == {"EGY", "unknown"}
    reasons = Counter(row[2] for row in step.ledger.rows)
    assert reasons == {"too long": 30}
    assert step.counts["not_drawn_utterances"] == 90 - 30 - 45
    every = [u for name in CORPORA for u in DataDir.read(root / name) if u.seconds <= 20]
    hours = sum(u.seconds for u in every) / 3600
    assert step.counts["hours"] + step.counts["not_drawn_hours"] == pytest.approx(hours, abs=2e-4)
    originals = {u.id: (u.path, u.start, u.speaker, u.seconds) for u in every}
    assert [(u.path, u.start, u.speaker, u.seconds) for u in data] == [originals[u.id] for u in data]


def test_without_limits_all_sets_go_together_and_an_earlier_draw_keeps_its_names(tmp_path: Path) -> None:
    root = write_sets(tmp_path / "data")
    step = sample(tmp_path / "all", SampleConfig(), root)
    assert step.counts["utterances"] == 90 and step.counts["not_drawn_utterances"] == 0
    sample(tmp_path / "again", SampleConfig(count=50), tmp_path / "all")
    again = DataDir.read(tmp_path / "again")
    assert set(again.tables["utt2corpus"].values()) == set(CORPORA)


def test_a_set_that_is_named_is_taken_whatever_its_name_is(tmp_path: Path) -> None:
    root = write_sets(tmp_path / "data", ("talks", "x_train"))
    step = sample(tmp_path / "out", SampleConfig(), root / "talks")
    assert step.counts["utterances"] == 30
    step = sample(tmp_path / "both", SampleConfig(), root, root / "talks")
    assert set(DataDir.read(tmp_path / "both").tables["utt2corpus"].values()) == {"talks", "x_train"}


def test_more_than_there_is_takes_all_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    step = sample(tmp_path / "out", SampleConfig(count=100_000), write_sets(tmp_path / "data"))
    assert step.counts["utterances"] == 90
    assert "WARNING: 100,000 were asked for, and no more are there" in capsys.readouterr().out


def test_mistakes_are_named(tmp_path: Path) -> None:
    root = write_sets(tmp_path / "data")
    for config, ins, message in (
        (SampleConfig(shares={"mgb2_train": 1.0}), [root], "shares and sets differ in fleurs_train"),
        (SampleConfig(sets=("qasr*",)), [root], "no set is called qasr"),
        (SampleConfig(), [root, root], "two sets called fleurs_train"),
        (SampleConfig(), [tmp_path], "no data directory"),
        (SampleConfig(shortest_seconds=50.0), [root], "nothing is drawn"),
        (SampleConfig(hours=1e-5), [root], "nothing is drawn"),
    ):
        with pytest.raises(UserError) as refusal:
            sample(tmp_path / "out", config, *ins)
        assert message in refusal.value.what


@pytest.mark.parametrize(
    "fields",
    [{"count": -1}, {"hours": -1.0}, {"shares": {"a": 0.0}}, {"shortest_seconds": 9.0, "longest_seconds": 8.0}],
)
def test_a_config_that_cannot_be_is_refused(fields: dict) -> None:
    with pytest.raises(ValueError, match=list(fields)[-1]):
        SampleConfig(**fields)


def test_the_command_gives_the_same_bytes_whatever_the_order_of_the_inputs(tmp_path: Path) -> None:
    write_sets(tmp_path / "data")
    made = []
    for out, names in (("a", CORPORA), ("b", CORPORA[::-1])):
        words = ["--count", "40", "--shares", "mgb2_train=2,قصر_train=1,fleurs_train=1"]
        command = [sys.executable, "-m", "toolkit.data.sample", *words, "--in", *(f"data/{n}" for n in names)]
        done = subprocess.run([*command, "--out", out], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        assert "mgb2_train: 20 of 30 utterances" in done.stdout
        made.append({f.name: f.read_bytes() for f in (tmp_path / out).iterdir() if f.is_file() and f.suffix != ".json"})
    assert made[0] == made[1]
    assert json.loads((tmp_path / "a/record.json").read_text(encoding="utf-8"))["counts"]["mgb2_train_utterances"] == 20


def test_recordings_of_one_name_that_are_two_files_stay_two_and_one_file_stays_one(tmp_path: Path) -> None:
    for name, file in (("mgb2_train", "a.wav"), ("qasr_train", "b.wav")):
        tables = {
            "wav.scp": {"برنامج": f"/nowhere/{file}", "مشترك": "/nowhere/c.wav"},
            "segments": {f"{name}-1": "برنامج 0.5 2.5", f"{name}-2": "مشترك 1 3"},
            "utt2spk": {f"{name}-1": f"{name}-1", f"{name}-2": f"{name}-2"},
            "utt2dur": {f"{name}-1": "2", f"{name}-2": "2"},
            "reco2dur": {"برنامج": "9", "مشترك": "7"},
            "text": {f"{name}-1": "قال المعلم", f"{name}-2": "شو صار"},
        }
        write_data_dir(tmp_path / "data" / name, tables)
    sample(tmp_path / "out", SampleConfig(), tmp_path / "data")
    drawn = DataDir.read(tmp_path / "out")
    heard = {u.id: (u.path, u.start) for u in drawn.utterances}
    assert heard == {
        "mgb2_train-1": ("/nowhere/a.wav", 0.5),
        "mgb2_train-2": ("/nowhere/c.wav", 1),
        "qasr_train-1": ("/nowhere/b.wav", 0.5),
        "qasr_train-2": ("/nowhere/c.wav", 1),
    }
    assert set(drawn.tables["wav.scp"]) == {"mgb2_train-برنامج", "qasr_train-برنامج", "مشترك"}
