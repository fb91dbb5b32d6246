"""The dialect clips: habibi_tts/assets/{README.md,*.mp3,*.wav} of the package habibi-tts."""

from collections.abc import Sequence
from pathlib import Path

from trees import Clip, record, write_lines

SECTIONS = {  # as its README has them: heading, (file, source) of its clips
    "MSA (Modern Standard Arabic)": [("MSA.mp3", "JjTirzdD7T3GMLkwdd3a")],
    "SAU (Najdi, Hijazi, Gulf, etc.)": [
        ("Najdi.wav", "6k_SBA_22_2-seg_410_975-416_518"),
        ("Hijazi.wav", "6k_SBA_27_0-seg_544_950-550_440"),
        ("Gulf.wav", "6k_SBA_107_1-seg_22_960-29_010"),
    ],
    "UAE (Emirati)": [("UAE.wav", "13_segment_108")],
    "ALG (Algerian & Algerian Saharan)": [("ALG.wav", "yCfWAGx6aTw-162")],
    "IRQ (Mesopotamian & North Mesopotamian)": [("IRQ.wav", "P9zYhlu5pzw-613")],
    "EGY (Egyptian, Saidi, etc.)": [("EGY.mp3", "IES4nrmZdUBHByLBde0P")],
    "MAR (Moroccan or Darija)": [("MAR.mp3", "OfGMGmhShO8iL9jCkXy8")],
    "OMN (Omani, Dhofari, etc.)": [],
}


def make(folder: Path, clips: Sequence[Clip], place: str = "habibi_tts/assets") -> None:
    """Nine clips and the README, below folder/place."""
    lines, spoken = ["## Reference Prompts Examples Used for Inference", "", "1. MP3 files are from elsewhere.", ""], 0
    for heading, files in SECTIONS.items():
        lines += ["", f"### {heading}"]
        if not files:
            lines.append("N/A")
            continue
        lines.append("```bash")
        for name, source in files:
            clip = clips[spoken]
            spoken += 1
            record(folder / place / name, clip.wave_N)
            lines += [f"# {name} ({source})", f'"{clip.text}."', ""]
        lines[-1] = "```"
    write_lines(folder / place / "README.md", *lines)
