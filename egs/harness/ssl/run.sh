#!/usr/bin/env bash
# HArnESS (arXiv 2509.14689): Arabic and English in equal amounts; probed on MGB-2 (ASR), KSUEmotions (SER), ADI-5 (DID).
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/ssl.sh
. ../../TEMPLATE/ssl.sh
corpus=                      # optional, and not used here: the four options below say where the corpora lie
mgb2=${MGB2:-}               # folder of MGB-2
librispeech=${LIBRISPEECH:-} # folder of LibriSpeech's subsets: the English
ksuemotions=${KSUEMOTIONS:-} # folder of KSUEmotions
adi5=${ADI5:-}               # folder of ADI-5
also=                        # optional: data directories of other recipes, to pre-train on besides: "../../qasr/ssl/data"

prepare() { # conf/mix.yaml says which sets are pre-trained on
  local more
  read -ra more <<<"$also"
  run data.corpora.mgb2 --in "$mgb2" --out "$dump/mgb2"
  run data.corpora.librispeech --in "$librispeech" --out "$dump/librispeech"
  run data.corpora.ksuemotions --in "$ksuemotions" --out "$dump/ksuemotions"
  run data.corpora.adi5 --in "$adi5" --out "$dump/adi5"
  run data.mix --config "$(config mix)" --out "$data" \
    --in "$dump/mgb2" "$dump/librispeech" "$dump/ksuemotions" "$dump/adi5" "${more[@]}"
}
recipe "$@"
