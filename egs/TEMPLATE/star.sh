# shellcheck shell=bash
# STaR: a teacher -> students distilled from it in several ways -> heads on frozen tasks -> tables, page.
# shellcheck source=superb.sh
. "${BASH_SOURCE[0]%/*}/superb.sh"
template "${BASH_SOURCE[0]}"
teacher=     # a speech encoder: a folder, of Hugging Face or of another recipe, or a model of the hub: owner/name
losses="layer_wise both units mse" # ways to distil, each a config of that name, as those of the folder star/conf beside star.sh
seeds="1"    # seeds, parted by blanks: a student of each way for each of them
once=        # optional: further ways, each with the first seed alone
train=train  # set that students hear
dev=dev      # set for validation loss
augment=none # none, noise or specaugment: what students hear beside the utterance, which their teacher hears alone
early=10     # optional: percents of the steps, parted by blanks, at which the first student of each of the losses is scored too
random=false # true: score each network with random weights too

distil() { # WAY SEED TEACHER [PERCENT ...]: a student, and what it is at these percents of its steps
  local where=$exp/$1/s$2 percent shares=()
  models+=("$1.s$2")
  local given=(--config "$(config student)" "$(config "$1")" --loop.seed "$2")
  [[ $augment == none ]] || given+=(--data.augment.how "$augment")
  for percent in "${@:4}"; do
    shares+=("${percent}e-2")
    models+=("$1.s$2/at/$percent")
  done
  ((${#shares[@]} == 0)) || given+=(--loop.keep_at "${shares[*]}")
  case $1 in
    units) run train.pretrain "${given[@]}" --in "$sets/$train" "$sets/$dev" "$dump/by_teacher/labels" --out "$where" ;;
    none) run train.pretrain "${given[@]}" --in "$sets/$train" "$sets/$dev" "$dump/it1/labels" --out "$where" ;;
    *) run train.star "${given[@]}" --in "$sets/$train" "$sets/$dev" "$3" --out "$where" ;;
  esac
  results+=("$where")
}

own_teacher() { :; } # run.sh may replace it: stages that make a teacher where none is named, and set `taught` to its folder

pretrained_teacher() { # for an own_teacher(): a network of two iterations, as in the ssl recipe of the corpus
  units it1
  pretrain it1 base
  units it2 "$exp/it1/base"
  pretrain it2 L
  models=()
  taught=$exp/it2/L
}

further() {
  local model students=()
  run score.ways --config "$(config ways)" --in "$to/tasks" --out "$to/ways"
  stage structure "The inside of each student beside that of its teacher"
  for model in "${models[@]}"; do [[ $model == */at/* ]] || students+=("$(trained "$model")"); done
  run train.structure --config "$(config structure)" --in "$sets/$dev" "${scored[0]}" "${students[@]}" \
    --out "$exp/structure"
  results+=("$to/ways" "$exp/structure")
}

fetch() { # a teacher that is no folder is a model of the hub
  [[ -d $taught || $taught != [/.]* ]] || { echo "error: --teacher: no folder $taught (from $PWD)" >&2 && exit 2; }
  [[ ! -d $taught && $taught == */* ]] || return 0
  stage teacher "The teacher from the hub"
  run models.fetch --model "$taught" --out "$dump/teacher/${taught##*/}"
  taught=$dump/teacher/${taught##*/}
}

known() { # WAY: ends if there is no config of that name
  ! exists "$(config "$1")" || [[ $1 == student ]] || return 0
  echo "error: --losses, --once: no way $1; the ways of all recipes are the configs of egs/TEMPLATE/star/conf" >&2
  exit 2
}

encoders() {
  local way seed words ways=() numbers=() percents=() more=() taught=$teacher
  local name='[A-Za-z0-9_-]+'
  read -ra words <<<"$losses"
  each_once ways --losses "$name" "names of ways" "${words[@]}"
  ((${#ways[@]} > 0)) || { echo "error: --losses names no way" >&2 && exit 2; }
  losses=${ways[*]}
  read -ra words <<<"$once"
  each_once more --once "$name" "names of ways" "${words[@]}"
  for way in "${more[@]}"; do [[ " $losses " == *" $way "* ]] || ways+=("$way"); done
  for way in "${ways[@]}"; do known "$way"; done
  read -ra words <<<"$seeds"
  each_once numbers --seeds '0|[1-9][0-9]{0,8}' "whole numbers from 0 to 999999999" "${words[@]}"
  read -ra words <<<"$early"
  each_once percents --early '[1-9][0-9]?([.][0-9]+)?|0[.][0-9]*[1-9][0-9]*' "percents above 0 and below 100" "${words[@]}"
  if [[ -z $taught ]]; then own_teacher; else fetch; fi
  [[ " ${ways[*]} " != *" none "* || " ${_table[*]} " == *" $dump/it1/labels "* ]] || units it1
  [[ " ${ways[*]} " != *" units "* ]] || units by_teacher "$taught"
  scored+=("$taught")
  for way in "${ways[@]}"; do
    stage "distil.$way" "Students by conf/$way.yaml"
    if [[ " $losses " != *" $way "* ]]; then
      distil "$way" "${numbers[0]}" "$taught"
      continue
    fi
    distil "$way" "${numbers[0]}" "$taught" "${percents[@]}"
    for seed in "${numbers[@]:1}"; do distil "$way" "$seed" "$taught"; done
  done
}
