#!/usr/bin/env bash
# A REAL Whisper (tiny, from the package registries) on REAL human speech that it knows: the English prompts of the
# Asterisk telephone exchange, one speaker, split by prompt. The nine dialect clips are scored beside the test set.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=downloads/asterisk      # folder of the unpacked packages; the default is fetched from Debian's archive
teacher=downloads/whisper-tiny # a Whisper: a folder; the default is fetched from package registries
train=train_en                 # sets whose audio is pseudo-labelled and learnt from, names or patterns
dev=dev_en                     # set by which the best weights are picked
test="test_en"                 # sets that all systems are scored on
clips=downloads/clips          # folder of the dialect clips; the default is fetched from a Python package index
students=DW-4-2                # students: configs that say how many blocks of encoder and decoder they have
hours=0.45                     # optional: hours of audio, so that --plan can tell the disk before the data stage has run

prepare() {
  [[ $teacher != downloads/* ]] || run ../../../tools/fetch_whisper.sh --size tiny --out "$teacher"
  [[ $corpus != downloads/* ]] || run ../../../tools/fetch_asterisk.sh --out "$corpus"
  [[ $clips != downloads/* ]] || run ../../../tools/fetch_dialect_clips.sh --out "$clips"
  run data.corpora.asterisk --config "$(config data)" --in "$corpus" --out "$data"
  run data.corpora.dialect_clips --in "$clips" --out "$dump/clips"
  run data.sample --sets test --in "$dump/clips" --out "$dump/dialect_clips"
  also="$also $dump/dialect_clips"
}
recipe "$@"
