#!/usr/bin/env bash
# The embedded recipe: synthetic Arabic speech, generated on the spot; minutes on two cores.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/ssl.sh
. ../../TEMPLATE/ssl.sh
preset=quick # quick (the demo), full (three quarters of an hour on two cores) or nano (the tests)

configure() { # quick lives in data/, dump/ and exp/; another preset in a folder of its own
  [[ $conf != conf ]] || conf=conf/$preset
  if [[ $preset != quick ]]; then
    [[ $data != data ]] || data=$preset/data
    [[ $dump != dump ]] || dump=$preset/dump
    [[ $exp != exp ]] || exp=$preset/exp
  fi
  case $preset in quick) hours=${hours:-0.3} ;; full) hours=${hours:-1} ;; nano) hours=${hours:-0.03} ;; esac
}
prepare() { run data.corpora.mini --config "$conf/data.yaml" --out "$data"; }
recipe "$@"
