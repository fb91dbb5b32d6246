"""IEMOCAP: Session<n>/{sentences/wav/<dialog>/*.wav, dialog/EmoEvaluation/*.txt, dialog/transcriptions/*.txt}."""

from collections.abc import Sequence
from pathlib import Path

from trees import Clip, record, write_lines

EMOTIONS = ("neu", "hap", "exc", "ang", "sad", "fru", "xxx", "neu")


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Five sessions of two dialogs, each with a turn of each of EMOTIONS, and all that stands around them."""
    spoken = iter([*clips] * 9)
    for session in range(1, 6):
        top = folder / f"Session{session}"
        for dialog in (f"Ses{session:02d}F_impro01", f"Ses{session:02d}M_script01_1"):
            turns = [f"{dialog}_{'FM'[i % 2]}{i // 2:03d}" for i in range(len(EMOTIONS) - 1)] + [f"{dialog}_MXX0"]
            ratings, texts = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], []
            for i, (turn, emotion) in enumerate(zip(turns, EMOTIONS, strict=True)):
                clip = next(spoken)
                record(top / f"sentences/wav/{dialog}/{turn}.wav", clip.wave_N)
                ratings += [f"[{i}.0000 - {i + clip.seconds:.4f}]\t{turn}\t{emotion}\t[2.5000, 2.5000, 2.5000]"]
                ratings += ["C-E2:\tNeutral;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", ""]
                texts += [f"{turn} [{i:03d}.0000-{i + 1:03d}.0000]: Turn {i} of {dialog}. [LAUGHTER]", "M: What?"]
            write_lines(top / f"dialog/EmoEvaluation/{dialog}.txt", *ratings)
            write_lines(top / f"dialog/EmoEvaluation/Categorical/{dialog}_e1_cat.txt", f"{turns[0]} :Neutral; ()")
            write_lines(top / f"dialog/transcriptions/{dialog}.txt", *texts)
            (top / f"dialog/EmoEvaluation/._{dialog}.txt").write_bytes(b"\0\5\x16\7")  # of macOS, as the release has it
