"""QASR: mgb2.1/wav/*.wav, release/train_20210109/xml/*.xml, release/{dev,test}/{wav,xml,text.verbatim.nonoverlap}."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.text.diacritics import strip_diacritics
from trees import Clip, record, write_lines
from trees.mgb2 import guid, programme, record_all, segment, spans, traps


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Three programmes to train on (the first is MGB-2's too), dev and test: MGB-2's recordings. Traps of MGB-2's."""
    n, release = len(clips), folder / "mgb2.1/release"
    for number, part in enumerate((clips[: n // 4], clips[n // 4 : n // 2], clips[n // 2 : n * 3 // 4])):
        name = guid(number if number == 0 else number + 50)
        record_all(folder / "mgb2.1/wav" / f"{name}.wav", part)
        made = [segment(name, i, a, b, c.text.split()) for i, (c, (a, b)) in enumerate(zip(part, spans(part)))]
        made += traps(name, 0, *spans(part)[0], part[0].text.split())
        who = f"{name.replace('-', '_')}_speaker"
        speakers = "".join(
            f'<speaker id="{who}{k}_align" name="متحدث {k}" speakerGender="{g}"/>'
            for k, g in ((1, "male"), (2, "female"))
        )
        path = release / "train_20210109/xml" / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(programme(name, made, "transcript_align", speakers), encoding="utf-8")
    record(folder / "mgb2.1/wav" / f"{guid(9)}.wav", clips[0].wave_N)  # without XML
    _split(release / "dev", guid(100), clips[n * 3 // 4 : n * 7 // 8])
    _split(release / "test", guid(200), clips[n * 7 // 8 :])


def _split(folder: Path, name: str, clips: Sequence[Clip]) -> None:
    """Verbatim texts in Arabic script; one utterance has no duration, one an id that says no time."""
    record_all(folder / "wav" / f"{name}.wav", clips)
    lines = [
        f"{name}_spk-{i % 2 + 1:04d}_seg-{int(a * 100):07d}:{int(b * 100):07d} {strip_diacritics(clip.text)} "
        for i, (clip, (a, b)) in enumerate(zip(clips, spans(clips)))
    ]
    extra = [f"{name}_spk-0001_seg-0000100:0000100 كلمة", f"{name}_utt_7 كلمة"]
    write_lines(folder / "text.verbatim.nonoverlap", *lines, *extra)
    write_lines(folder / "xml" / f"{name}.xml", programme(name, [], "transcript_manual"))
