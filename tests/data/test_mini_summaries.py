"""What sentences of the mini corpus tell, and recordings of two of them with a report."""

import re
from pathlib import Path

import numpy as np
import pytest

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.audio import read_audio
from toolkit.data.corpora.mini import MiniConfig
from toolkit.data.corpora.mini import run as make_mini
from toolkit.data.corpora.mini_arabic import LEXICONS
from toolkit.data.corpora.mini_events import EVENTS, REPORTS, STANDARD, URGENCY, Event, event_of
from toolkit.data.corpora.mini_summaries import MiniSummariesConfig, plan, run
from toolkit.data.corpora.mini_text import expand
from toolkit.data.kaldi import DataDir

ARABIC = re.compile(r"[\u0621-\u064a\u06af ]+")


def test_an_algerian_question_for_the_price_of_fish_is_reported_in_standard_arabic() -> None:
    """By hand: شْحَال يَسْوَى = how much is, الحوت = السمك."""
    sentence = next(s for s in expand(LEXICONS["ALG"].templates[3], LEXICONS["ALG"].slots) if "الحُوت" in s)
    event = event_of("ALG", sentence)
    assert event == Event("asks the price", "السمك") and event.report == "يسأل عن سعر السمك"


@pytest.mark.parametrize("dialect", LEXICONS)
def test_every_sentence_has_an_event_or_none_and_every_event_a_slot(dialect: str) -> None:
    lexicon = LEXICONS[dialect]
    for number, (kind, slot) in EVENTS[dialect].items():
        assert kind in REPORTS and f"{{{slot}}}" in lexicon.templates[number]
    for number, template in enumerate(lexicon.templates):
        sentence = next(iter(expand(template, lexicon.slots)))
        event = event_of(dialect, sentence)
        assert (event is None) == (number not in EVENTS[dialect])
        assert event is None or ARABIC.fullmatch(event.report)
    with pytest.raises(KeyError):
        event_of(dialect, "hello")


def test_no_word_is_standard_and_foreign_at_once() -> None:
    assert not set(STANDARD) & set(STANDARD.values())


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mini")
    config = MiniConfig(minutes=2.5, speakers=4, dev_speakers=1, test_speakers=1, dev_share=0.2, test_share=0.2,
                        english_share=0.1, vowels=False, pausal=True)  # fmt: skip
    make_mini(Step(config, [], folder, ["data.corpora.mini", "--out", str(folder)], ledger=Ledger("")))
    return folder


def test_a_recording_is_two_sentences_of_one_speaker_and_its_report_the_more_pressing_event(
    mini: Path, tmp_path: Path
) -> None:
    step = Step(
        MiniSummariesConfig(train=6, dev=2, test=2), [mini], tmp_path, ["x", "--out", str(tmp_path)], ledger=Ledger("")
    )
    run(step)
    clips = {clip.id: clip for clip in plan(mini, step.config)}
    data = DataDir.read(tmp_path / "summary_train")
    assert len(data) == 6 and step.counts["synthetic"] == 1
    for utterance in data:
        clip = clips[utterance.id]
        one, two = clip.parts
        assert one.speaker == two.speaker == utterance.speaker
        whole = np.concatenate([read_audio(part.path) for part in clip.parts])
        assert np.abs(read_audio(utterance.path) - whole).max() < 1e-4
        texts = DataDir.read(mini / "train").tables["text"]
        dialect = data.tables["utt2lang"][utterance.id]
        events = [e for u in clip.parts if (e := event_of(dialect, texts[u.id]))]
        best = min(events, key=lambda e: URGENCY[e.kind])
        assert data.tables["utt2summary"][utterance.id] == best.report
        assert data.tables["text"][utterance.id] == f"{texts[one.id]} {texts[two.id]}"


def test_more_recordings_than_pairs_are_refused(mini: Path) -> None:
    with pytest.raises(UserError, match="5000 recordings of two sentences, and train has"):
        plan(mini, MiniSummariesConfig(train=5000))
