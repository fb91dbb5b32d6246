#!/usr/bin/env bash
# Jordanian speech, from Casablanca: its validation set to train on, since no other is public, its test set to test on.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/ssl.sh
. ../../TEMPLATE/ssl.sh
corpus=${CASABLANCA:-} # folder of Casablanca's parquet files
dialect=JOR            # dialect to take: ALG EGY JOR MAU MOR PAL UAE YEM
share=1                # all utterances of so small a set

prepare() { run data.corpora.casablanca --dialect "$dialect" --in "$corpus" --out "$data"; }
recipe "$@"
