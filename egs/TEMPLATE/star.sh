# shellcheck shell=bash
# STaR: a teacher -> students distilled from it in several ways -> heads on frozen tasks -> tables, page.
# shellcheck source=superb.sh
. "${BASH_SOURCE[0]%/*}/superb.sh"
template "${BASH_SOURCE[0]}"
teacher=     # a speech encoder: a folder, of Hugging Face (models.fetch gets one from its hub) or of another recipe
losses="layer_wise both units mse" # ways to distil, each a config of that name: layer_wise intra_layer both all attention mse units none
seeds="1"    # seeds, parted by blanks: a student of each way for each of them
train=train  # set that students hear
dev=dev      # set for validation loss
random=false # true: score each network with random weights too

distil() { # WAY SEED TEACHER: a student
  local where=$exp/$1/s$2 given=(--config "$(config "$1")" --loop.seed "$2")
  case $1 in
    units) run train.pretrain "${given[@]}" --in "$sets/$train" "$sets/$dev" "$dump/by_teacher/labels" --out "$where" ;;
    none) run train.pretrain "${given[@]}" --in "$sets/$train" "$sets/$dev" "$dump/it1/labels" --out "$where" ;;
    *) run train.star "${given[@]}" --in "$sets/$train" "$sets/$dev" "$3" --out "$where" ;;
  esac
  models+=("$1.s$2")
  results+=("$where")
}

teach() { :; } # run.sh may replace it: stages that make a teacher where --teacher names none, and set `taught` to its folder

encoders() {
  local way seed ways numbers taught=$teacher
  read -ra ways <<<"$losses"
  read -ra numbers <<<"$seeds"
  teach
  [[ " $losses " != *" none "* || " ${_table[*]} " == *" $dump/it1/labels "* ]] || units it1
  [[ " $losses " != *" units "* ]] || units by_teacher "$taught"
  scored+=("$taught")
  for way in "${ways[@]}"; do
    stage "distil.$way" "Students by conf/$way.yaml"
    for seed in "${numbers[@]}"; do distil "$way" "$seed" "$taught"; done
  done
}
