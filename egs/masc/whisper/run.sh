#!/usr/bin/env bash
# MASC: YouTube channels with subtitles in many dialects.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=${MASC:-} # folder of the extracted corpus, which holds audios/, subtitles/ and subsets/
train=masc_clean_train
dev=masc_clean_dev
test=masc_clean_test
hours=1000

prepare() { run data.corpora.masc --in "$corpus" --out "$data"; }
recipe "$@"
