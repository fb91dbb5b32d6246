"""The recipe of the dialect clips, offline: its table, and its one stage on a folder of the same layout."""

from pathlib import Path

from conftest import House
from trees import dialect_clips, speech


def test_the_recipe_fetches_unless_a_folder_is_named(new_house, tmp_path: Path) -> None:
    house: House = new_house()
    code, said = house.run("dialect_clips/ssl", "--list")
    assert code == 0 and "downloads -> data" in said, said
    dialect_clips.make(tmp_path / "corpus", speech())
    code, said = house.run("dialect_clips/ssl", "--corpus", str(tmp_path / "corpus"))
    assert code == 0 and "9 utterances, as published" in said, said
    recipe = house.root / "egs/dialect_clips/ssl"
    assert (recipe / "data/test/text").is_file() and not (recipe / "downloads").exists()
    code, said = house.run("dialect_clips/ssl", "--corpus", str(tmp_path / "corpus"))
    assert code == 0 and "nothing to do" in said
