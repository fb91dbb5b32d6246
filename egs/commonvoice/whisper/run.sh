#!/usr/bin/env bash
# Common Voice, Arabic: sentences read by volunteers.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=${COMMONVOICE:-} # folder of a release (cv-corpus-*), or of its language
train=commonvoice_train
dev=commonvoice_dev
test=commonvoice_test
hours=90

prepare() { run data.corpora.commonvoice --in "$corpus" --out "$data"; }
recipe "$@"
