"""Sets for speaker identification: every speaker in all of them, every recording in one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.data import by_speaker
from toolkit.data.by_speaker import PARTS, BySpeakerConfig
from toolkit.data.checks import inspect
from toolkit.data.kaldi import DataDir, write_data_dir


def corpus(folder: Path, recordings: Mapping[str, tuple[int, int]], segments: bool = True) -> Path:
    """A data directory: speaker -> (recordings, utterances of each), of 2 s each, with text in Arabic."""
    folder.parent.mkdir(exist_ok=True)
    cuts = [
        (speaker, f"{speaker}-r{r}", f"{speaker}-r{r}-{u}", u)
        for speaker, (count, each) in recordings.items()
        for r in range(count)
        for u in range(each)
    ]
    tables: dict[str, dict[str, str]] = {
        "utt2spk": {id: speaker for speaker, _, id, _ in cuts},
        "text": {id: f"قَالَ الرَّاوِي {number}" for number, (*_, id, _) in enumerate(cuts)},
        "utt2dur": {id: "2" for *_, id, _ in cuts},
        "wav.scp": {
            name: str(folder.parent / f"{name}.wav") for _, *names, _ in cuts for name in names[not segments :][:1]
        },
        "reco2dur": {rec if segments else id: "100" if segments else "2" for _, rec, id, _ in cuts},
    }
    if segments:
        tables["segments"] = {id: f"{rec} {2 * u} {2 * u + 2}" for _, rec, id, u in cuts}
    for path in tables["wav.scp"].values():
        Path(path).touch()
    write_data_dir(folder, tables)
    return folder


def made(tmp_path: Path, *folders: Path, out: str = "out", **fields: Any) -> tuple[dict[str, DataDir], Step[Any]]:
    step = Step(BySpeakerConfig(**fields), list(folders), tmp_path / out, ["data.by_speaker"])
    by_speaker.run(step)
    name = step.config.name
    return {part: DataDir.read(step.out / f"{name}_{part}") for part in PARTS}, step


def test_every_speaker_is_in_all_three_sets_and_every_recording_in_one(tmp_path: Path) -> None:
    sets, _ = made(tmp_path, corpus(tmp_path / "d", {f"متكلم{k}": (3 + k, 5) for k in range(6)}))
    speakers = {part: {u.speaker for u in data} for part, data in sets.items()}
    assert speakers["train"] == speakers["dev"] == speakers["test"] == {f"متكلم{k}" for k in range(6)}
    recordings = [set(data.tables["wav.scp"]) for data in sets.values()]
    assert sum(map(len, recordings)) == len(set.union(*recordings)) == sum(3 + k for k in range(6))
    assert sum(map(len, sets.values())) == sum(5 * (3 + k) for k in range(6))
    assert all(inspect(data.path, looks=0).problems == [] for data in sets.values())


def test_shares_are_those_of_each_speakers_audio_as_near_as_recordings_allow(tmp_path: Path) -> None:
    sets, _ = made(tmp_path, corpus(tmp_path / "d", {"a": (20, 1), "b": (40, 1)}, segments=False), test_share=0.25)
    counts = {part: [sum(u.speaker == s for u in data) for s in "ab"] for part, data in sets.items()}
    assert counts == {"train": [13, 26], "dev": [2, 4], "test": [5, 10]}


def test_text_and_all_other_tables_are_kept_as_they_are(tmp_path: Path) -> None:
    source = corpus(tmp_path / "d", {"a": (4, 3), "b": (4, 3)})
    sets, _ = made(tmp_path, source)
    before, after = DataDir.read(source), {k: v for data in sets.values() for k, v in data.tables["text"].items()}
    assert after == before.tables["text"] and all(text.startswith("قَالَ الرَّاوِي ") for text in after.values())
    assert all({"utt2dur", "segments", "reco2dur"} <= data.tables.keys() for data in sets.values())


def test_speakers_with_one_or_two_recordings_are_split_by_utterance_and_counted(tmp_path: Path, capsys: Any) -> None:
    sets, step = made(tmp_path, corpus(tmp_path / "d", {"one": (1, 12), "two": (2, 6), "three": (3, 4)}))
    assert all({u.speaker for u in data} == {"one", "two", "three"} for data in sets.values())
    assert step.counts["speakers_with_cut_recordings"] == 2
    assert "WARNING: 2 of 3 speakers have fewer than 3 recordings" in capsys.readouterr().out


def test_a_speaker_with_too_little_is_left_out_with_a_row(tmp_path: Path) -> None:
    sets, step = made(tmp_path, corpus(tmp_path / "d", {"a": (4, 3), "b": (4, 3), "few": (3, 3)}))
    assert {u.speaker for data in sets.values() for u in data} == {"a", "b"}
    assert [row[0] for row in step.ledger.rows] == ["few"]
    assert step.ledger.rows[0][2:] == ("too few utterances", "utterances: 9, of which 10 are asked for")


def test_limits_draw_by_the_seed_and_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    source = corpus(tmp_path / "d", {f"s{k:02}": (20, 1) for k in range(12)})
    limits = {"most_speakers": 5, "most_utterances": 10}
    first, step = made(tmp_path, source, **limits)
    again, _ = made(tmp_path, source, out="again", **limits)
    reseeded, _ = made(tmp_path, source, out="reseeded", seed=2, **limits)
    ids = [{u.id for data in sets.values() for u in data} for sets in (first, again, reseeded)]
    assert len(ids[0]) == 50 and ids[0] == ids[1] != ids[2]
    assert (step.counts["speakers_not_drawn"], step.counts["utterances_not_drawn"]) == (7, 12 * 20 - 50)
    for part in PARTS:
        for table in (tmp_path / f"out/sid_{part}").iterdir():
            assert table.read_bytes() == (tmp_path / f"again/sid_{part}" / table.name).read_bytes()


def test_a_folder_of_sets_is_put_together(tmp_path: Path) -> None:
    for part in ("train", "dev"):
        corpus(tmp_path / "data" / part, {f"{who}-{part}": (4, 3) for who in "ab"})
    corpus(tmp_path / "data/broken_test", {"c": (4, 3)})
    sets, _ = made(tmp_path, tmp_path / "data", name="cv", sets=("train", "dev"))
    assert {u.speaker for u in sets["test"]} == {"a-train", "b-train", "a-dev", "b-dev"}


def test_too_few_speakers_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1 of 2 speakers have 10 utterances or more"):
        made(tmp_path, corpus(tmp_path / "d", {"a": (4, 3), "b": (1, 9)}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fewest_utterances": 2}, "fewest_utterances must be at least 3"),
        ({"most_utterances": 5}, "most_utterances must be 0 or at least fewest_utterances"),
        ({"most_speakers": 1}, "most_speakers must be 0 or at least 2"),
        ({"dev_share": 0.5, "test_share": 0.5}, "leave something to train on"),
        ({"name": "a b"}, "name: 'a b'"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BySpeakerConfig(**fields)
