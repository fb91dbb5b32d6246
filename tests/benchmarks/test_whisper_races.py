"""The races of a Whisper, on one of random weights and on noise: what is compared, and what everyone gets."""

from pathlib import Path

import numpy as np
import pytest
from whispers import tiny_whisper_folder

from benchmarks import whisper_races
from benchmarks.arrays import RATE
from benchmarks.inputs import BenchInputs
from benchmarks.race import PEERS
from benchmarks.table import part
from benchmarks.whisper_clips import Clip, clip_path, read_clips, turn
from benchmarks.whisper_inputs import windows, write_clips
from toolkit.core.files import read_json, write_json
from toolkit.data.audio import read_audio
from toolkit.models.vocabulary import Vocabulary

CLIPS = [
    Clip(f"{code}-{i}", code, 2.0 + i / 4, "مرحبا بكم" if code == "ar" else "")
    for code in ("ar", "en")
    for i in range(5)
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> BenchInputs:
    made = BenchInputs(tmp_path_factory.mktemp("inputs"), 0.01)
    rng = np.random.default_rng(1)
    waves = [(rng.standard_normal(int(clip.seconds * RATE)) * 0.1).astype(np.float32) for clip in CLIPS]
    write_clips(made.folder / "whisper-clips", list(zip(CLIPS, waves, strict=True)))
    for size in ("tiny", "base"):
        only_text(tiny_whisper_folder(made.folder / f"whisper-{size}", decoder_layers=4))
    return made


def only_text(folder: Path) -> None:
    """Random weights write times where none are wanted, which transformers takes for the end of a segment."""
    vocabulary, generation = Vocabulary.read(folder), read_json(folder / "generation_config.json")
    generation["suppress_tokens"] = list(range(vocabulary.end + 1, vocabulary.size))
    write_json(folder / "generation_config.json", generation)


def test_clips_come_back_in_their_order(inputs: BenchInputs) -> None:
    folder = inputs.folder / "whisper-clips"
    assert read_clips(folder) == CLIPS
    assert len(read_audio(str(clip_path(folder, CLIPS[1])))) == 2.25 * RATE


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_rounds_share_the_clips_and_the_warm_up_has_a_few(rounds: int) -> None:
    turns = [turn(CLIPS, number, rounds) for number in range(rounds)]
    assert sorted((c for t in turns for c in t), key=CLIPS.index) == CLIPS
    assert max(map(len, turns)) - min(map(len, turns)) <= 1
    assert 0 < len(turn(CLIPS, -1, rounds)) < len(CLIPS)


def test_windows_are_full_and_labels_as_long_as_was_said(inputs: BenchInputs) -> None:
    end = Vocabulary.read(inputs.folder / "whisper-tiny").end
    with np.load(windows(inputs, 5)) as stored:
        assert stored["waves"].shape == (5, 30 * RATE) and stored["waves"].dtype == np.float32
        assert {20, 60} <= set(stored["lengths"]) and all(20 <= n <= 60 for n in stored["lengths"])
        assert (
            len(stored["tokens"]) == stored["lengths"].sum()
            and 0 <= stored["tokens"].min() <= stored["tokens"].max() < end
        )


def test_a_word_error_rate_is_that_of_a_case_worked_by_hand() -> None:
    texts = ["مرحبا بكم في عَمّان", ""], ["مرحباً بكم من عمان", "نعم"]
    assert whisper_races.word_error_rate(*texts) == 50  # one word other and one more, of four: marks do not count


@pytest.mark.skipif(not PEERS.is_file(), reason="the peers are not installed: tools/setup.sh peers")
def test_labels_of_all_ways_are_compared_with_the_peers(inputs: BenchInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_races, "WAYS", {n: w for n, w in whisper_races.WAYS.items() if "CTranslate2" not in n})
    section = whisper_races.pseudo_label(inputs, 1)
    same = next(claim for claim in section.claims if claim.name.startswith("the same text"))
    assert same.reached and list(same.ratios) == [1.0]
    peer, ours = section.rows[:2]
    assert peer[4:6] == ours[4:6] == ["0", "0.00"] and peer[6] == ours[6] and float(peer[6]) > 0
    assert "10 clips" in part(section) and "5 ar, 5 en" in part(section)


@pytest.mark.skipif(not PEERS.is_file(), reason="the peers are not installed: tools/setup.sh peers")
def test_the_published_step_and_ours_learn_the_same(inputs: BenchInputs) -> None:
    section = whisper_races.distil(inputs, 1)
    assert len(section.claims) == 2 and section.claims[1].ratios[0] > 0
    assert "Loss of the first step: " in part(section)
