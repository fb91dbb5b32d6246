"""pseudo.transcribe as a step: what is stored is not made again, and nobody is lost, whatever he recorded."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json, write_text
from toolkit.data.kaldi import write_data_dir
from toolkit.pseudo.config import DecodeConfig
from toolkit.pseudo.store import Store
from toolkit.pseudo.torch_backend import TorchBackend
from toolkit.pseudo.transcriber import Transcriber

from .recordings import RATE, lost, noise, results, rows, transcribe, write_set

WAVES = {f"{who}-{i}": noise(0.3 + 0.15 * i, i) for who in ("ليلى", "b") for i in range(5)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("data") / "set", WAVES)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lengths, in samples, of all windows that are decoded."""
    heard: list[int] = []
    decode = TorchBackend.decode

    def noting(self, waves, *words, **names):
        heard.extend(len(wave) for wave in waves)
        return decode(self, waves, *words, **names)

    monkeypatch.setattr(TorchBackend, "decode", noting)
    return heard


def command(data: Path, model: Path, out: Path, batch: int, **env: str) -> subprocess.CompletedProcess[str]:
    config = data.parent / "transcribe.yaml"
    write_text(config, f"decode: {{max_new_tokens: 8, window_seconds: 2}}\nspeed: {{batch: {batch}}}\n")
    argv = [sys.executable, "-m", "toolkit.pseudo.transcribe", "--config", str(config)]
    argv += ["--in", str(data), str(model), "--out", str(out)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    return subprocess.run(argv, env=env, capture_output=True, text=True)


def test_everybody_is_there_once_in_the_order_of_ids(data: Path, whisper: Path, tmp_path: Path) -> None:
    step = transcribe(data, whisper, tmp_path / "out")
    hypotheses = rows(tmp_path / "out")
    assert list(hypotheses) == sorted(WAVES) and not lost(step)
    for id, row in hypotheses.items():
        assert row.seconds == pytest.approx(len(WAVES[id]) / RATE, abs=1e-3) and row.language == "ar"
        assert 0 <= row.no_speech <= 1 and row.avg_logprob < 0 < row.entropy and len(row.tokens) <= 8
    text = (tmp_path / "out/text").read_text(encoding="utf-8").splitlines()
    assert [line.partition(" ")[0] for line in text] == sorted(WAVES)
    header = read_json(tmp_path / "out/header.json")
    assert header["set"] == "set" and header["model"] == "tiny" and header["settings"]["window_seconds"] == 2.0
    assert len({row.tokens for row in hypotheses.values()}) > 3  # it hears: the texts are not one and the same
    assert step.counts["utterances"] == 10


def test_another_batch_size_decodes_nothing_again(data: Path, whisper: Path, tmp_path: Path, windows) -> None:
    transcribe(data, whisper, tmp_path / "out", batch=3)
    assert len(windows) == 10
    transcribe(data, whisper, tmp_path / "again", batch=7)
    assert len(windows) == 10
    assert results(tmp_path / "again") == results(tmp_path / "out")


def test_another_way_to_decode_shares_nothing(data: Path, whisper: Path, tmp_path: Path, windows) -> None:
    for n, way in enumerate(({}, {"timestamps": True}, {"max_new_tokens": 7}, {"language": "en"}), 1):
        transcribe(data, whisper, tmp_path / f"out{n}", **way)
        assert len(windows) == 10 * n
    assert len(list((tmp_path / ".transcribed").iterdir())) == 4


def test_of_a_set_that_grew_only_the_new_are_decoded(whisper: Path, tmp_path: Path, windows) -> None:
    first = {id: WAVES[id] for id in sorted(WAVES)[:6]}
    data = write_set(tmp_path / "set", first)
    transcribe(data, whisper, tmp_path / "labels/out")
    before = rows(tmp_path / "labels/out")
    files = {id: tmp_path / "set-audio" / f"{n:03d}.wav" for n, id in enumerate(sorted(first))}
    new = {f"z-{i}": noise(0.4 + i / 10, 100 + i) for i in range(3)}
    for n, (id, wave) in enumerate(new.items()):
        files[id] = tmp_path / f"new{n}.wav"
        soundfile.write(files[id], wave, RATE)
    windows.clear()
    shutil.rmtree(tmp_path / "labels/out")  # as --fresh does
    transcribe(write_set(tmp_path / "set", files), whisper, tmp_path / "labels/out")
    assert sorted(windows) == sorted(len(wave) for wave in new.values())
    after = rows(tmp_path / "labels/out")
    assert after.keys() == {*first, *new} and {id: after[id] for id in first} == before


def test_two_sets_of_the_same_audio_are_decoded_once(data: Path, whisper: Path, tmp_path: Path, windows) -> None:
    from toolkit.data.kaldi import DataDir

    transcribe(data, whisper, tmp_path / "one")
    renamed = {f"other-{u.id}": Path(u.path) for u in DataDir.read(data)}
    transcribe(write_set(tmp_path / "other-set", renamed), whisper, tmp_path / "two")
    assert len(windows) == 10
    one, two = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert {id: row.text for id, row in one.items()} == {id[6:]: row.text for id, row in two.items()}


def test_utterances_of_one_set_that_are_the_same_audio_have_a_row_each(whisper: Path, tmp_path: Path, windows) -> None:
    file = tmp_path / "صوت.wav"
    soundfile.write(file, noise(0.5, 1), RATE)
    data = write_set(tmp_path / "set", {"a-1": file, "b-1": file, "c-1": file})
    transcribe(data, whisper, tmp_path / "out")
    hypotheses = rows(tmp_path / "out")
    assert len(hypotheses) == 3 and len({row.text for row in hypotheses.values()}) == 1 and len(windows) == 3
    transcribe(data, whisper, tmp_path / "again")
    assert len(windows) == 3 and results(tmp_path / "again") == results(tmp_path / "out")


@pytest.mark.parametrize("torn", [b'{"k": {"took": 1', b"\x00" * 40, b"[1, 2]\n", b"7\n", b"\xff\xfe{\n", b"null\n"])
def test_a_line_of_the_store_that_is_not_whole_is_made_again(
    torn: bytes, data: Path, whisper: Path, tmp_path: Path, windows
) -> None:
    transcribe(data, whisper, tmp_path / "out", batch=10)
    (store,) = (tmp_path / ".transcribed").glob("*/*.jsonl")
    lines = store.read_bytes().splitlines(keepends=True)
    assert len(lines) == 8  # a batch for each shard
    store.write_bytes(b"".join(lines[:-1]) + torn)
    windows.clear()
    transcribe(data, whisper, tmp_path / "again", batch=10)
    assert len(windows) == len(json.loads(lines[-1]))
    assert results(tmp_path / "again") == results(tmp_path / "out")
    assert Store(store.parent).rows.keys() == {key for line in lines for key in json.loads(line)}


def test_one_worker_and_three_write_the_same_bytes(data: Path, whisper: Path, tmp_path: Path) -> None:
    for nj in "13":
        done = command(data, whisper, tmp_path / nj / "out", 4, SAWT_NJ=nj)
        assert done.returncode == 0, done.stderr
    assert results(tmp_path / "1/out") == results(tmp_path / "3/out")
    again = command(data, whisper, tmp_path / "3/out", 2)
    assert again.returncode == 0 and "nothing to do" in again.stdout  # how fast it is done makes nothing stale


def tones(seconds: float) -> np.ndarray:
    """A chord that changes twice a second, as music does."""
    time = np.arange(round(seconds * RATE)) / RATE
    step = np.floor(2 * time)
    return (0.1 * sum(np.sin(2 * np.pi * 220 * r * 2 ** (step % 5 / 12) * time) for r in (1, 1.25, 1.5))).astype("f4")


def test_recordings_of_every_bad_kind_are_results_or_rows_of_the_ledger(whisper: Path, tmp_path: Path) -> None:
    corrupt, empty, text, nan = (tmp_path / f"{name}.wav" for name in ("corrupt", "empty", "text", "nan"))
    soundfile.write(corrupt, noise(1, 1), RATE)
    corrupt.write_bytes(corrupt.read_bytes()[:9000])
    empty.write_bytes(b"")
    text.write_text("هذا ليس صوتا\n" * 100, encoding="utf-8")
    soundfile.write(nan, np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    good = {
        "صامت-1": np.zeros(RATE, np.float32),
        "قصير-1": noise(0.05, 2),
        "sample-1": noise(1 / RATE, 3),
        "موسيقى-1": tones(3),
        "متكلم-1": noise(1, 4),
    }
    reasons = {"x-corrupt": "truncated", "x-empty": "empty", "x-text": "unreadable", "x-nan": "non-finite"}
    places = {"x-corrupt": corrupt, "x-empty": empty, "x-text": text, "x-nan": nan, "x-gone": tmp_path / "gone.wav"}
    for name, bad in (("one", ["x-corrupt", "x-empty", "x-text"]), ("two", ["x-nan", "x-gone"])):
        waves = {**{id: places[id] for id in bad}, **good}
        step = transcribe(write_set(tmp_path / name, waves, dict.fromkeys(bad, 1.0)), whisper, tmp_path / f"{name}-out")
        hypotheses = rows(tmp_path / f"{name}-out")
        assert hypotheses.keys() == good.keys()
        assert lost(step) == {id: f"audio: {reasons.get(id, 'missing')}" for id in bad}
    silent = hypotheses["صامت-1"]
    assert (silent.text, silent.tokens, silent.no_speech, silent.avg_logprob, silent.ended) == ("", (), 1.0, None, True)
    assert all(hypotheses[id].tokens for id in ("قصير-1", "موسيقى-1", "متكلم-1"))


def test_where_nobody_can_be_heard_the_reasons_are_said(whisper: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", {"a-1": tmp_path / "gone.wav"}, {"a-1": 1.0})
    with pytest.raises(UserError, match=r"not one utterance could be transcribed.*audio: missing"):
        transcribe(data, whisper, tmp_path / "out")


def test_a_recording_of_ten_minutes_is_heard_to_its_end(whisper: Path, tmp_path: Path, windows) -> None:
    data = write_set(tmp_path / "set", {"طويل-1": noise(600, 1), "b-1": noise(1, 2)})
    step = transcribe(data, whisper, tmp_path / "out", window_seconds=30.0, max_new_tokens=4)
    long = rows(tmp_path / "out")["طويل-1"]
    assert long.seconds == 600 and not lost(step)
    assert sum(windows) >= 601 * RATE and max(windows) == 30 * RATE
    times = [time for s in long.segments for time in (s.start, s.end)]
    assert times and times == sorted(times) and times[-1] <= 600


def test_a_label_of_another_language_is_refused_until_it_is_said_what_to_do(whisper: Path, tmp_path: Path) -> None:
    waves = {id: WAVES[id] for id in sorted(WAVES)[:3]}
    languages = dict(zip(waves, ("EGY", "ENG", "fr"), strict=True))
    data = write_set(tmp_path / "set", waves, utt2lang=languages)
    with pytest.raises(UserError) as e:
        transcribe(data, whisper, tmp_path / "out")
    assert "ENG, fr would be transcribed as ar" in str(e.value) and '--decode.languages "ENG=en fr=fr"' in str(e.value)
    transcribe(data, whisper, tmp_path / "out", languages={"ENG": "en", "fr": "fr"})
    assert [row.language for row in rows(tmp_path / "out").values()] == ["ar", "en", "fr"]
    with pytest.raises(UserError, match="knows no language de"):
        transcribe(data, whisper, tmp_path / "out2", languages={"ENG": "de", "fr": "fr"})


def test_each_utterance_may_have_the_language_that_it_is_in(whisper: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", WAVES, utt2lang=dict.fromkeys(WAVES, "ENG"))
    transcribe(data, whisper, tmp_path / "out", language="auto")
    for row in rows(tmp_path / "out").values():
        assert row.language in ("ar", "en", "fr") and 1 / 3 <= row.language_probability <= 1
    with pytest.raises(ValueError, match=r"decode\.packed needs a language"):
        transcribe(data, whisper, tmp_path / "out2", language="auto", packed=True)


def test_a_teacher_without_arabic_and_one_of_english_only_are_refused(data: Path, whisper: Path, tmp_path) -> None:
    without = tiny_whisper_folder(tmp_path / "en", languages=("en", "fr"))
    with pytest.raises(UserError, match="no language ar"):
        transcribe(data, without, tmp_path / "out")
    only = Path(shutil.copytree(whisper, tmp_path / "tiny.en"))
    generation = read_json(only / "generation_config.json")
    write_json(only / "generation_config.json", {**generation, "is_multilingual": False})
    with pytest.raises(UserError, match="English-only"):
        transcribe(data, only, tmp_path / "out")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "generation_config.json", "config.json"])
def test_a_model_without_one_of_its_files_is_a_message_and_no_traceback(
    name: str, data: Path, whisper: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(whisper, tmp_path / "نموذج"))
    (model / name).unlink()
    with pytest.raises(UserError) as e:
        transcribe(data, model, tmp_path / "out")
    assert str(model) in str(e.value)


def test_more_new_tokens_than_the_decoder_has_positions_for_are_refused_not_lowered(whisper: Path) -> None:
    """448 positions, of which a prompt takes 4, or 3 with timestamps."""
    for most, timestamps in ((444, False), (445, True)):
        Transcriber(whisper, DecodeConfig(max_new_tokens=most, timestamps=timestamps))
        with pytest.raises(UserError, match=f"max_new_tokens is {most + 1}, .* more than the 448 positions") as e:
            Transcriber(whisper, DecodeConfig(max_new_tokens=most + 1, timestamps=timestamps))
        assert e.value.remedy == f"decode.max_new_tokens: {most} or less"


def test_a_model_of_128_mels_is_heard_with_128(data: Path, tmp_path: Path) -> None:
    transcribe(data, tiny_whisper_folder(tmp_path / "v3", mels=128), tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 10


def test_inputs_that_are_not_a_set_and_a_model_are_refused(data: Path, whisper: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2 data directories and 0 models"):
        transcribe(data, data, tmp_path / "out")
    with pytest.raises(UserError, match="no Whisper here"):
        transcribe(data, tmp_path, tmp_path / "out")


def test_parts_of_a_recording_are_told_apart(whisper: Path, tmp_path: Path, windows) -> None:
    soundfile.write(tmp_path / "r.wav", noise(3, 5), RATE)
    tables = {
        "wav.scp": {"r": str(tmp_path / "r.wav")},
        "segments": {"r-1": "r 0 1", "r-2": "r 1 2.5", "r-3": "r 2.5 -1"},
        "utt2spk": dict.fromkeys(("r-1", "r-2", "r-3"), "r"),
    }
    write_data_dir(tmp_path / "set", tables)
    transcribe(tmp_path / "set", whisper, tmp_path / "out")
    assert sorted(windows) == [RATE // 2, RATE, 3 * RATE // 2]
    assert [row.seconds for row in rows(tmp_path / "out").values()] == [1.0, 1.5, 0.5]
