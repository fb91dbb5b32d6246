#!/usr/bin/env bash
# MGB-3: Egyptian videos, each transcribed by four annotators.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=${MGB3:-} # folder of the extracted corpus, which holds adapt/, dev/, test/ and wav/
train=mgb3_adapt
dev=mgb3_dev
test=mgb3_test
hours=16

prepare() { run data.corpora.mgb3 --in "$corpus" --out "$data"; }
recipe "$@"
