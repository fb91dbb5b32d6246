# shellcheck shell=bash
# Sourced by the templates: training sets without what they share with a test set.
separate() { # uses the options of the template: train against allow_contamination data, and the folder sets
  local others options=()
  # shellcheck disable=SC2154 # they are the template's
  read -ra others <<<"$against"
  # shellcheck disable=SC2154
  [[ $train == *train* ]] || options+=(--train "$train")
  # shellcheck disable=SC2154
  [[ $allow_contamination == false ]] || options+=(--allow_contamination "$allow_contamination")
  # shellcheck disable=SC2154
  run data.contamination --config "$(config contamination)" "${options[@]}" --in "$data" "${others[@]}" --out "$sets"
}
