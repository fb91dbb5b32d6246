"""What is read of a file, and what is said of one that is damaged."""

from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json


@pytest.mark.parametrize("damaged", [b"", b'{"a": 1', b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_holds_no_json_is_a_users_mistake_with_a_remedy(damaged: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tree.json"
    path.write_bytes(damaged)
    with pytest.raises(UserError, match="a damaged file, not JSON") as e:
        read_json(path)
    assert e.value.where == str(path) and "--fresh" in e.value.remedy


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "tree.json", {"متحدث": [1, None]})
    assert read_json(tmp_path / "tree.json") == {"متحدث": [1, None]}
