"""Any audio files to text, subtitles or JSON: the command line of pseudo.transcribe without data directories."""

from __future__ import annotations

import argparse
import html
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..core.config import load_config
from ..core.errors import UserError
from ..core.files import write_text
from ..core.step import overrides
from ..data.audio import OF_NUMBERS, AudioError, audio_info
from ..data.channels import CHANNEL_HELP, OF_ONE_FILE, Choice, channel_of
from ..data.decoder import CONVERT, FETCH
from ..data.kaldi import Utterance
from ..data.listen import Listener
from ..models.vocabulary import TICK
from ..models.whisper_files import find_model
from ..score.hypotheses import Hypothesis, HypothesisSegment
from .config import DecodeConfig, TranscribeConfig
from .transcriber import Job, Transcriber, resolved

CUT_OFF = "[cut off]"  # stands after a text that stops before the speech does


def as_text(hypothesis: Hypothesis) -> str:
    """A line per segment."""
    return "".join(f"{_marked(s, s.text)}\n" for s in hypothesis.segments) or "\n"


def as_srt(hypothesis: Hypothesis) -> str:
    """SubRip: numbered segments, times with a comma."""
    rows = enumerate(hypothesis.segments, 1)
    return "\n".join(f"{n}\n{_times(s, ',')}\n{_shown(s)}\n" for n, s in rows)


def as_vtt(hypothesis: Hypothesis) -> str:
    """WebVTT."""
    rows = (f"{_times(s, '.')}\n{html.escape(_shown(s), quote=False)}\n" for s in hypothesis.segments)
    return "WEBVTT\n\n" + "\n".join(rows)


def as_json(hypothesis: Hypothesis, silent_dbfs: float) -> str:
    """All that is known of it, with the level up to which audio counted as silence."""
    row = {**hypothesis.to_json(), "silence": hypothesis.silence, "silent_dbfs": silent_dbfs}
    return json.dumps(row, ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, Callable[[Hypothesis], str]] = {"txt": as_text, "srt": as_srt, "vtt": as_vtt}
JSON = "json"


def command(words: Sequence[str]) -> int:
    """Transcribe; returns the exit status: 1 where a file could not be read, the others being done."""
    call, rest = _parser().parse_known_args(words)
    config = load_config(TranscribeConfig, call.config, overrides(list(rest), TranscribeConfig))
    device = _device(call.gpu)
    decode = resolved(_decode(config.decode, call.format, call.language), int(call.gpu), cluster=False)
    transcriber = Transcriber(find_model(call.model), decode)
    failed: list[str] = []
    jobs = list(_jobs(call.files, call.channel, decode.language, failed))
    names = outputs(call.files, call.out or Path(), call.format)
    if jobs:
        transcriber.open(device, config.speed.threads, _cache())
    for job in jobs:  # one at a time: what is done is printed, or lies in its file
        for row in _transcribed(job, transcriber, failed):
            text = as_json(row, decode.silent_dbfs) if call.format == JSON else FORMATS[call.format](row)
            _leave(row.id, text, call.format, names[Path(row.id)] if call.out else None, len(call.files) > 1)
    if failed:
        raise UserError(
            "\n".join([f"{len(failed)} files could not be read:", *failed]),
            "FILE",
            "mend each as its line says, or leave it out",
        )
    return 0


def _jobs(files: Sequence[Path], channel: Choice, language: str, failed: list[str]) -> Iterator[Job]:
    """A job of each file; a line in `failed` for one that cannot be read."""
    for file in files:
        try:
            seconds = audio_info(file).seconds
            decided, note = channel_of(file, channel)
        except AudioError as e:
            failed.append(f"{e.where}: {e.what}; {e.remedy or CONVERT}")
            continue
        if note:
            print(note, file=sys.stderr)
        yield Job(Utterance(str(file), str(file), 0.0, None, "", seconds, decided, decided=True), language)


def _transcribed(job: Job, transcriber: Transcriber, failed: list[str]) -> list[Hypothesis]:
    """The hypothesis of a file, with warnings; none, and a line in `failed`, if its audio cannot be decoded.

    A text that is cut off at the limit of tokens is written again with timestamps: they tell where to go on.
    """
    listener, lost = Listener.plain(), list[str]()
    rows = transcriber.transcribe([job], lambda *row: lost.append(_told(*row)), 1, listener)
    if rows and not rows[0].ended and not transcriber.config.timestamps:
        rows = transcriber.transcribe([job], lambda *row: lost.append(_told(*row)), 1, listener, timestamps=True)
    failed += lost
    for reason, detail in listener.warned.values():
        print(f"WARNING: {job.utterance.id}: {reason}: {detail}", file=sys.stderr, flush=True)
    for row in rows:
        if not row.ended:
            print(f"WARNING: {row.id}: text is cut off where {CUT_OFF} stands", file=sys.stderr, flush=True)
    return rows


def _told(id: str, reason: str, detail: str) -> str:
    """What is said of a file that cannot be heard, with what helps."""
    return f"{id}: {detail}; {OF_NUMBERS if reason == 'audio: non-finite' else FETCH}"


def outputs(files: Sequence[Path], out: Path, kind: str) -> dict[Path, Path]:
    """Where each is written: OUT/<name>.<kind>; files of one name as OUT/<folder>/<name with ending>.<kind>."""
    whole = {file: Path(os.path.abspath(file)) for file in files}
    stems = Counter(path.stem for path in set(whole.values()))
    alike = {path for path in whole.values() if stems[path.stem] > 1}
    short = {f"{path.stem}.{kind}" for path in whole.values() if path not in alike}
    if short & {f"{path.name}.{kind}" for path in alike}:  # `a.wav.mp3` beside two files `a.wav`
        alike = set(whole.values())
    above = os.path.commonpath([path.parent for path in alike]) if alike else ""
    return {
        file: out / (f"{os.path.relpath(path, above)}.{kind}" if path in alike else f"{path.stem}.{kind}")
        for file, path in whole.items()
    }


def _leave(id: str, text: str, kind: str, path: Path | None, several: bool) -> None:
    if path is None:
        print(f"# {id}\n{text}" if several and kind != JSON else text, end="", flush=True)
        return
    write_text(path, text)
    print(path, flush=True)


def _decode(config: DecodeConfig, kind: str, language: str | None) -> DecodeConfig:
    """Subtitles have times. Raises UserError for two languages."""
    if language and config.language not in (language, DecodeConfig.language):
        message = f"two languages: {language}, and {config.language} as decode.language"
        raise UserError(message, "--language", "leave one of them out")
    config = replace(config, language=language) if language else config
    return replace(config, timestamps=True) if kind in ("srt", "vtt") else config


def _device(gpu: bool) -> str:
    """Raises UserError if there is no GPU to compute on."""
    import torch

    if gpu and not torch.cuda.is_available():
        raise UserError("there is no GPU that torch can compute on", "--gpu", "leave it out")
    return "cuda:0" if gpu else "cpu"


def _cache() -> Path:
    """Where a model that is converted for CTranslate2 is kept."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("SAWT_CACHE") or Path(home) / "sawt") / "ctranslate2"


def _times(segment: HypothesisSegment, point: str) -> str:
    """A subtitle ends after it begins, if only by the shortest time that a Whisper can tell."""
    end = max(segment.end, segment.start + TICK)
    return f"{_time(segment.start, point)} --> {_time(end, point)}"


def _shown(segment: HypothesisSegment) -> str:
    """An arrow in a text would be read as a line of times."""
    return _marked(segment, segment.text.replace("-->", "→"))


def _marked(segment: HypothesisSegment, text: str) -> str:
    return f"{text} {CUT_OFF}".strip() if segment.cut_off else text


def _time(seconds: float, point: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{thousandths:03d}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python3 -m toolkit.pseudo.transcribe", description=__doc__, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a Whisper: a folder, or an id such as openai/whisper-small")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio of any length that libsndfile reads")
    parser.add_argument("--format", choices=(*FORMATS, JSON), default="txt", help="of the output (txt)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write FOLDER/<name>.<format>, not to the screen")
    parser.add_argument("--language", metavar="CODE", help="what is spoken (ar); auto: detect it")
    parser.add_argument("--channel", choices=OF_ONE_FILE, default="auto", help=CHANNEL_HELP)
    parser.add_argument("--gpu", action="store_true", help="compute on the first GPU")
    parser.add_argument("--config", type=Path, metavar="YAML", help="fields of decode: and speed:, each also a flag")
    return parser
