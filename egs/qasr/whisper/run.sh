#!/usr/bin/env bash
# QASR: 2,000 hours of Arabic broadcasts, with the dev and test sets of MGB-2.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=${QASR:-} # folder of the extracted corpus, which holds wav/ and release/ (mgb2.1)
train=qasr_train
dev=qasr_dev
test=qasr_test
hours=2000

prepare() { run data.corpora.qasr --in "$corpus" --out "$data"; }
recipe "$@"
