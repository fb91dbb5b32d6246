"""Whisper's language of each utterance, from the labels of a data directory (utt2lang)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.errors import UserError
from ..data.corpora.dialects import COUNTRIES, REGIONS
from ..data.kaldi import Utterance
from ..models.vocabulary import Vocabulary
from .config import AUTO

CODES = {**dict.fromkeys((*COUNTRIES, *REGIONS), "ar"), "ENG": "en", "FRA": "fr"}  # label of a corpus -> language


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

    Raises UserError for a label that is the code of another language, unless `languages` has it.

    Args:
        labels: utt2lang.
        done: participle of what is done with utterances, for the error.
        section: of the config that has the fields `language` and `languages`: "decode." or "".
    """
    strange = set[str]()
    for label in {labels.get(u.id, "") for u in utterances} - languages.keys():
        code = CODES.get(label, label)
        if code in vocabulary.languages and language not in (code, AUTO):
            strange.add(label)
    if strange:
        names, first = ", ".join(sorted(strange)), min(strange)
        message = f"utterances whose utt2lang says {names} would be {done} as {language}"
        remedy = f"say what to do with each: --{section}languages {first}={CODES.get(first, first)}"
        raise UserError(message, f"{section}language", remedy)
    return [languages.get(labels.get(u.id, ""), language) for u in utterances]
