#!/usr/bin/env bash
# Algerian speech, from Casablanca: its validation set to train on, since no other is public, its test set to test on.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=${CASABLANCA:-} # folder of Casablanca's parquet files
dialect=ALG            # dialect to take: ALG EGY JOR MAU MOR PAL UAE YEM

prepare() { run data.corpora.casablanca --dialect "$dialect" --in "$corpus" --out "$data"; }
recipe "$@"
