#!/usr/bin/env bash
# STaR and its rivals on synthetic Arabic speech: a small teacher, which its own stages pre-train, and smaller students.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/star.sh
. ../../TEMPLATE/star.sh
# shellcheck source=../../TEMPLATE/separate.sh
. ../../TEMPLATE/separate.sh
teacher=     # optional: another teacher than that of its own stages: a folder, or a model of the hub
preset=quick # quick, full, or nano (the tests)
seeds=       # optional: seeds, parted by blanks; empty: 1, of full 1 2 3
once=        # optional: further ways, each with the first seed alone; empty: none, of full all others
early=       # optional: percents of the steps at which the first student of each of the losses is scored too; empty: none, of full 10

configure() { # quick lives in data/, dump/ and exp/; another preset in a folder of its own
  [[ $conf != conf ]] || conf=conf/$preset
  local name remaining="intra_layer all attention last_attention prediction masked arm heads handover none"
  [[ $preset != full ]] || { seeds=${seeds:-1 2 3} once=${once:-$remaining} early=${early:-10}; }
  seeds=${seeds:-1}
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
own_teacher() { pretrained_teacher; }
recipe "$@"
