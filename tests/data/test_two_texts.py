"""Two transcripts of the same audio are told, wherever they come from."""

from trees import write_lines

from toolkit.data.checks import inspect
from toolkit.data.two_texts import told, torn

A, B = ("a.wav", "", 0.0, 2.0), ("a.wav", "", 0.0, 2.5)


def test_pieces_of_one_place_with_two_transcripts_are_torn_and_no_others():
    same = [("1", A, "نعم"), ("2", A, "لا"), ("3", A, "نعم")]
    assert torn([*same, ("4", B, "لا"), ("5", ("b.wav", "", 0.0, 2.0), "لا"), ("6", A, " ")]) == ["1", "2", "3"]
    assert torn([("1", A, "نعم"), ("2", A, "نعم"), ("3", A, ""), ("4", B, "لا")]) == []
    assert told(["1", "2", "3", "4"]).startswith("4 utterances") and told(["1", "2", "3", "4"]).endswith("1, 2, 3, ...")


def test_validate_warns_of_two_texts_of_one_wav(tmp_path, record, make_noise):
    wav = record("a.wav", make_noise(2))
    ids = ("s-1", "s-2")
    for name, values in {"wav.scp": [wav] * 2, "utt2spk": ["s"] * 2, "text": ["نعم يا أخي", "لا يا أخي"]}.items():
        write_lines(tmp_path / "d" / name, *(f"{id} {value}" for id, value in zip(ids, values, strict=True)))
    write_lines(tmp_path / "d/spk2utt", "s s-1 s-2")
    (problem,) = [p for p in inspect(tmp_path / "d").problems if p.reason == "two transcripts"]
    assert problem.level == "warning" and "2 utterances have the same audio" in problem.message
    assert "s-1, s-2" in problem.message
