#!/usr/bin/env bash
# MGB-5: Moroccan videos.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=${MGB5:-} # folder of the extracted corpus, which holds train/ and dev/
train=mgb5_train
dev=mgb5_dev
test=mgb5_dev
hours=14

prepare() { run data.corpora.mgb5 --in "$corpus" --out "$data"; }
recipe "$@"
