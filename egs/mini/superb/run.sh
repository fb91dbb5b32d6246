#!/usr/bin/env bash
# Six tasks of SUPERB on synthetic Arabic speech: filter banks, and two networks that its own stages pre-train.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/superb.sh
. ../../TEMPLATE/superb.sh
# shellcheck source=../../TEMPLATE/separate.sh
. ../../TEMPLATE/separate.sh
train=train  # set of sentences that networks are pre-trained on, and heads for PR, ASR and ER
dev=dev      # set of sentences for validation loss and unit quality
preset=quick # quick, or nano (the tests)

configure() { # quick lives in data/, dump/ and exp/; another preset in a folder of its own
  local name
  [[ $conf != conf ]] || conf=conf/$preset
  [[ $preset == quick ]] || for name in data dump exp; do
    [[ ${!name} != "$name" ]] || printf -v "$name" %s "$preset/$name"
  done
  spoken=$data/sentences short=$data/words sets=$dump/sets
}
prepare() { # sentences, of which networks learn, without what test sets have; words, commands and voices as they are
  local data=$spoken
  run data.corpora.mini --config "$(config data)" --out "$spoken"
  separate
  run data.corpora.mini_superb --config "$(config words)" --out "$short"
  folders+=("$sets" "$short")
}
encoders() {
  units it1
  pretrain it1 base
  units it2 "$exp/it1/base"
  pretrain it2 L
}
recipe "$@"
