# shellcheck shell=bash
# SUPERB: frozen speech encoders -> heads on the benchmark's tasks -> its scores, tables, page.
# shellcheck source=../../utils/recipe.sh
. "${BASH_SOURCE[0]%/*}/../../utils/recipe.sh"
# shellcheck source=separate.sh
. "${BASH_SOURCE[0]%/*}/separate.sh"
# shellcheck source=upstreams.sh
. "${BASH_SOURCE[0]%/*}/upstreams.sh"
corpus=     # folder of the extracted corpus
train=train # set that heads train on
dev=dev     # set that chooses learning rates
test="test" # set that is scored
against=    # optional: data directories of other corpora, whose utterances no training set may share
allow_contamination=false # train though more than 1 % of a training set is in a test set (what is shared is left out)
hours=      # optional: hours of audio, so that --plan can tell the disk before the data stage has run
upstreams=  # optional: folders of speech encoders (Hugging Face, or of another recipe) to score beside FBANK
conf=conf   # folder of the configs
data=data   # where the Kaldi data dirs go
dump=dump   # where the sets without what test sets have go
exp=exp     # where heads and results go

prepare() { run data.corpora.folder --config "$(config data)" --in "$corpus" --out "$data"; } # run.sh may replace it
encoders() { :; } # run.sh may replace it: stages that make encoders, whose folders it adds to `models`

stages() {
  local models=() results=() sets=$dump/sets rows="fbank"
  stage data "Corpus to validated Kaldi data directories, training sets without what test sets have"
  prepare
  separate
  encoders
  add_upstreams models
  ((${#models[@]} == 0)) || rows="fbank random models"
  stage tasks "Heads on the benchmark's tasks, on every frozen encoder"
  run tasks.fit --config "$(config tasks)" --sets.train "$train" --sets.dev "$dev" --sets.test "$test" --rows "$rows" \
    --in "$sets" "${models[@]}" --out "$exp/tasks"
  stage compare "Paired differences between the encoders"
  run score.compare_probes --in "$exp/tasks" --out "$exp/compare"
  stage scores "Overall, Generalizability, Ranking"
  run score.superb --config "$(config superb)" --in "$exp/tasks" --out "$exp/superb"
  stage results "RESULTS.md and the page"
  run report --config "$(config report)" --in "$sets" "${results[@]}" "$exp/tasks" "$exp/compare" "$exp/superb" --out "$exp/report"
}
