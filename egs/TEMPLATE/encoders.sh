# shellcheck shell=bash
# Sourced by the templates: encoders that a recipe pre-trains, whose names go to models[], and those that a user names.
# shellcheck disable=SC2154 # the other options are the template's
targets='' share='' twin_seed='' max_hours='' # options of ssl.sh, which other templates need not have

codebooks() { # ITERATION: names of its codebooks, one but for the ablation
  case $1:$targets in
    it3:both) echo it3-pca it3-raw ;;
    it3:pca | it3:raw) echo "it3-$targets" ;;
    it3:*) echo "error: --targets is pca, raw or both, not $targets" >&2 && exit 2 ;;
    *) echo "$1" ;;
  esac
}

units() { # ITERATION [TEACHER]: units of MFCC, or of a layer of TEACHER
  local book books twin
  books=$(codebooks "$1")
  stage "$1.sample" "Features of a seeded sample of frames"
  run units.sample --config "$(config "$1")" ${share:+--sample.utterances "$share"} \
    --in "$sets/$train" ${2:+"$2"} --out "$dump/$1/sample"
  stage "$1.kmeans" "Codebook"
  for book in $books; do
    local raw=()
    [[ $book != *-raw ]] || raw=(--pca.dim 0 --pca.whiten false)
    run units.kmeans --config "$(config "$1")" "${raw[@]}" --in "$dump/$1/sample" --out "$exp/$book/codebook"
    [[ -z $twin_seed ]] || run units.kmeans --config "$(config "$1")" "${raw[@]}" --seed "$twin_seed" \
      --in "$dump/$1/sample" --out "$exp/$book/twin"
  done
  stage "$1.label" "Audio to units in one pass"
  for book in $books; do
    run units.label --in "$sets/$train" "$sets/$dev" "$exp/$book/codebook" ${2:+"$2"} --out "$dump/$book/labels"
    [[ -z $twin_seed ]] || run units.label --in "$sets/$dev" "$exp/$book/twin" ${2:+"$2"} --out "$dump/$book/twin"
  done
  stage "$1.quality" "Unit quality"
  for book in $books; do
    twin=${twin_seed:+$dump/$book/twin}
    run units.quality --in "$sets/$dev" "$dump/$book/labels" ${twin:+"$twin"} --out "$exp/$book/quality"
    results+=("$exp/$book/codebook" "$exp/$book/quality")
  done
}

pretrain() { # ITERATION MODEL [TEACHER BLOCKS]: predict the iteration's units at masked frames
  local book
  stage "$1.$2" "Pre-train conf/$2.yaml"
  for book in $(codebooks "$1"); do
    run train.pretrain --config "$(config "$2")" ${max_hours:+--data.max_hours "$max_hours"} ${4:+--start_layers "$4"} \
      --in "$sets/$train" "$sets/$dev" "$dump/$book/labels" ${4:+"$3"} --out "$exp/$book/$2"
    models+=("$book.$2")
    results+=("$exp/$book/$2")
  done
}

trained() { echo "$exp/${1/.//}"; } # MODEL: its folder

add_upstreams() { # ARRAY: adds the folders that the option `upstreams` of the template names
  local -n _folders=$1
  local word words
  # shellcheck disable=SC2154 # it is the template's
  read -ra words <<<"$upstreams"
  for word in "${words[@]}"; do
    word=${word%/}
    _folders+=("${word%/hf}") # a network of another recipe is called by its own folder
  done
}
