# shellcheck shell=bash
# Audio LLM: items of four tasks -> what the tower hears, kept -> adapters under several schedules -> answers -> tables, page.
# shellcheck source=../../utils/recipe.sh
. "${BASH_SOURCE[0]%/*}/../../utils/recipe.sh"
# shellcheck source=separate.sh
. "${BASH_SOURCE[0]%/*}/separate.sh"
# shellcheck source=corpora.sh
. "${BASH_SOURCE[0]%/*}/corpora.sh"
base=Qwen/Qwen2.5-Omni-7B # audio LLM to tune: a folder, or a model of the hub; 7B or 3B
arms="uniform tpc ads hybrid" # schedules, each a config of that name; single: one adapter for each task
seeds="1"    # seeds, parted by blanks: an adapter of each arm for each of them
tasks="asr summary dialect emotion" # tasks, of which the arm single has an adapter each
shares="25 50 75" # optional: percents of the steps, parted by blanks, after which every adapter is scored too
train="*train*" # sets whose utterances are kept apart from all test sets: names or patterns
against=     # optional: data directories of other corpora, whose utterances no training set may share
allow_contamination=false # train though more than 1 % of a training set is in a test set (what is shared is left out)
hours=       # optional: hours of audio, so that --plan can tell the disk before the data stage has run
conf=conf    # folder of the configs
data=data    # where the Kaldi data dirs go
dump=dump    # where items and kept states go
exp=exp      # where adapters, answers and results go

prepare() { echo "error: ${PWD##*/}/run.sh has no prepare(): it adds the data directories to folders[]" >&2 && exit 2; }
apart_from_tests() { # for a prepare(): the training sets of all folders[] without what a test set of any of them has
  local folder other others given options=() kept=()
  [[ $allow_contamination == false ]] || options=(--allow_contamination "$allow_contamination")
  read -ra given <<<"$against"
  for folder in "${folders[@]}"; do
    others=("${given[@]}")
    for other in "${folders[@]}"; do [[ $other == "$folder" ]] || others+=("$other"); done
    run data.contamination --config "$(config contamination)" --train "$train" "${options[@]}" \
      --in "$folder" "${others[@]}" --out "$sets/${folder##*/}"
    kept+=("$sets/${folder##*/}")
  done
  folders=("${kept[@]}")
}
own_base() { :; } # run.sh may replace it: stages that make a base, whose folder `base` names; heard_too[]: more items to hear;
#                   untrained=true: it is first trained on the last of these by conf/base.yaml

train_base() {
  stage base "The base: transcription by hearing, all else by reading"
  run train.instruct --config "$(config base)" --in "${heard_too[-1]}/train" "${heard_too[-1]}/dev" "$heard" "$base" \
    --out "$exp/base"
  base=$exp/base
  results+=("$base")
}

known() { # ARM: ends if there is no schedule of that name
  [[ ! -L $(config "$1") || -e $(config "$1") ]] || return 0 # a link that leads nowhere is refused by name later
  ! grep -qsE '^(schedule|like):' "$(config "$1")" || return 0
  echo "error: --arms: no schedule $1; those of all recipes are the configs of egs/TEMPLATE/instruct/conf" >&2
  exit 2
}

fetch() { # a base that is no folder is a model of the hub
  [[ -d $base || $base != [/.]* ]] || { echo "error: --base: no folder $base (from $PWD)" >&2 && exit 2; }
  [[ ! -d $base ]] || return 0
  stage base "The audio LLM from the hub"
  run models.fetch --model "$base" --out "$dump/base/${base##*/}"
  base=$dump/base/${base##*/}
}

tune() { # FOLDER ARM SEED [FIELD VALUE ...]: an adapter, also as it is after each of the shares; none of these for single
  local percent kept=()
  [[ $2 == single ]] || for percent in "${percents[@]}"; do kept+=("${percent}e-2"); done
  run train.instruct --config "$(config train)" "$(config "$2")" --loop.seed "$3" "${@:4}" \
    ${kept[0]:+--loop.keep_at "${kept[*]}"} --in "$items/train" "$items/dev" "$heard" "$base" --out "$1"
  results+=("$1")
}

answer() { # SYSTEM FOLDER [PERCENT [TASK]]: what an adapter, or the base, answers to the test items
  local system=$1${3:+.at$3} model=$2${3:+/at/$3}
  run pseudo.answer --config "$(config answer)" --system "$system" ${3:+--share "${3}e-2"} ${4:+--tasks "$4"} \
    --in "$items/test" "$heard" "$model" --out "$exp/answers/$system${4:+/$4}"
  answers+=("$exp/answers/$system${4:+/$4}")
}

compared() { # an arm with all seeds: its training, in one stage, and its answers, in another
  local seed percent task
  stage "tune.$1" "Adapters by conf/$1.yaml"
  for seed in "${numbers[@]}"; do tune "$exp/$1/s$seed" "$1" "$seed"; done
  stage "answer.$1" "What they answer to the test items"
  for seed in "${numbers[@]}"; do
    answer "$1.s$seed" "$exp/$1/s$seed"
    [[ $seed != "${numbers[0]}" ]] || first+=("${answers[-1]}")
    for percent in "${percents[@]}"; do answer "$1.s$seed" "$exp/$1/s$seed" "$percent"; done
  done
}

alone() { # the arm single: one adapter for each task, with as many items of it as the uniform arm draws
  local seed task
  stage tune.single "An adapter for each task alone"
  for seed in "${numbers[@]}"; do
    for task in $tasks; do tune "$exp/single/s$seed/$task" single "$seed" --data.tasks "$task"; done
  done
  stage answer.single "What each of them answers to the items of its task"
  for seed in "${numbers[@]}"; do
    for task in $tasks; do
      answer "single.s$seed" "$exp/single/s$seed/$task" "" "$task"
      [[ $seed != "${numbers[0]}" ]] || first+=("${answers[-1]}")
    done
  done
}

stages() {
  local folders=() absent=() results=() answers=() first=() names=() numbers=() percents=() words arm
  local heard_too=() untrained=false items=$dump/items heard=$dump/heard sets=$dump/sets
  local name='[A-Za-z0-9_-]+'
  read -ra words <<<"$arms"
  each_once names --arms "$name" "names of schedules" "${words[@]}"
  ((${#names[@]} > 0)) || { echo "error: --arms names no schedule" >&2 && exit 2; }
  for arm in "${names[@]}"; do known "$arm"; done
  read -ra words <<<"$seeds"
  each_once numbers --seeds '0|[1-9][0-9]{0,8}' "whole numbers from 0 to 999999999" "${words[@]}"
  read -ra words <<<"$shares"
  each_once percents --shares '[1-9][0-9]?' "percents from 1 to 99" "${words[@]}"
  stage data "Corpora to validated Kaldi data directories"
  prepare
  ((${#folders[@]} > 0)) || without_corpus
  stage items "Questions and answers of all tasks"
  run data.instruct --config "$(config items)" --in "${folders[@]}" --out "$items"
  if [[ -z $base ]]; then own_base; else fetch; fi
  stage hear "What the audio tower makes of every clip"
  run models.hear --config "$(config hear)" --in "$items" "${heard_too[@]}" "$base" --out "$heard"
  [[ $untrained == false ]] || train_base
  for arm in "${names[@]}"; do
    if [[ $arm == single ]]; then alone; else compared "$arm"; fi
  done
  stage answer.base "What the base answers, untuned"
  answer base "$base"
  first=("${answers[-1]}" "${first[@]}")
  stage scores "Every answer scored"
  run score.answers --config "$(config score)" --in "$items/test" "${answers[@]}" --out "$exp/scores/all"
  run score.answers --config "$(config score)" --in "$items/test" "${first[@]}" --out "$exp/scores/first"
  stage compare "Paired differences, and the claims"
  run score.compare_probes --in "$exp/scores/first" --out "$exp/compare"
  run score.ways --config "$(config ways)" --in "$exp/scores/all" --out "$exp/ways"
  stage results "RESULTS.md and the page"
  # shellcheck disable=SC2154 # an option of some recipes
  run report --config "$(config report)" ${preset:+--preset "$preset"} --in "${folders[@]}" "${results[@]}" "$exp/scores/first" "$exp/compare" \
    "$exp/ways" --out "$exp/report"
}
