# shellcheck shell=bash
# HArnESS: MFCC units -> model 1 -> latent units -> teacher L -> PCA units -> students S and ST -> probes -> tables, page.
# shellcheck source=../../utils/recipe.sh
. "${BASH_SOURCE[0]%/*}/../../utils/recipe.sh"
# shellcheck source=separate.sh
. "${BASH_SOURCE[0]%/*}/separate.sh"
# shellcheck source=encoders.sh
. "${BASH_SOURCE[0]%/*}/encoders.sh"
corpus=     # folder of the extracted corpus
train=train # set to pre-train on
dev=dev     # set for validation loss and unit quality
test="test" # set that probes are scored on
against=    # optional: data directories of other corpora, whose utterances no training set may share
allow_contamination=false # train though more than 1 % of a training set is in a test set (what is shared is left out)
hours=      # optional: hours of audio, so that --plan can tell the disk before the data stage has run
share=      # optional: share of the utterances that codebooks are learnt on, where it is not that of the configs
max_hours=  # optional: pre-train on so many hours of the set, drawn by the seed
targets=pca # units of iteration 3: pca, raw, or both (the ablation: students of either, side by side)
twin_seed=  # optional: another seed than the configs', of a second codebook for each iteration: how far are units chance?
start=      # optional: blocks of the teacher that student S begins with, such as "1 6"; at random without
tuned=ST    # optional: models to fine-tune whole, beside the frozen probes: of iteration 3, or by their full name: it2.L
upstreams=  # optional: folders of other encoders (Hugging Face), parted by blanks, to probe beside these
layers=     # optional: models to probe layer by layer, such as it2.L
conf=conf   # folder of the configs
data=data   # where the Kaldi data dirs go
dump=dump   # where samples and labels go
exp=exp     # where codebooks, models and results go

prepare() { run data.corpora.folder --config "$(config data)" --in "$corpus" --out "$data"; } # run.sh may replace it

probe() { # CONFIG OUTPUT ROWS MODEL...: a new model makes its own rows, a changed task its own results; the others stay
  local config=$1 out=$2 rows=$3
  run tasks.fit --config "$(config "$config")" --sets.train "$train" --sets.dev "$dev" --sets.test "$test" \
    --rows "$rows" --in "$sets" "${@:4}" --out "$exp/$out"
  results+=("$exp/$out")
}

named() { # OPTION MODEL: one of models[] by its full name; a bare one is of iteration 3
  local model=$2 student
  student=$(codebooks it3)
  [[ $model == *.* ]] || model=${student%% *}.$model
  [[ " ${models[*]} " == *" $model "* ]] || { echo "error: $1: no model $model; there are ${models[*]}" >&2 && exit 2; }
  echo "$model"
}

probes() {
  local model words fine=() layered=() probed=()
  for model in "${models[@]}"; do probed+=("$(trained "$model")"); done
  add_upstreams probed
  read -ra words <<<"$tuned"
  for model in "${words[@]}"; do
    model=$(named --tuned "$model")
    fine+=("$(trained "$model")")
  done
  read -ra words <<<"$layers"
  for model in "${words[@]}"; do
    model=$(named --layers "$model")
    layered+=("$(trained "$model")")
  done
  stage probe "Phones, ASR, dialect and emotion read off frozen features; fine-tuned; layer by layer"
  probe probe probe "fbank fbank_stacked random models" "${probed[@]}"
  ((${#fine[@]} == 0)) || probe tuned tuned models "${fine[@]}"
  ((${#layered[@]} == 0)) || probe layers layers models "${layered[@]}"
}

tables() {
  local result probed=()
  for result in "${results[@]}"; do [[ $result != "$exp"/probe && $result != "$exp"/tuned ]] || probed+=("$result"); done
  stage compare "Paired differences between the models"
  run score.compare_probes --in "${probed[@]}" --out "$exp/compare"
  stage results "RESULTS.md and the page"
  run report --config "$(config report)" --in "$sets" "${results[@]}" "$exp/compare" --out "$exp/report"
}

stages() {
  local models=() results=() sets=$dump/sets
  stage data "Corpus to validated Kaldi data directories, training sets without what test sets have"
  prepare
  separate
  units it1
  pretrain it1 base
  units it2 "$exp/it1/base"
  pretrain it2 L
  units it3 "$exp/it2/L"
  pretrain it3 S "$exp/it2/L" "$start"
  pretrain it3 ST
  probes
  tables
}
