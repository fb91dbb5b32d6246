"""Prepare the Asterisk voice prompts: real human speech in five languages, English with transcripts.

What it is: the recorded announcements of the Asterisk telephone exchange (recorded by or for Digium), 2.2 hours,
8 kHz, 16 bit, mono, studio quality. Read speech of ONE speaker per language: en_US and es_MX are Allison Smith,
fr_CA is June Wallack, it_IT is Carlo Flora, ru_RU is a voice of ivrvoice.ru. So whoever tells the languages apart
may be telling voices apart, and es/en is the one pair of which that is not so. Most prompts are a few words long.

Where: Debian packages asterisk-core-sounds-{en,es,fr,it,ru}-wav and asterisk-core-sounds-en 1.6.1-1 (the same names
in Ubuntu); tools/fetch_asterisk.sh fetches them without root. Licence: CC-BY-SA-3.0, Russian CC-BY-3.0.

Tree (CORPUS is where the packages were unpacked, or / where they are installed):
  CORPUS/usr/share/asterisk/sounds/<ll>_<CC>_<f|m>_<voice>/{<prompt>.wav,digits/*.wav,letters/*.wav,...}
  CORPUS/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz     `prompt: English text` lines, `;` comments
Expected of version 1.6.1-1: en 568 files, es 527, fr 561, it 599, ru 576; 569 transcripts, one of which (
pls-try-call-later) has no English recording. Ten prompts of each language are silence, seven are tones or noises;
one Russian file is empty.

Writes OUT/{train,dev,test}: all languages, utt2lang en/es/fr/it/ru, no text. And OUT/{train,dev,test}_en: English
with text in lower-case letters, digits in words; or, on request, as the file has it. A prompt is in the same part in
every language, and so are prompts with the same English text; which part follows from the seed and the prompt alone.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...core.errors import UserError
from ...core.seed import seed_of
from ...core.step import Step, main
from ..audio import AudioError, audio_info
from ..kaldi import write_data_dir

SETS = ("train", "dev", "test")
EXPECTED = {"en": 568, "es": 527, "fr": 561, "it": 599, "ru": 576}
TRANSCRIPTS = Path("doc/asterisk-core-sounds-en/core-sounds-en.txt")

_VOICE = re.compile(r"([a-z]{2})_[A-Z]{2}_([fm])_(\w+)")
_LINE = re.compile(r"([^:\s]+):\s*(.*)")
_ASIDE = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>")  # [ascending tones], at [@], (note: does not say "2"), <beep>
_UNSURE = re.compile(r"\d{2,}|\d\.\d|[#*@/]|www\.")  # said in a way that the transcript does not tell
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@dataclass(frozen=True)
class AsteriskConfig:
    """How the prompts are split and transcribed."""

    seed: int = 1
    "random seed that decides which prompts go to train, dev and test"
    dev_share: float = 0.1
    "share of the prompts in dev, 0 to 1; the rest beside dev and test is train"
    test_share: float = 0.2
    "share of the prompts in test, 0 to 1; the rest beside dev and test is train"
    min_seconds: float = 0.2
    "shorter recordings are dropped, seconds; larger drops more"
    languages: tuple[str, ...] = ()
    "languages to take, e.g. `en`; en must be among them; empty: all in the corpus"
    transcript: Literal["words", "verbatim"] = "words"
    """spelling of the English text; words: lower-case words without punctuation, digits as words; verbatim: as in the
    file, without marks of what is not spoken"""

    def __post_init__(self) -> None:
        if self.dev_share <= 0 or self.test_share <= 0 or self.dev_share + self.test_share >= 1:
            values = f"not {self.dev_share} and {self.test_share}"
            raise ValueError(f"dev_share and test_share must be positive and leave something for train, {values}")
        if unknown := sorted(set(self.languages) - set(EXPECTED)):
            raise ValueError(f"languages: {', '.join(unknown)} is none of {', '.join(EXPECTED)}")
        if self.languages and "en" not in self.languages:
            raise ValueError("languages: en must be among them, for the sets with transcripts are English")


@dataclass(frozen=True)
class Voice:
    """A language's folder of recordings."""

    path: Path
    language: str
    gender: str
    name: str

    @property
    def speaker(self) -> str:
        return f"{self.language}-{self.name.lower()}"

    def prompts(self) -> list[str]:
        """Names of its recordings, `digits/1` and the like, sorted."""
        return sorted(p.relative_to(self.path).with_suffix("").as_posix() for p in self.path.rglob("*.wav"))


def find_sounds(corpus: Path) -> Path:
    """The folder of the voices at or below `corpus`. Raises UserError if there is none."""
    for folder in (corpus / "usr/share/asterisk/sounds", corpus / "asterisk/sounds", corpus / "sounds", corpus):
        if folder.is_dir() and any(_VOICE.fullmatch(p.name) for p in folder.iterdir()):
            return folder
    raise UserError(
        "no Asterisk prompts here",
        str(corpus / "usr/share/asterisk/sounds/en_US_f_Allison"),
        "name the folder in which tools/fetch_asterisk.sh (or dpkg-deb -x) has unpacked the packages",
    )


def voices(sounds: Path) -> list[Voice]:
    """The voice of each language; links, which an installed Asterisk adds, are skipped."""
    by_language = {}
    for path in sorted(sounds.iterdir()):
        match = _VOICE.fullmatch(path.name)
        if match and path.is_dir() and not path.is_symlink() and match[1] in EXPECTED:
            if match[1] in by_language:
                raise UserError(f"two voices of {match[1]}", str(path), "keep one of them")
            by_language[match[1]] = Voice(path, *match.groups())
    return [by_language[language] for language in sorted(by_language)]


def read_transcripts(sounds: Path) -> dict[str, str]:
    """Prompt -> English text as it stands. Raises UserError if the file is missing or a line cannot be read."""
    for stem in (sounds.parent.parent / TRANSCRIPTS, sounds.parent / TRANSCRIPTS.name, sounds / TRANSCRIPTS.name):
        for path in (stem.with_name(stem.name + ".gz"), stem):
            if path.is_file():
                data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
                return dict(_entries(data.decode("utf-8", "replace"), path))
    raise UserError(
        "the English transcripts are missing",
        str(sounds.parent.parent / TRANSCRIPTS) + ".gz",
        "unpack the package asterisk-core-sounds-en into the same folder",
    )


def _entries(text: str, path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith(";"):
            match = _LINE.fullmatch(line.strip())
            if not match:
                raise UserError(f"not `prompt: text`: {line!r}", f"{path}, line {number}", "mend the line")
            yield match[1], match[2]


def spoken_words(text: str) -> str:
    """A transcript without what is not said: `at [@]` -> `at`; empty for a tone or a noise."""
    return " ".join(_ASIDE.sub(" ", text).split())


def normalise(text: str) -> str:
    """Lower-case words of letters and apostrophes, single digits in words; raises ValueError where it cannot tell."""
    unsure = _UNSURE.search(text)
    if unsure:
        raise ValueError(f"how {unsure[0]!r} is said is not known")
    text = re.sub(r"\d", lambda m: f" {_DIGITS[int(m[0])]} ", text.lower())
    return " ".join(re.findall(r"[a-z]+(?:'[a-z]+)*", text))


def part(prompt: str, transcripts: dict[str, str], config: AsteriskConfig) -> str:
    """train, dev or test: by the prompt's English text, or by its name where it has none."""
    key = " ".join(re.findall(r"[a-z0-9']+", spoken_words(transcripts.get(prompt, "")).lower())) or prompt
    at = seed_of(config.seed, "asterisk", key) / 2**63
    return "test" if at < config.test_share else "dev" if at < config.test_share + config.dev_share else "train"


def not_speech(prompt: str, transcripts: dict[str, str]) -> str:
    """Why a prompt is no speech, in any language; empty if it is."""
    if prompt.startswith("silence/"):
        return "silence"
    return "tone or noise" if prompt in transcripts and not spoken_words(transcripts[prompt]) else ""


def run(step: Step[AsteriskConfig]) -> None:
    """Read the tree, drop what is no speech, split, write six data directories."""
    config = step.config
    sounds = find_sounds(step.input(0, "the folder the packages were unpacked in"))
    transcripts = read_transcripts(sounds)
    tables: dict[str, dict[str, dict[str, str]]] = {}
    wanted = config.languages or tuple(EXPECTED)
    wanted_voices = [voice for voice in voices(sounds) if voice.language in wanted]
    for voice in wanted_voices:
        prompts = voice.prompts()
        _compare(voice.language, len(prompts))
        for prompt in prompts:
            id = f"{voice.speaker}-{prompt.replace('/', '.')}"
            path = voice.path / f"{prompt}.wav"
            seconds = _seconds(step, id, path, not_speech(prompt, transcripts), config.min_seconds)
            if seconds is None:
                continue
            row = {"wav.scp": str(path), "utt2spk": voice.speaker, "utt2dur": f"{seconds:.4f}"}
            row["utt2lang"] = voice.language
            name = part(prompt, transcripts, config)
            _add(tables, name, id, row, voice)
            if voice.language == "en" and (text := _text(step, id, prompt, transcripts)):
                _add(tables, f"{name}_en", id, {**row, "text": text}, voice)
    missing = sorted(set(wanted) - {voice.language for voice in wanted_voices})
    if missing:
        print(f"WARNING: languages that are not there: {', '.join(missing)}")
    for name in (s + suffix for s in SETS for suffix in ("", "_en")):
        if name not in tables:
            raise UserError(f"nothing is left for {name}", str(sounds), "unpack all packages, or change the shares")
        write_data_dir(step.out / name, tables[name])
        durations = [float(d) for d in tables[name]["utt2dur"].values()]
        step.counts |= {f"{name}_utterances": len(durations), f"{name}_hours": round(sum(durations) / 3600, 4)}
        print(f"{name}: {len(durations)} utterances, {sum(durations) / 60:.1f} min")
    step.counts["hours"] = round(sum(step.counts[f"{s}_hours"] for s in SETS), 4)
    print("one speaker per language: language results here are speaker results too")


def _compare(language: str, files: int) -> None:
    expected = EXPECTED[language]
    if files == expected:
        print(f"{language}: {files} recordings, as expected")
    else:
        print(
            f"WARNING: {language}: {files} recordings, {files - expected:+d} against the {expected} of version 1.6.1-1"
        )


def _seconds(step: Step[AsteriskConfig], id: str, path: Path, not_said: str, least: float) -> float | None:
    """Length of a recording; None and a ledger row if it cannot be used."""
    if not_said:
        step.ledger.drop(id, not_said, str(path))
        return None
    try:
        seconds = audio_info(path).seconds
    except AudioError as e:
        step.ledger.drop(id, e.reason, f"{e.what}: {path}")
        return None
    if seconds < least:
        step.ledger.drop(id, "too short", f"{seconds:.3f} s: {path}")
        return None
    return seconds


def _text(step: Step[AsteriskConfig], id: str, prompt: str, transcripts: dict[str, str]) -> str:
    """Transcript, normalised unless the config says verbatim; empty, with a ledger row, if it cannot be used."""
    if prompt not in transcripts:
        step.ledger.drop(id, "no transcript", "kept in the sets without text")
        return ""
    verbatim = spoken_words(transcripts[prompt])
    try:
        words = normalise(verbatim)
        return verbatim if step.config.transcript == "verbatim" else words
    except ValueError as e:
        step.ledger.drop(id, "transcript not certain", f"{e}; kept in the sets without text")
        return ""


def _add(tables: dict[str, dict[str, dict[str, str]]], name: str, id: str, row: dict[str, str], voice: Voice) -> None:
    for table, value in row.items():
        tables.setdefault(name, {}).setdefault(table, {})[id] = value
    tables[name].setdefault("spk2gender", {})[voice.speaker] = voice.gender


if __name__ == "__main__":
    main(run)
