"""The synthesiser: the same bytes whatever was said before, phones that cover the audio, voices that differ."""

import _ctypes
import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.data.corpora import espeak
from toolkit.data.corpora.espeak import SILENCE, Speech, phone_name, phones, synthesise
from toolkit.data.corpora.mini_text import spoken
from toolkit.data.corpora.mini_voices import EMOTIONS, SPEAKERS, speak

ROOT = Path(__file__).resolve().parents[2]
ARABIC = "مَرْحَبًا، كَيْفَ حَالُكْ اليَوْمَ؟"
ENGLISH = "how are you today, my friend?"

EVERY_VOICE = f"""
import hashlib, random, sys
sys.path.insert(0, {str(ROOT)!r})
from toolkit.data.corpora.espeak import synthesise
from toolkit.data.corpora.mini_voices import SPEAKERS
said = [(f"{{l}}+{{s.variant}}", t) for s in SPEAKERS for l, t in (("ar", {ARABIC!r}), ("en-us", {ENGLISH!r}))]
order = list(range(len(said)))
random.Random(int(sys.argv[1])).shuffle(order)
found = {{}}
for i in order:
    speech = synthesise(said[i][1], said[i][0], pitch=70, pitch_range=90, rate=200, word_gap=2)
    found[i] = hashlib.sha256(speech.wave_N.tobytes() + repr(speech.phones).encode()).hexdigest()
print([found[i] for i in sorted(found)])
"""


def bytes_of(speech: Speech) -> bytes:
    return speech.wave_N.tobytes() + repr(speech.phones).encode()


def test_every_voice_gives_the_same_bytes_in_any_order_and_process_whatever_memory_held() -> None:
    outputs = set()
    for seed, perturb in ((1, "0"), (2, "165"), (3, "90")):  # glibc fills fresh memory with a byte made of this
        env = {**os.environ, "MALLOC_PERTURB_": perturb}
        done = subprocess.run(
            [sys.executable, "-c", EVERY_VOICE, str(seed)], env=env, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_an_utterance_does_not_depend_on_the_one_before() -> None:
    alone = bytes_of(synthesise(ARABIC, "ar+f2", pitch=60))
    synthesise(ENGLISH, "en-us+klatt4", pitch=10, pitch_range=99, rate=300, volume=180, word_gap=9)
    assert bytes_of(synthesise(ARABIC, "ar+f2", pitch=60)) == alone


def test_asking_for_the_version_leaves_no_library_behind() -> None:
    assert espeak.version()[0].isdigit()
    assert bytes_of(synthesise(ARABIC, "ar")) == bytes_of(synthesise(ARABIC, "ar"))


def test_a_library_that_something_else_holds_is_refused() -> None:
    held = ctypes.CDLL(espeak._library()[0])
    try:
        with pytest.raises(RuntimeError, match="loaded already"):
            synthesise(ARABIC, "ar")
    finally:
        _ctypes.dlclose(held._handle)
    assert len(synthesise(ARABIC, "ar").wave_N)


def test_phones_cover_the_audio_without_gaps() -> None:
    for text, voice in ((ARABIC, "ar+m3"), (ENGLISH, "en-us+f4")):
        speech = synthesise(text, voice)
        assert speech.phones[0].start == 0
        for one, following in zip(speech.phones, speech.phones[1:]):
            assert one.start + one.duration == pytest.approx(following.start, abs=1e-9)
        last = speech.phones[-1]
        assert last.start + last.duration == pytest.approx(len(speech.wave_N) / speech.rate, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["ˈa", "b", "_:", "_", "(en)", "ɔːɹ"])), max_size=12))
def test_phones_of_any_events_cover_everything_once(events: list[tuple[int, str]]) -> None:
    spans = phones(sorted(events), 1000, 1000)
    assert sum(p.duration for p in spans) == pytest.approx(1.0)
    assert all(p.duration > 0 for p in spans)


def test_pauses_are_quiet_and_vowels_are_loud() -> None:
    speech = synthesise("بَابَا، بَابَا، بَابَا", "ar")
    level = {"a": [], SILENCE: []}  # type: ignore[var-annotated]
    for p in speech.phones:
        if p.name in level and p.duration > 0.04:
            a, b = (int((p.start + f * p.duration) * speech.rate) for f in (0.4, 0.8))
            level[p.name].append(float(np.sqrt(np.mean(speech.wave_N[a:b] ** 2))))
    assert len(level["a"]) == 6 and len(level[SILENCE]) >= 2
    assert min(level["a"]) > 20 * max(level[SILENCE])


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("مُحَمَّد", "m u ħ a m m a d"),
        ("مُحَم\u0651\u064eد", "m u ħ a m m a d"),  # marks in either order
        ("الصَّبَاح", "ʔ a sˤ sˤ ɑ b a ħ"),
        ("حَالَك", "ħ a l a k"),
        ("القَهْوَة", "ʔ a l q a h w a"),
        ("گَال", "ɡ a l"),
        ("طَرِيق", "tˤ ɑ r i q"),
    ],
)
def test_arabic_is_read_with_all_its_sounds(word: str, expected: str) -> None:
    names = [p.name for p in synthesise(spoken(word), "ar").phones if p.name != SILENCE]
    assert " ".join(names) == expected


def test_phone_names_carry_no_stress_or_length() -> None:
    assert [phone_name(x) for x in ("ˈaː", "ˌoʊ", "_:", "_", "(en)", "a.", "s̪")] == (
        ["a", "oʊ", SILENCE, SILENCE, "", "ɑ", "sˤ"]
    )


def test_speakers_sound_different() -> None:
    """Mean spectra of any two speakers of the mini corpus, level apart, are 1.5 dB or more from each other."""
    shapes = []
    for s in SPEAKERS:
        wave_N, _ = speak(ARABIC, "ar", s, EMOTIONS["neutral"], np.random.default_rng(0))
        frames_TN = wave_N[: len(wave_N) // 512 * 512].reshape(-1, 512) * np.hanning(512)
        power_F = (np.abs(np.fft.rfft(frames_TN)) ** 2).mean(0)[:256].reshape(32, 8).mean(1)
        shapes.append(10 * np.log10(power_F + 1e-9))
    shapes_SF = np.array(shapes) - np.mean(shapes, axis=1, keepdims=True)
    distance_SS = np.sqrt(((shapes_SF[:, None] - shapes_SF[None]) ** 2).mean(-1)) + 99 * np.eye(len(SPEAKERS))
    assert distance_SS.min() > 1.5, [SPEAKERS[i].variant for i in divmod(distance_SS.argmin(), len(SPEAKERS))]
    assert len({s.variant for s in SPEAKERS}) == len(SPEAKERS)


def test_pitch_and_rate_do_what_they_say() -> None:
    slow, fast = (len(synthesise(ARABIC, "ar", rate=r).wave_N) for r in (120, 240))
    assert 1.5 < slow / fast < 2.5
    low, high = (_pitch(synthesise("آ آ آ", "ar", pitch=p)) for p in (25, 75))
    assert high / low == pytest.approx(2.0, rel=0.25)  # 50 units are an octave


def _pitch(speech: Speech) -> float:
    pitches = []
    for start in range(0, len(speech.wave_N) - 2048, 512):
        frame_N = speech.wave_N[start : start + 2048] * np.hanning(2048)
        if np.mean(frame_N**2) > 1e-4:
            correlation_N = np.fft.irfft(np.abs(np.fft.rfft(frame_N, 4096)) ** 2)
            low, high = speech.rate // 400, speech.rate // 50
            pitches.append(speech.rate / (low + correlation_N[low:high].argmax()))
    return float(np.median(pitches))


def test_an_unknown_voice_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="no voice"):
        synthesise(ARABIC, "xx-nowhere")


def test_a_missing_package_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeak._library.cache_clear()
    with pytest.raises(UserError, match="espeakng-loader is not installed") as caught:
        synthesise(ARABIC, "ar")
    assert "pip install espeakng-loader" in caught.value.remedy
    espeak._library.cache_clear()


def test_data_in_a_very_deep_folder_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import espeakng_loader

    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    (deep / "espeak-ng-data").symlink_to(espeakng_loader.get_data_path())
    expected = bytes_of(synthesise(ARABIC, "ar"))
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(deep / "espeak-ng-data"))
    espeak._library.cache_clear()
    assert bytes_of(synthesise(ARABIC, "ar")) == expected
    espeak._library.cache_clear()


def test_broken_data_are_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import espeakng_loader

    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(tmp_path))
    espeak._library.cache_clear()
    with pytest.raises(UserError, match="cannot read its data"):
        synthesise(ARABIC, "ar")
    espeak._library.cache_clear()
