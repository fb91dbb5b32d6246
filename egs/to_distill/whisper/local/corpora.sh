# shellcheck shell=bash
# Sourced by run.sh: which sets the paper takes of which corpus, each kept from all test sets.
# shellcheck disable=SC2154,SC2034 # options are those of run.sh and of the template
declare -A set_of=([CV15]=commonvoice/commonvoice_test [MGB2]=mgb2/mgb2_test [MGB3]=mgb3/mgb3_test [MGB5]=mgb5/mgb5_test
  [FLEURS]=fleurs/fleurs_test [ALG]=casablanca/casablanca_alg_test [JOR]=casablanca/casablanca_jor_test
  [PAL]=casablanca/casablanca_pal_test [UAE]=casablanca/casablanca_uae_test [YEM]=casablanca/casablanca_yem_test)

refuse() { echo "error: $1" >&2 && exit 2; }

corpus_of() { # SET: the corpus among --corpora that it is of
  local corpus
  for corpus in $corpora; do [[ $1 != "$corpus"_* ]] || echo "$corpus"; done
}

configure() { # what is asked of the corpora that there are; of the others nothing is asked
  local name known="mgb2 mgb3 mgb5 fleurs commonvoice qasr arabic_speech_corpus masc casablanca" found=""
  for name in $corpora; do [[ " $known " == *" $name "* ]] || refuse "--corpora: no corpus $name; there are $known"; done
  for name in $known; do [[ " $corpora " == *" $name "* ]] || printf -v "$name" -- -; done
  if [[ -z $train ]]; then
    for name in mgb2_train mgb3_adapt mgb5_train fleurs_train commonvoice_train qasr_train arabic_speech_corpus_train \
      masc_clean_train; do [[ -z $(corpus_of "$name") ]] || train+="${train:+ }$name"; done
  fi
  if [[ -z $dev ]]; then
    for name in mgb2_dev mgb3_dev mgb5_dev fleurs_dev commonvoice_dev qasr_dev masc_clean_dev; do
      [[ -z $(corpus_of "$name") || $name == qasr_dev && " $corpora " == *" mgb2 "* ]] || dev+="${dev:+ }$name" # the same one
    done
  fi
  for name in $test; do
    [[ -n ${set_of[$name]:-} ]] || refuse "--test: no test set $name; there are ${!set_of[*]}"
    [[ -z $(corpus_of "${set_of[$name]#*/}") ]] || found+="${found:+ }$name"
  done
  test=$found
  [[ -n $train ]] || refuse "--corpora $corpora: none of them has a training set here"
  [[ -n $dev ]] || refuse "--corpora $corpora: none of them has a dev set"
  [[ -n $test$also ]] || refuse "--corpora $corpora: none of them has a test set of the paper; name one with --also"
  [[ ! $count =~ ^[0-9]+$ ]] || hours=${hours:-$(((count + 599) / 600))} # segments of 6 s; a corpus of its own size says so
}

prepare() {
  local name in=()
  for name in $corpora; do run "data.corpora.$name" --in "${!name}" --out "$data/$name"; done
  for name in $test; do # each by the name that the paper gives it
    run data.sample --sets "${set_of[$name]#*/}" --in "$data/${set_of[$name]%/*}" --out "$dump/test/$name"
  done
  for name in $dev; do in+=("$data/$(corpus_of "$name")/$name"); done
  run data.sample --config "$(config dev)" --in "${in[@]}" --out "$dump/dev"
}

separate() { # each training set without what it shares with a test or dev set of any corpus
  local name held=() options=()
  [[ $allow_contamination == false ]] || options+=(--allow_contamination "$allow_contamination")
  read -ra held <<<"$against"
  for name in $test; do held+=("$data/${set_of[$name]}"); done
  for name in $dev; do held+=("$data/$(corpus_of "$name")/$name"); done
  for name in $train; do
    run data.contamination --config "$(config contamination)" --train "$name" "${options[@]}" \
      --in "$data/$(corpus_of "$name")/$name" "${held[@]}" --out "$sets/$name"
  done
}

places() {
  local name more
  read -ra more <<<"$also"
  sources=() tests=() devset=$dump/dev
  for name in $train; do sources+=("$sets/$name/$name"); done
  for name in $test; do tests+=("$dump/test/$name"); done
  tests+=("${more[@]}")
}
