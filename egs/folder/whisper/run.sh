#!/usr/bin/env bash
# A folder of recordings, with or without a TSV of transcripts: copy this recipe for a corpus of your own. Without them
# (--transcripts false) labels are kept by scores that need none, and students are held against their teacher.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpus=${CORPUS:-} # folder of recordings: wav, flac, mp3 or ogg, at any depth

configure() {
  [[ $transcripts == true || $arms != "unfiltered filtered truth" ]] || arms="unfiltered confident"
}
recipe "$@"
