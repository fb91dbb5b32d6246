#!/usr/bin/env bash
# Tasks of SUPERB on synthetic Arabic speech: filter banks, and a small network that its own stages pre-train.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/superb.sh
. ../../TEMPLATE/superb.sh
corpus=      # optional, and not used here: the corpus is generated
preset=quick # quick, or nano (the tests)

configure() { # quick lives in data/, dump/ and exp/; another preset in a folder of its own
  [[ $conf != conf ]] || conf=conf/$preset
  [[ $preset == quick ]] || { data=$preset/data dump=$preset/dump exp=$preset/exp; }
}
prepare() { run data.corpora.mini --config "$(config data)" --out "$data"; }
encoders() {
  # shellcheck disable=SC2154 # it is the template's
  local speech=("$sets/$train" "$sets/$dev")
  stage units "Units of MFCCs for the network"
  run units.sample --config "$(config it1)" --in "${speech[0]}" --out "$dump/it1/sample"
  run units.kmeans --config "$(config it1)" --in "$dump/it1/sample" --out "$exp/it1/codebook"
  run units.label --in "${speech[@]}" "$exp/it1/codebook" --out "$dump/it1/labels"
  stage base "Pre-train conf/base.yaml"
  run train.pretrain --config "$(config base)" --in "${speech[@]}" "$dump/it1/labels" --out "$exp/it1/base"
  models+=("$exp/it1/base")
  results+=("$exp/it1/codebook" "$exp/it1/base")
}
recipe "$@"
