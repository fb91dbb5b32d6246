# shellcheck shell=bash
# Sourced by the templates: the corpora that a user has, each below $data; stages() has the arrays folders[] and absent[].
# shellcheck disable=SC2154 # data is an option of the template
corpus() { # NAME FOLDER [MORE ...] [--FIELD VALUE ...]: data directories of a corpus, below $data; none if FOLDER is empty
  [[ -n $2 ]] || { absent+=("$1") && return; }
  run "data.corpora.$1" --in "${@:2}" --out "$data/$1"
  folders+=("$data/$1")
}
without_corpus() { # --list shows this run; the engine refuses its empty input and names the options
  run "data.corpora.${absent[0]}" --in "" --out "$data/${absent[0]}"
  folders+=("$data/${absent[0]}")
}
