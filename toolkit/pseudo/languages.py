"""Whisper's language of each utterance, from the labels of a data directory (utt2lang)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ..core.errors import UserError
from ..data.corpora.dialects import COUNTRIES, REGIONS, code_of
from ..data.kaldi import Utterance
from ..data.tables import few
from ..models.vocabulary import Vocabulary
from ..text.not_known import is_not_known
from .config import AUTO

CODES = {**dict.fromkeys((*COUNTRIES, *REGIONS), "ar"), "ENG": "en", "FRA": "fr"}  # label of a corpus -> language
_NAMES = {  # Whisper's code: codes of ISO 639-2 and 639-3, and the English name, of languages near Arabic corpora
    "am": "amh amharic", "az": "aze azj azerbaijani", "bn": "ben bengali bangla", "de": "deu ger german",
    "en": "eng english", "es": "spa spanish castilian", "fa": "fas per pes persian farsi", "fr": "fra fre french",
    "ha": "hau hausa", "he": "heb hebrew", "hi": "hin hindi", "hy": "hye arm armenian", "id": "ind indonesian",
    "it": "ita italian", "ja": "jpn japanese", "ko": "kor korean", "ms": "msa-malay may zsm malay",
    "mt": "mlt maltese", "nl": "nld dut dutch", "pt": "por portuguese", "ps": "pus pbt pashto", "ru": "rus russian",
    "sd": "snd sindhi", "so": "som somali", "sw": "swa swh swahili", "tr": "tur turkish", "uk": "ukr ukrainian",
    "ur": "urd urdu", "uz": "uzb uzn uzbek", "yo": "yor yoruba", "zh": "zho chi cmn chinese mandarin",
}  # fmt: skip
_BY_NAME = {name: code for code, names in _NAMES.items() for name in names.split()}
SHOWN = 3


def language_of(label: str, known: Mapping[str, int]) -> str:
    """Whisper's code of the language that a label means; empty if it means none that is known here.

    A label of a corpus here, a code of `known`, a name or code of another language, also with a region or script
    (`en-US`, `eng_Latn`), or a name of an Arabic dialect.
    """
    if label in CODES or label in known:
        return CODES.get(label, label)
    word = re.split(r"[-_ ]", label.casefold())[0]
    if word in _BY_NAME:
        return _BY_NAME[word]
    dialect = code_of(label)
    return CODES.get(dialect, "") or (word if word in known and word != label.casefold() else "")


def languages_of(
    utterances: Sequence[Utterance],
    labels: Mapping[str, str],
    language: str,
    languages: Mapping[str, str],
    vocabulary: Vocabulary,
    done: str,
    section: str = "",
) -> list[str]:
    """Language of each utterance: `languages` of its label, else `language`.

    Warns of labels that mean no language that is known here. Raises UserError for a label of another language, unless
    `languages` has it.

    Args:
        labels: utt2lang.
        done: participle of what is done with utterances, for what is printed.
        section: of the config that has the fields `language` and `languages`: "decode." or "".
    """
    counts = Counter(labels.get(u.id, "") for u in utterances)
    free = {label for label in counts.keys() - languages.keys() if not is_not_known(label)}
    meant = {label: language_of(label, vocabulary.languages) for label in sorted(free)}
    strange = [label for label, code in meant.items() if code and language not in (code, AUTO)]
    if strange:
        message = f"utterances whose utt2lang says {', '.join(strange)} would be {done} as {language}"
        pairs = " ".join(f"{label}={meant[label]}" for label in strange)
        remedy = f'say what to do with each: --{section}languages "{pairs}"'
        raise UserError(message, f"{section}language", remedy)
    unclear = [f"{label} ({counts[label]:,})" for label, code in meant.items() if not code]
    if unclear and language != AUTO:
        print(
            f"WARNING: labels of utt2lang that name no language or dialect known here are {done} as {language}: "
            f"{few(unclear, SHOWN)}; `{section}languages` of the config may name another"
        )
    return [languages.get(labels.get(u.id, ""), language) for u in utterances]


def tell_other_languages(written: Mapping[str, str], labels: Mapping[str, str], vocabulary: Vocabulary) -> None:
    """Warn of pseudo-labels in another language than utt2lang names: it may have been mended after they were written.

    Args:
        written: id -> Whisper's code of the language that its pseudo-label is in.
        labels: utt2lang.
    """
    others = {
        id: f"{id} ({labels[id]}: {code})"
        for id, code in written.items()
        if not is_not_known(labels.get(id, "")) and language_of(labels[id], vocabulary.languages) not in ("", code)
    }
    if others:
        first = few(list(others.values()), SHOWN)
        print(f"WARNING: {len(others):,} pseudo-labels are in another language than utt2lang names, and stay: {first}")
