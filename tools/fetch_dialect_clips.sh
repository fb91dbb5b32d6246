#!/usr/bin/env bash
# Fetches nine clips of spoken Arabic, one of each of nine dialects, with their transcripts: the assets of the Python
# package habibi-tts. Its wheel is downloaded, checked and unpacked; nothing of the package is installed or run.
# Usage: tools/fetch_dialect_clips.sh --out FOLDER       -> FOLDER/habibi_tts/assets/{README.md,*.wav,*.mp3}
# Downloads are kept in ${SAWT_CACHE:-~/.cache/sawt}/packages; what is there is not fetched again.
# shellcheck source=fetching.sh
. "${BASH_SOURCE[0]%/*}/fetching.sh"
: 'Disk, for --plan:
PLAN = {"mb": 5}
'
version=0.1.1
sha256=df2d9ead85307c6c7cb2b14f3b730c35357f2a1578180098cf97d4c588228a5e
wheel=habibi_tts-$version-py3-none-any.whl
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)

fetch_into habibi_tts/assets "$@"

python=${SAWT_PYTHON:-$root/.venv/bin/python3}
[[ -x $python ]] || python=$(command -v python3) || die "no Python" "  remedy: run make setup in $root"
file=$packages/$wheel
by_hand="  remedy: get $wheel of the package habibi-tts from a Python package index on another machine
          (pip download --no-deps --only-binary :all: habibi-tts==$version), put it into $packages and run again"

if [[ ! -f $file || $(sum_of "$file") != "$sha256" ]]; then
  # A wheel, not the sdist: pip would run the setup of that one to learn its name.
  "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: -d "$work" "habibi-tts==$version" \
    >"$work/pip.log" 2>&1 || { tail -n 3 "$work/pip.log" >&2 && die "cannot fetch habibi-tts $version" "$by_hand"; }
  [[ -f $work/$wheel ]] || die "pip fetched no $wheel" "$by_hand"
  got=$(sum_of "$work/$wheel")
  [[ $got == "$sha256" ]] || die "$wheel is not the tested file (SHA-256 $got, wanted $sha256)" "$by_hand"
  mv "$work/$wheel" "$file"
  echo "fetched $wheel"
fi
PYTHONPATH=$root "$python" -m toolkit.data.unpack "$file" --only habibi_tts/assets --out "$out"
