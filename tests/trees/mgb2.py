"""MGB-2: {train,dev,test}/wav/<GUID>.wav, train/xml/{utf8,bw}/*.xml, tables of dev and test, test/stm_*.stm."""

from __future__ import annotations

import random
import struct
import uuid
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from toolkit.text.buckwalter import to_buckwalter
from toolkit.text.diacritics import strip_diacritics
from trees import Clip, record, write_lines

GAP = 0.5  # s of silence between two clips of a recording


def guid(number: int) -> str:
    """A name as the corpus has them; the same number gives the same name."""
    return str(uuid.UUID(int=random.Random(number).getrandbits(128))).upper()


def spans(clips: Sequence[Clip]) -> list[tuple[float, float]]:
    """Where clips stand in a recording of all of them, seconds, on the grid of centiseconds that ids have."""
    times, at = [], 0.0
    for clip in clips:
        times.append((round(at, 2), round(at + clip.seconds, 2)))
        at = round(at + clip.seconds + GAP, 2)
    return times


def record_all(path: Path, clips: Sequence[Clip]) -> None:
    """One recording of the clips at their `spans`."""
    times = spans(clips)
    wave_N = np.zeros(round((times[-1][1] + GAP) * 16000), dtype=np.float32)
    for clip, (start, _) in zip(clips, times):
        first = round(start * 16000)
        wave_N[first : first + len(clip.wave_N)] = clip.wave_N
    record(path, wave_N)


def segment(name: str, number: int, start: float, end: float, words: Sequence[str], **attributes: str) -> str:
    """A <segment>; an attribute that is given as "" is left out."""
    known = {
        "id": f"{name.replace('-', '_')}_utt_{number}",
        "starttime": f"{start:.2f}",
        "endtime": f"{end:.2f}",
        "AWD": "0.41",
        "PMER": "12.5",
        "WMER": "21.4",
        "who": f"{name.replace('-', '_')}_speaker{number % 2 + 1}_align",
    }
    attribute_text = " ".join(f"{key}={quoteattr(value)}" for key, value in {**known, **attributes}.items() if value)
    elements = "".join(
        f'\n  <element id="{name}_w{number}_{i}" type="word">{escape(word)}</element>' for i, word in enumerate(words)
    )
    return f"<segment {attribute_text}>{elements}\n</segment>\n"


def programme(name: str, segments: Sequence[str], annotation: str = "transcript_align", speakers: str = "") -> str:
    """An XML file."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<transcript><head><recording filename="{name}.wav"/>'
        f'<annotations><annotation id="{annotation}"/></annotations><speakers>{speakers}</speakers></head>\n'
        f'<body><segments annotation_id="{annotation}">\n{"".join(segments)}</segments></body></transcript>\n'
    )


def traps(name: str, number: int, start: float, end: float, words: Sequence[str]) -> list[str]:
    """Segments of the same speech with everything that such files hold."""
    again = [number + 1000 + i for i in range(10)]
    return [
        segment(name, again[0], start + 0.4, end, words, WMER="80.1"),
        segment(name, again[1], start, end, words, who="narrator"),
        segment(name, again[2], start + 0.1, end, words, who=f"{name.replace('-', '_')}_speaker12", WMER=""),
        segment(name, again[3], start + 0.2, end, ["@@LAT@@CNN", "##", "@@@", "#خطأ", "", *words], WMER="80"),
        segment(name, again[4], start + 0.3, end, ["@@@", "##"]),
        segment(name, again[5], start, end, words, starttime=""),
        segment(name, again[6], end, start, words),
        segment(name, again[7], end + 1e5, end + 1e5 + 1, words),
    ]


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Three recordings to train on, one of dev, one of test, with tables, lists, STM files and `traps`."""
    n = len(clips)
    parts = [clips[: n // 4], clips[n // 4 : n // 2], clips[n // 2 : n * 3 // 4]]
    for number, part in enumerate(parts):
        _train(folder / "train", guid(number), part)
    record(folder / "train/wav" / f"{guid(7)}.wav", clips[0].wave_N)  # without XML
    (folder / "train/xml/utf8" / f"{guid(8)}.xml").write_text(  # without wav
        programme(guid(8), [segment(guid(8), 0, 0, 1, ["كلمة"])]), encoding="utf-8"
    )
    _official(folder / "dev", guid(100), clips[n * 3 // 4 : n * 7 // 8])
    _official(folder / "test", guid(200), clips[n * 7 // 8 :], stm=True)


def _train(folder: Path, name: str, clips: Sequence[Clip]) -> None:
    record_all(folder / "wav" / f"{name}.wav", clips)
    for script in ("utf8", "bw"):
        made: list[str] = []
        for i, (clip, (start, end)) in enumerate(zip(clips, spans(clips))):
            words = clip.text.split() if script == "utf8" else to_buckwalter(strip_diacritics(clip.text)).split()
            made.append(segment(name, i, start, end, words))
            if i == 0:
                made += traps(name, i, start, end, words)
        path = folder / "xml" / script / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(programme(name, made), encoding="utf-8")


def _official(folder: Path, name: str, clips: Sequence[Clip], stm: bool = False) -> None:
    """Tables with every kind of utterance: the last clip is overlap, the one before it music."""
    record_all(folder / "wav" / f"{name}.wav", clips)
    times = spans(clips)
    ids = [f"{name}_spk-{i % 2 + 1:04d}_seg-{int(a * 100):07d}:{int(b * 100):07d}" for i, (a, b) in enumerate(times)]
    texts = [to_buckwalter(strip_diacritics(clip.text)) for clip in clips]
    segments = [f"{id} {name.replace('-', '_')} {a:.2f} {b:.2f}" for id, (a, b) in zip(ids, times)]
    write_lines(folder / "segments.all", *segments)
    write_lines(folder / "segments.non_overlap_speech", *segments[:-2])
    write_lines(folder / "text.all", *(f"{id} {text} " for id, text in zip(ids, texts)), f"{name}_spk-0009_no no")
    write_lines(folder / "text.non_overlap_speech", *(f"{id} {text}" for id, text in zip(ids[:-2], texts)))
    ending = ".lst" if stm else ""
    write_lines(folder / f"overlap_speech{ending}", ids[-1])
    write_lines(folder / f"non_overlap_speech{ending}", *ids[:-2])
    write_lines(folder / f"music{ending}", ids[-2])
    write_lines(folder / f"silence{ending}")
    if stm:
        for variant, of in (("orig", str), ("norm", strip_diacritics), ("ndnp", strip_diacritics)):
            who = ["unknown"] * (len(clips) - 1) + ["overlap"]
            lines = [f"{name} 0 {w} {a:.2f} {b:.2f} {of(c.text)}" for w, c, (a, b) in zip(who, clips, times)]
            extra = [f"{name} 0 unknown 9990.00 9991.00 كلمة", ";; a comment", f"{name} 0 unknown"]
            write_lines(folder / f"stm_{variant}.stm", *(lines[1:] if variant == "ndnp" else lines), *extra)


def make_large(folder: Path, programmes: int, segments: int, seed: int = 1) -> None:
    """Train alone at any size: `segments` of two words a second in all, in programmes of 30 min, recordings sparse.

    The first file has 10 utterances too bad to be taken.
    """
    rng = random.Random(seed)
    letters = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20000)]
    for kind in ("wav", "xml/utf8"):
        (folder / "train" / kind).mkdir(parents=True, exist_ok=True)
    for number in range(programmes):
        name = guid(number)
        count = segments * (number + 1) // programmes - segments * number // programmes
        step = 1790 / max(count, 1)
        made = [
            segment(name, i, i * step, (i + 1) * step - 0.01, rng.choices(words, k=max(1, round(2 * step))))
            for i in range(count)
        ]
        if number == 0:
            made += [segment(name, i, i, i + 1, ["كلمة"], WMER="99") for i in range(10)]
        (folder / "train/xml/utf8" / f"{name}.xml").write_text(programme(name, made), encoding="utf-8")
        sparse_wav(folder / "train/wav" / f"{name}.wav", 1800)


def sparse_wav(path: Path, seconds: int) -> None:
    """A recording of silence, mono, 16 kHz, 16 bit, that takes no room on a disk that knows sparse files."""
    size = seconds * 32000
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16, b"data", size
    )
    with open(path, "wb") as f:
        f.write(header)
        f.truncate(len(header) + size)
