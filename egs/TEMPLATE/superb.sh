# shellcheck shell=bash
# SUPERB: frozen speech encoders -> heads on the benchmark's tasks -> its scores, tables, page.
# shellcheck source=../../utils/recipe.sh
. "${BASH_SOURCE[0]%/*}/../../utils/recipe.sh"
# shellcheck source=encoders.sh
. "${BASH_SOURCE[0]%/*}/encoders.sh"
# shellcheck source=corpora.sh
. "${BASH_SOURCE[0]%/*}/corpora.sh"
hours=      # optional: hours of audio, so that --plan can tell the disk before the data stage has run
upstreams=  # optional: folders of speech encoders (Hugging Face, or of another recipe), parted by blanks, to score beside FBANK
protocol=strict # strict (all chosen on dev), superb-compat (as the benchmark's code) or star (with STaR's schedules)
random=true # false: score no network a second time with random weights
task=       # optional: one task of the config alone; its results go to a folder of their own
conf=conf   # folder of the configs
data=data   # where the Kaldi data dirs go
dump=dump   # where sets that were made from these go
exp=exp     # where heads and results go

prepare() { echo "error: ${PWD##*/}/run.sh has no prepare(): it adds the data directories to folders[]" >&2 && exit 2; }
further() { :; } # run.sh may replace it: more scores of $to/tasks, whose folders it adds to results[]
encoders() { :; } # run.sh may replace it: stages that make encoders, whose names it adds to models[]

stages() {
  local models=() folders=() absent=() results=() scored=() to=$exp rows="fbank" config model
  case $protocol in
    strict) config=tasks ;;
    superb-compat | star) config=$protocol to=$exp/$protocol ;;
    *) echo "error: --protocol is strict, superb-compat or star, not $protocol" >&2 && exit 2 ;;
  esac
  [[ -z $task ]] || to=$to/$task
  local before=("${_table[@]}") size
  stage data "Corpora to validated Kaldi data directories"
  size=${#_table[@]}
  prepare
  ((${#folders[@]} > 0)) || without_corpus
  ((${#_table[@]} > size)) || _table=("${before[@]}") # all folders are of other recipes
  encoders
  for model in "${models[@]}"; do scored+=("$(trained "$model")"); done
  add_upstreams scored
  ((${#scored[@]} == 0)) || rows="fbank models"
  ((${#scored[@]} == 0)) || [[ $random == false ]] || rows="fbank random models"
  stage tasks "Heads on the benchmark's tasks, on every frozen encoder"
  run tasks.fit --config "$(config "$config")" ${task:+--only "$task"} --rows "$rows" --folders "${#folders[@]}" \
    --in "${folders[@]}" "${scored[@]}" --out "$to/tasks"
  stage compare "Paired differences between the encoders"
  run score.compare_probes --in "$to/tasks" --out "$to/compare"
  stage scores "Overall, Generalizability, Ranking"
  run score.superb --config "$(config superb)" --in "$to/tasks" --out "$to/superb"
  further
  stage results "RESULTS.md and the page"
  run report --config "$(config report)" --in "${folders[@]}" "${results[@]}" "$to/tasks" "$to/compare" "$to/superb" \
    --out "$to/report"
}
