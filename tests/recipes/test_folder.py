"""The recipe for a folder of recordings, as its user would begin: a folder, and perhaps a table."""

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.recipe


def test_a_folder_with_an_arabic_name_and_a_table_goes_all_the_way(nano: Path, new_house, tmp_path: Path) -> None:
    corpus = tmp_path / "تسجيلات عربية"
    rows = ["path\ttext\tspeaker\tdialect"]
    for name in ("train", "dev", "test"):
        tables = {}
        for table in ("text", "utt2spk", "utt2lang"):
            lines = (nano / "data" / name / table).read_text(encoding="utf-8").splitlines()
            tables[table] = dict(line.split(maxsplit=1) for line in lines)
        for utt, speaker in tables["utt2spk"].items():
            (corpus / speaker).mkdir(parents=True, exist_ok=True)
            shutil.copy(nano / "data/audio" / f"{utt}.wav", corpus / speaker / f"{utt}.wav")
            rows.append(f"{speaker}/{utt}.wav\t{tables['text'][utt]}\t{speaker}\t{tables['utt2lang'][utt]}")
    (corpus / "broken.wav").write_bytes(b"RIFF")
    (corpus / "table.tsv").write_text("\n".join([*rows, "nobody.wav\tلا أحد\tx\tALG"]) + "\n", encoding="utf-8")

    house = new_house()
    recipe = house.root / "egs/folder/ssl"
    for config in (house.root / "egs/mini/ssl/conf/nano").glob("*.yaml"):  # the small networks of the nano preset
        if config.name not in ("data.yaml", "report.yaml"):
            shutil.copy(config, recipe / "conf" / config.name)
    shares = recipe / "conf/data.yaml"
    shares.write_text(shares.read_text().replace("[train=0.9, dev=0.05, test=0.05]", "[train=0.6, dev=0.2, test=0.2]"))
    code, output = house.run("folder/ssl", "--corpus", str(corpus))
    assert code == 0, output
    results = (recipe / "exp/RESULTS.md").read_text(encoding="utf-8")
    assert "SYNTHETIC" not in results
    dropped = (recipe / "data/dropped.tsv").read_text(encoding="utf-8")
    assert "broken" in dropped and "nobody" in dropped
