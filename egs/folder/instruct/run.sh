#!/usr/bin/env bash
# A folder of recordings with a TSV of transcripts, summaries, dialects or emotions: copy this recipe for a corpus of
# your own.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/instruct.sh
. ../../TEMPLATE/instruct.sh
corpus=${CORPUS:-} # folder of recordings, with a table beside them

prepare() {
  run data.corpora.folder --config "$(config data)" --in "$corpus" --out "$data"
  folders+=("$data")
  apart_from_tests
}
recipe "$@"
