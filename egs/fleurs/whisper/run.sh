#!/usr/bin/env bash
# FLEURS ar_eg: Wikipedia sentences, read; nobody says by whom.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=${FLEURS:-} # folder which holds data/ar_eg, or that folder
train=fleurs_train
dev=fleurs_dev
test=fleurs_test
hours=10

prepare() { run data.corpora.fleurs --in "$corpus" --out "$data"; }
recipe "$@"
