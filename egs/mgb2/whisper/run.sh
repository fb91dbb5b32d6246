#!/usr/bin/env bash
# MGB-2: 1,200 hours of Arabic broadcasts, mostly MSA, with light supervision.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=${MGB2:-} # folder of the extracted corpus, which holds train/, dev/ and test/
train=mgb2_train
dev=mgb2_dev
test=mgb2_test
hours=1200

prepare() { run data.corpora.mgb2 --in "$corpus" --out "$data"; }
recipe "$@"
