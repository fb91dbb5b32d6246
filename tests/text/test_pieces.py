from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.text import pieces_command
from toolkit.text.normalise import profile
from toolkit.text.pieces import PiecesConfig, encode, read_pieces
from toolkit.text.tokens import SentencePiece, learn_pieces

LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"


def learn(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit.text.pieces", *map(str, words)], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory's text: made-up Arabic words with diacritics and tatweel, one utterance of marks alone."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list(LETTERS), rng.integers(2, 6))) for _ in range(60)]
    lines = [f"u{i:03} " + " ".join(rng.choice(words, rng.integers(2, 9))) for i in range(150)]
    lines += ["u150 " + " ".join(LETTERS), "u151 كَتَبَ ســلام مدرسة", "u152 !؟"]
    (folder / "text").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exp") / "pieces"
    done = learn("--in", corpus, "--out", out, "--pieces", "80")
    assert done.returncode == 0, done.stderr
    assert "every character known" in done.stdout
    return out


def output(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert pieces_command.command([*map(str, words)]) == 0
    return capsys.readouterr().out


def test_the_folder_says_what_was_learnt_from_which_profile_and_what_was_dropped(model: Path) -> None:
    tokens = (model / "tokens.txt").read_text(encoding="utf-8").splitlines()
    assert (len(tokens), tokens[0]) == (81, "<blank>")
    record = json.loads((model / "pieces.json").read_text(encoding="utf-8"))
    assert (record["profile"], record["pieces"], record["lines"]) == ("sawt@2", 80, 152)
    assert set(record["characters"]) == {*LETTERS, " "}  # neither diacritics nor tatweel nor teh marbuta
    assert "u152" in (model / "dropped.tsv").read_text(encoding="utf-8")
    peer = sentencepiece.SentencePieceProcessor(model_file=str(model / "spm.model"))
    assert [peer.id_to_piece(n) for n in range(1, 81)] == tokens[1:]


def test_learning_again_gives_the_same_bytes(corpus: Path, model: Path, tmp_path: Path) -> None:
    assert learn("--in", corpus, "--out", tmp_path / "again", "--pieces", "80").returncode == 0
    for name in ("spm.model", "tokens.txt", "pieces.json"):
        assert (tmp_path / "again" / name).read_bytes() == (model / name).read_bytes()


@pytest.mark.parametrize("form", ["pieces", "numbers"])
def test_what_is_encoded_is_decoded_to_the_normalised_text(
    form: str, corpus: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoded = output(capsys, "encode", "--model", model, "--as", form, corpus)
    (tmp_path / "encoded").write_text(encoded, encoding="utf-8")
    decoded = output(capsys, "decode", "--model", model, "--as", form, "--kaldi", tmp_path / "encoded")
    lines = (corpus / "text").read_text(encoding="utf-8").splitlines()
    ids = [line.split(" ", 1) for line in lines]
    assert [line.rstrip() for line in decoded.splitlines()] == [
        f"{id} {profile('sawt')(text)}".rstrip() for id, text in ids
    ]


@given(st.text(LETTERS + "َّ٣ژx\u2581", max_size=20))
def test_unknown_characters_are_those_that_the_texts_did_not_hold(text: str) -> None:
    tokens = SentencePiece(learn_pieces((" ".join(LETTERS),), 29))
    numbers, unknown = encode(tokens, text)
    assert unknown == [c for c in text if c not in LETTERS]
    assert (0 in numbers) == bool(unknown)


def test_an_unknown_character_is_an_error_that_names_it_or_unk(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t").write_text("سلام\nسلام ژ\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"U\+0698 ARABIC LETTER JEH") as raised:
        pieces_command.command(["encode", "--model", str(model), str(tmp_path / "t")])
    assert raised.value.where == f"{tmp_path / 't'}:2"
    capsys.readouterr()
    assert (
        output(capsys, "encode", "--model", model, "--unknown", "unk", tmp_path / "t").splitlines()[1][-5:] == "<unk>"
    )
    assert pieces_command.command(["coverage", "--model", str(model), str(tmp_path / "t")]) == 1
    assert "1 unknown characters: U+0698 'ژ' ×1" in capsys.readouterr().out


def test_users_mistakes_are_told_without_a_traceback(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("؟!\n", encoding="utf-8")
    for words, problem in (
        (["--in", tmp_path / "empty", "--out", tmp_path / "a"], "no text to learn from"),
        (["--in", corpus, "--out", tmp_path / "b", "--profile", "swat"], "unknown profile swat; did you mean sawt?"),
        (["--in", corpus, "--out", tmp_path / "c", "--pieces", "5000"], "too small for 5000 pieces"),
        (["--in", tmp_path, "--out", tmp_path.with_name("d")], "a folder without a table text"),
        (["encode", "--model", tmp_path, corpus], "no pieces in it"),
    ):
        done = learn(*words)
        assert done.returncode == 1 and problem in done.stderr and "Traceback" not in done.stderr


def test_a_model_of_another_version_of_the_profile_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "spm.model").write_bytes((model / "spm.model").read_bytes())
    (tmp_path / "pieces.json").write_text('{"profile": "sawt@99"}')
    with pytest.raises(UserError, match=r"no profile sawt@99, only sawt@2"):
        read_pieces(tmp_path)


def test_the_config_refuses_too_few_pieces() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        PiecesConfig(pieces=1)
