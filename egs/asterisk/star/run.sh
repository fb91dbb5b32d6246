#!/usr/bin/env bash
# STaR and its rivals on real human speech in five languages, 2 h: the prompts of the Asterisk telephone exchange.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/star.sh
. ../../TEMPLATE/star.sh
# shellcheck source=../../TEMPLATE/separate.sh
. ../../TEMPLATE/separate.sh
corpus=downloads # folder of the unpacked packages; the default is fetched from Debian's archive
hours=2.2        # optional: hours of audio, so that --plan can tell the disk before the data stage has run
teacher=         # optional: another teacher than that of its own stages: a folder

configure() { sets=$dump/sets; }
prepare() {
  [[ $corpus != downloads ]] || run ../../../tools/fetch_asterisk.sh --out downloads
  run data.corpora.asterisk --in "$corpus" --out "$data"
  separate
  folders+=("$sets")
}
own_teacher() { pretrained_teacher; }
recipe "$@"
