#!/usr/bin/env bash
# Real human speech in five languages, 2 h: the prompts of the Asterisk telephone exchange, from Debian's packages.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/ssl.sh
. ../../TEMPLATE/ssl.sh
corpus=downloads # folder of the unpacked packages; the default is fetched from Debian's archive
hours=2.2        # optional: hours of audio, so that --plan can tell the disk before the data stage has run
tuned=           # optional: models to fine-tune whole, beside the frozen probes
twin_seed=2      # optional: seed of a second codebook of each iteration: no phones are known here to hold units against

prepare() {
  [[ $corpus != downloads ]] || run ../../../tools/fetch_asterisk.sh --out downloads
  run data.corpora.asterisk --in "$corpus" --out "$data"
}
recipe "$@"
