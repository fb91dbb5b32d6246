"""Add an adapter to the weights of its base: python3 -m toolkit.models.merge ADAPTER --out FOLDER

The folder loads with `Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained`, without peft, and answers as the
adapter on its base does: with equal tokens in float32.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import UserError, told
from .adapters import is_adapter


def merge(adapter: Path, out: Path, base: Path | None = None) -> None:
    """Write the merged model to `out`. Raises UserError for what is no adapter, or does not fit its base."""
    from .adapters import base_of, load_adapter, merged
    from .omni import Omni, load_omni, save_omni
    from .tuned import about_of, folder_of

    folder = folder_of(adapter)
    if not is_adapter(folder):
        raise UserError("no adapter: it has nothing to merge", str(folder), "name a folder with adapter_config.json")
    if out.exists():
        raise UserError("something is there already", f"--out {out}", "name a new folder")
    omni = load_omni(base or base_of(folder))
    whole = Omni(merged(load_adapter(omni, folder)), omni.folder, omni.prompts)
    card = (folder / "README.md").read_text(encoding="utf-8") if (folder / "README.md").is_file() else ""
    save_omni(whole, out, card.replace("library_name: peft", "library_name: transformers"), about_of(folder))


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python3 -m toolkit.models.merge",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="folder of train.instruct, or of peft")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="new folder")
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="default: the base that its training noted")
    call = parser.parse_args(words)
    with told(1, str(call.out)):
        merge(call.adapter, call.out, call.base)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
