"""Arabic Speech Corpus: wav/, orthographic- and phonetic-transcript.txt in Buckwalter, and the same in `test set`."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr

from toolkit.text.buckwalter import to_buckwalter
from trees import RATE, Clip, record, write_lines

BUCKWALTER = "waraj~aHa Alt~aqoriyru Al~a*iy >aEad~ahu maEohadu >aboHaA^i"
ARABIC = unicodedata.normalize("NFC", "وَرَجَّحَ التَّقْرِيرُ الَّذِي أَعَدَّهُ مَعْهَدُ أَبْحَاثِ")


def make(folder: Path, clips: Sequence[Clip], test: str = "test set", crlf: bool = False) -> None:
    """Every fifth clip to test, by the names that train has; traps in the transcript of train."""
    at = folder / "arabic-speech-corpus"
    for place, part in ((at, [c for i, c in enumerate(clips) if i % 5]), (at / test, clips[::5])):
        lines, phones = [], []
        for i, clip in enumerate(part):
            name = f"ARA NORM  {i:04d}.wav"
            high_N = soxr.resample(clip.wave_N, RATE, 48000).astype(np.float32)
            record(place / "wav" / name, high_N, rate=48000)
            text = BUCKWALTER if i == 0 else to_buckwalter(clip.text)
            lines.append(f'"{name}" "{text}"')
            phones.append(f'"{name}" "sil {" ".join(text.replace(" ", ""))} sil"')
        if place == at:
            first = lines[0]
            lines += [first, '"ARA NORM  0404.wav" "lA >aHada"', "ARA NORM 0405.wav nothing quoted", ""]
            lines += ['"../../../secret.wav" "xaArija"', '"ARA NORM  0406.wav" ""']
            record(place / "wav" / "ARA NORM  9999.wav", clips[0].wave_N)
        write_lines(place / "orthographic-transcript.txt", *(line + "\r" * crlf for line in lines))
        write_lines(place / "phonetic-transcript.txt", *phones)
