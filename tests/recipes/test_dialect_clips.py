"""The recipe of the dialect clips, offline: its table, and its one stage on a folder of the same layout."""

from pathlib import Path

from conftest import House
from trees import dialect_clips, speech


def test_the_recipe_fetches_unless_a_folder_is_named(new_house, tmp_path: Path) -> None:
    house: House = new_house()
    code, output = house.run("dialect_clips/ssl", "--list")
    assert code == 0 and "downloads -> data" in output, output
    dialect_clips.make(tmp_path / "corpus", speech())
    code, output = house.run("dialect_clips/ssl", "--corpus", str(tmp_path / "corpus"))
    assert code == 0 and "9 utterances, as published" in output, output
    recipe = house.root / "egs/dialect_clips/ssl"
    assert (recipe / "data/test/text").is_file() and not (recipe / "downloads").exists()
    code, output = house.run("dialect_clips/ssl", "--corpus", str(tmp_path / "corpus"))
    assert code == 0 and "nothing to do" in output
