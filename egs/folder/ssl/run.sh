#!/usr/bin/env bash
# A folder of recordings, with or without a TSV of transcripts: copy this recipe for a corpus of your own.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/ssl.sh
. ../../TEMPLATE/ssl.sh
corpus=${CORPUS:-} # folder of recordings: wav, flac, mp3 or ogg, at any depth
recipe "$@"
