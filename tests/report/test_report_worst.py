"""The utterances that a system got most wrong: which they are, their audio and their spectrograms."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from report.conftest import Recipe, report
from report.figures import CER, figure

from toolkit.core.errors import UserError
from toolkit.core.results import System, TaskResult
from toolkit.core.schema import dump
from toolkit.report.config import ReportConfig
from toolkit.report.render.html import page
from toolkit.report.render.markdown import document
from toolkit.report.render.spectrogram import BANDS, WIDEST, mel_db, png
from toolkit.report.section import Texts
from toolkit.report.sections import worst
from toolkit.report.sections.worst import ordered
from toolkit.report.sources.datasets import read_set
from toolkit.report.sources.items import Item
from toolkit.report.sources.recordings import RATE, Clip, Recordings, flac, read_wave
from toolkit.score.items import Items, write_items


def scored(task):
    sets = {"sets": ["train", "dev", "test"]}
    return TaskResult("m", task, task.upper(), "any", (figure(CER, 60),), "0", conditions=sets)


def test_the_worst_have_the_most_errors_then_the_largest_share_and_of_equals_each_speaker_comes_once_first() -> None:
    made = [
        Item("a1", "a", "", "", 1, 1),
        Item("a2", "a", "", "", 1, 1),
        Item("b1", "b", "", "", 1, 1),
        Item("long", "a", "", "", 5, 50),
        Item("short", "a", "", "", 5, 6),
        Item("half", "c", "", "", 1, 2),
    ]
    assert [item.id for item in ordered(made)] == ["short", "long", "a1", "b1", "a2", "half"]


REFERENCES = ["ذَهَبَ إلى السوق", "how much", "نعم", "لا"]
ANSWERS = ["wذهب", "how match", "نعم", "نعم"]


@pytest.fixture
def heard(recipe: Recipe) -> Recipe:
    """A system with a task of four utterances; two lie in one flac of 8 kHz, the others' audio cannot be had."""
    time_N = np.arange(3 * 8000) / 8000
    wave_N = 0.5 * np.sin(2 * np.pi * 440 * time_N)
    Path("data/test").mkdir(parents=True)
    soundfile.write("rec.flac", wave_N, 8000)
    recipe.write("data/test/wav.scp", "r rec.flac\npiped cat x.wav |\ngone none.wav\n")
    recipe.write("data/test/segments", "ب-1 r 0.5 1.5\nب-2 r 2.0 -1\nu3 piped 0 1\nu4 gone 0 1\n")
    counts = {"cer": np.array([[9.0, 10.0], [2.0, 8.0], [0.0, 3.0], [3.0, 2.0]])}
    table_of = Items(["ب-1", "ب-2", "u3", "u4"], ["s1", "s1", "s2", "s2"], REFERENCES, ANSWERS, counts)
    of_task = scored("asr")
    recipe.json("exp/probe/m/row.json", dump(System("m", "m", "trained")))
    recipe.json("exp/probe/m/asr.json", dump(of_task))
    write_items(recipe.root / "exp/probe/m/asr.items.tsv", table_of)
    return recipe


def shown(made):
    """The utterances of the section `worst`, by id."""
    (section,) = (section for section in made.sections if section.id == "worst")
    texts = [inner for block in section.blocks for inner in block.blocks if isinstance(inner, Texts)]
    return {utterance.id: utterance for block in texts for utterance in block.utterances}


INS = [Path("data"), Path("exp/probe")]


def test_the_worst_utterances_have_their_audio_their_spectrogram_and_what_was_made_of_them(heard: Recipe) -> None:
    made = report(INS)
    utterances = shown(made)
    assert list(utterances) == ["ب-1", "u4", "ب-2"]  # u3 has no error
    first = utterances["ب-1"]
    assert first.texts == [("reference", REFERENCES[0]), ("answer", ANSWERS[0])] and first.place == "errors 9 of 10, s1"
    wave_N, rate = soundfile.read(io.BytesIO(base64.b64decode(first.audio)))
    assert (rate, len(wave_N), first.seconds) == (RATE, RATE, 1.0)
    time_N = 0.5 + np.arange(RATE) / RATE
    assert np.abs(wave_N - 0.5 * np.sin(2 * np.pi * 440 * time_N))[500:-500].max() < 1e-3
    assert Image.open(io.BytesIO(base64.b64decode(first.picture))).size[1] == BANDS
    assert utterances["ب-2"].seconds == pytest.approx(1.0)  # an end of -1: that of the recording
    assert (utterances["u4"].silent, utterances["u4"].audio) == ("no file none.wav", "")
    html = page(made)
    assert 'dd dir="rtl">wذهب' in html and 'dd dir="auto">how match' in html  # read as the reference is
    assert html.count("data:audio/flac;base64,") == html.count("data:image/png;base64,") == 2
    assert "No audio: <bdi>no file none.wav</bdi>." in html
    assert "ASR, m: the 3 items with the most errors (CER) of 4, of which 3 have any." in document(made)
    assert page(report(INS)) == html


def test_the_config_says_how_many_and_none_is_no_section(heard: Recipe) -> None:
    assert list(shown(report(INS, worst=1))) == ["ب-1"]
    assert "worst" not in [section.id for section in report(INS, worst=0).sections]
    with pytest.raises(ValueError, match="worst is -1"):
        ReportConfig(worst=-1)


def test_audio_for_which_the_page_has_no_room_is_told_and_the_worst_of_each_task_comes_first(
    heard: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [len(base64.b64decode(shown(report(INS))["ب-1"].__dict__[part])) for part in ("audio", "picture")]
    heard.json("exp/probe/m/per.json", dump(scored("per")))
    Path("exp/probe/m/per.items.tsv").write_bytes(Path("exp/probe/m/asr.items.tsv").read_bytes())
    monkeypatch.setattr(worst, "AUDIO_BYTES", 2 * sum(sizes) + 10)
    (section,) = (section for section in report(INS).sections if section.id == "worst")
    for of_task in section.blocks:
        by_id = {utterance.id: utterance for utterance in of_task.blocks[1].utterances}
        assert by_id["ب-1"].audio and by_id["ب-2"].silent == worst.FULL


def test_an_item_that_is_no_utterance_and_audio_that_a_command_makes_or_nobody_reads_are_told(heard: Recipe) -> None:
    recordings = Recordings([read_set(Path("data/test"))])
    assert recordings.clip("enrol-1 test-2") is None
    assert read_wave(recordings.clip("u3"))[1] == "its audio comes from a command"
    heard.write("text.wav", "نص لا صوت")
    wave_N, reason = read_wave(Clip("text.wav"))
    assert len(wave_N) == 0 and reason.startswith("text.wav cannot be read: ")
    assert read_wave(Clip("rec.flac", 9.0))[1] == "its audio has no samples"
    heard.write("data/test/segments", "ب-1 elsewhere 0.5 1.5\n")
    with pytest.raises(UserError, match="the line of ب-1") as error:
        Recordings([read_set(Path("data/test"))]).clip("ب-1")
    assert error.value.where == "data/test/segments"


def test_the_set_that_was_scored_is_looked_into_first(heard: Recipe) -> None:
    for name in ("dev", "train"):
        heard.write(f"data/{name}/wav.scp", f"ب-1 {name}.wav\n")
    sets = [read_set(Path("data") / name) for name in ("train", "dev", "test")]
    assert [Recordings(sets).clip("ب-1", first).wav for first in ("test", "dev", "")] == [
        "rec.flac",
        "dev.wav",
        "train.wav",
    ]


@pytest.mark.parametrize(
    "written", ["", "utterance\tspeaker\n", "utterance\tspeaker\treference\tanswer\tcer\tcer.of\nx\ty\n"]
)
def test_a_damaged_table_of_items_is_refused(heard: Recipe, written: str) -> None:
    heard.write("exp/probe/m/asr.items.tsv", written)
    with pytest.raises(UserError) as error:
        report(INS)
    assert error.value.where == "exp/probe/m/asr.items.tsv"


def test_a_tone_lies_in_the_mel_band_around_it_and_silence_is_dark() -> None:
    """Slaney's scale is linear below 1 kHz, 15 mel; 8 kHz are 15 + 27 ln 8 / ln 6.4 mel, parted into BANDS + 1."""
    step = (15 + 27 * np.log(8) / np.log(6.4)) / (BANDS + 1)
    hertz = 20 * step * 200 / 3  # the middle of band 19, counted from 0
    decibels = mel_db(np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32), RATE)
    assert (decibels[:, 5:-5].argmax(0) == 19).all() and decibels.max() == 0
    assert mel_db(np.zeros(RATE, np.float32), RATE).max() == -80
    assert mel_db(np.ones(60 * RATE, np.float32), RATE).shape[1] <= WIDEST
    picture = np.asarray(Image.open(io.BytesIO(png(decibels))).convert("L"))
    assert picture.shape == decibels.shape and (picture[:, 5:-5].argmax(0) == BANDS - 1 - 19).all()  # low bands below


def test_flac_keeps_sixteen_bits_and_clips_what_is_louder_than_full_scale() -> None:
    wave_N = np.array([0.0, 0.5, -0.25, 1.7, -3.0], np.float32)
    kept, rate = soundfile.read(io.BytesIO(flac(wave_N)))
    assert rate == RATE and kept == pytest.approx([0, 0.5, -0.25, 1, -1], abs=2**-15)
