"""Named ways to normalise a transcript, each a list of steps with a version: what was scored can be said in one word.

A profile is idempotent. Its id, e.g. sawt@2, is stamped beside every score that used it; the version goes up when the
same text would come out otherwise. A name alone means the newest version; of the earlier ones only those that published
figures were made with are kept, and they have to be named by their id, e.g. leaderboard@1.

Number words are left as they are: their gender and case follow the noun that is counted, and dialects have their own,
so that no rule by the word alone is right.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.errors import UserError, told
from . import steps as s
from .lines import columns, lines_of, quiet_pipe
from .steps import Step
from .trace import show_trace

__all__ = ["EARLIER", "NAMES", "PROFILES", "Profile", "Remembering", "Step", "profile", "spelling_of"]


@dataclass(frozen=True)
class Profile:
    """A list of steps with a name."""

    name: str
    version: int
    """goes up when a text would come out otherwise than before"""
    meaning: str
    """what it is for, and what is wrong with it, in a sentence"""
    steps: tuple[Step, ...]

    @property
    def id(self) -> str:
        """What is written beside a score: name@version."""
        return f"{self.name}@{self.version}"

    def __call__(self, text: str) -> str:
        """The text after every step. Idempotent."""
        for step in self.steps:
            text = step.apply(text)
        return text

    def trace(self, text: str) -> list[tuple[Step, str, str]]:
        """(step, text before it, text after it) of every step, those that changed nothing too."""
        stages = []
        for step in self.steps:
            after = step.apply(text)
            stages.append((step, text, after))
            text = after
        return stages


class Remembering(Profile):
    """A profile that keeps what it has made, for texts that are scored again and again."""

    def __init__(self, of: Profile) -> None:
        super().__init__(of.name, of.version, of.meaning, of.steps)
        object.__setattr__(self, "made", {})

    made: dict[str, str]

    def __call__(self, text: str) -> str:
        if text not in self.made:
            self.made[text] = super().__call__(text)
        return self.made[text]


_WHISPER = (s.LOWER, s.BRACKETED, s.NFKC, s.SYMBOLS, s.LOWER, s.OUTER_SPACE_KEPT)
_WHISPER_NO_DIACRITICS = (s.LOWER, s.BRACKETED, s.NFKD, s.SYMBOLS_AND_MARKS, s.LOWER, s.OUTER_SPACE_KEPT)

PROFILES: dict[str, Profile] = {
    p.name: p
    for p in (
        Profile(
            "orthographic",
            1,
            "only what nobody sees is unified: for scores that count every letter and sign",
            (s.INVISIBLE, s.NFC, s.WHITE_SPACE),
        ),
        Profile(
            "sawt",
            2,
            "ours: one spelling for what is heard as one; no letter and no Latin word is lost",
            (
                s.INVISIBLE,
                s.ZERO_WIDTH,
                s.PRESENTATION_WORDS,
                s.TATWEEL_GONE,
                s.LOWER,  # before the next one's NFC: a small İ is two characters
                s.DIACRITICS,
                s.ALEF,
                s.HAMZA_SEATS,
                s.HAMZA_MARKS,
                s.PERSIAN,
                s.LOAN_LETTERS,
                s.MAGHRIBI_LETTERS,
                s.ALEF_MAQSURA,
                s.TEH_MARBUTA,
                s.DIGITS,
                s.THOUSANDS,  # before the next one, which splits numbers
                s.PUNCTUATION,
                s.SYMBOLS_GONE,
                s.LONE_WAW,  # last: other steps leave a و alone that had a comma, a tatweel or a vowel sign
                s.WHITE_SPACE,
            ),
        ),
        Profile(
            "whisper-basic",
            1,
            "Whisper's default for Arabic, for comparison: breaks words at every vowel sign, keeps tatweel",
            (*_WHISPER, s.settled(*_WHISPER)),
        ),
        Profile(
            "whisper-basic-nodiacritics",
            1,
            "Whisper's with remove_diacritics, for comparison: hamza goes with its seat, tatweel stays",
            (*_WHISPER_NO_DIACRITICS, s.settled(*_WHISPER_NO_DIACRITICS)),
        ),
        Profile(
            "to-distill",
            1,
            "the code of To Distill or Not to Distill, for comparison: letters outside ء–ي are deleted",
            (s.DISTILL_KEEP, s.ONLY_ARABIC_DIGITS, s.DISTILL_ALEF, s.WHITE_SPACE),
        ),
        Profile(
            "leaderboard",
            2,
            "the Open Universal Arabic ASR Leaderboard's since July 2026, for comparison: ء is deleted, ۰–۹ and ـ stay",
            (
                s.LEADERBOARD_PUNCTUATION,
                s.TASHKEEL_ONLY,
                s.LEADERBOARD_LETTERS,
                s.ALEF_NOT_WASLA,
                s.HAMZA_GONE,
                s.ONLY_ARABIC_DIGITS,
                s.LEADERBOARD_WAW,
                s.WHITE_SPACE,
            ),
        ),
        Profile(
            "mgb2",
            1,
            "the MGB-2 challenge's normalised references (stm_norm) and its list of variants",
            (
                s.MGB2_DIACRITICS,
                s.TATWEEL_GONE,
                s.ALEF,
                s.HAMZA_TO_ONE,
                s.ALEF_MAQSURA,
                s.TEH_MARBUTA,
                s.ONLY_ARABIC_DIGITS,
                s.LOWER,
                s.MGB2_PUNCTUATION,
                s.WHITE_SPACE,
                s.GLM,
            ),
        ),
        Profile(
            "mgb3-mrwer",
            1,
            "the MGB-3 multi-reference scoring's, on Buckwalter, into which Arabic script is converted",
            (
                s.INVISIBLE,
                s.PRESENTATION,
                s.NFC,
                s.BUCKWALTER,
                s.BUCKWALTER_DIACRITICS,
                s.BUCKWALTER_ALEF,
                s.BUCKWALTER_YEH,
                s.BUCKWALTER_TEH,
                s.NFC,
                s.WHITE_SPACE,
            ),
        ),
    )
}

_sawt = PROFILES["sawt"].steps
_LETTERS = (s.NFKC, *_sawt[: _sawt.index(s.THOUSANDS)])  # not what would join two words, or take a sign away

EARLIER: dict[str, Profile] = {
    p.id: p
    for p in (
        Profile(
            "leaderboard",
            1,
            "leaderboard before July 2026: a lone و is a word; tatweel goes, which the leaderboard's code keeps",
            (
                s.LEADERBOARD_PUNCTUATION,
                s.TASHKEEL_ONLY,
                s.TATWEEL_GONE,
                s.LEADERBOARD_LETTERS,
                s.ALEF_NOT_WASLA,
                s.HAMZA_GONE,
                s.ONLY_ARABIC_DIGITS,
                s.WHITE_SPACE,
            ),
        ),
    )
}
NAMES = ", ".join([*PROFILES, *EARLIER])  # for help texts


def profile(name: str) -> Profile:
    """The newest profile of that name, or the one of that id (sawt@2, leaderboard@1).

    Raises UserError if there is none: for an unknown name with the nearest one, for an id with the versions there are.
    """
    if name in EARLIER:
        return EARLIER[name]
    plain, _, version = name.partition("@")
    if plain not in PROFILES:
        near = difflib.get_close_matches(plain.lower(), PROFILES, 1, 0.4)
        known = ", ".join(PROFILES)
        raise UserError(
            f"unknown profile {name}",
            "",
            f"did you mean {near[0]}? There are {known}" if near else f"there are {known}",
        )
    newest = PROFILES[plain]
    if version and name != newest.id:
        ids = ", ".join([*(id for id, earlier in EARLIER.items() if earlier.name == plain), newest.id])
        raise UserError(f"this toolkit has no profile {name}, only {ids}", "", f"normalise anew with {plain}")
    return newest


def spelling_of(name: str) -> str:
    """A name in one spelling, whatever keyboard wrote it: أحمد as احمد, على as علي, spk１ as spk1.

    By NFKC and the steps of the profile sawt that are about letters and digits. For names that are held against each
    other: two people may share it.
    """
    for step in _LETTERS:
        name = step.apply(name)
    return name


def main(words: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser("python3 -m toolkit.text.normalise", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", nargs="?", metavar="FILE", help="UTF-8 text; - reads standard input")
    parser.add_argument("--profile", default="sawt", metavar="NAME", help=f"{NAMES}; default sawt")
    parser.add_argument("--kaldi", action="store_true", help="the first column is an id, and kept")
    parser.add_argument("--trace", action="store_true", help="show what each step changes, and a summary, instead")
    parser.add_argument("--list", action="store_true", help="show the profiles and what each of their steps does")
    call = parser.parse_args(words)
    if call.list:
        print(listing())
        return 0
    if call.file is None:
        parser.error("give a FILE, - for standard input, or --list")
    chosen = profile(call.profile)
    lines = lines_of(call.file, call.kaldi)
    if call.trace:
        show_trace(chosen, lines)
        return 0
    for line in lines:
        print(line.lead + chosen(line.text))
    return 0


def listing() -> str:
    """The profiles, which steps each has (in which place), and what the steps do, as tables."""
    profiles = [*PROFILES.values(), *EARLIER.values()]
    names = list(dict.fromkeys(step.name for p in profiles for step in p.steps))
    heads = columns([("profile", "what it is"), *((p.id, p.meaning) for p in profiles)])
    places = [
        (name, *(",".join(str(i) for i, step in enumerate(p.steps, 1) if step.name == name) or "-" for p in profiles))
        for name in names
    ]
    grid = columns([("step, at which place", *(p.id for p in profiles)), *places], range(1, len(profiles) + 1))
    parts = [heads, grid]
    for p in profiles:
        rows = [(str(i), step.name, step.meaning) for i, step in enumerate(p.steps, 1)]
        parts.append(f"{p.id}\n" + columns([("", "step", "what it does"), *rows], (0,)))
    return "\n\n".join(parts)


if __name__ == "__main__":
    with told(1, "the text"), quiet_pipe():
        raise SystemExit(main())
