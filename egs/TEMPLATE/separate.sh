# shellcheck shell=bash
# Sourced by the templates: training sets without what they share with a test set.
separate() { # uses options of the template: train adapt against also allow_contamination data, and the folder sets
  local others given name trained='' options=()
  # shellcheck disable=SC2154 # they are the template's
  read -ra others <<<"${against:-} ${also:-}"
  # shellcheck disable=SC2154
  read -ra given <<<"$train ${adapt:-}"
  for name in "${given[@]}"; do [[ $name == *train* ]] || trained+=" $name"; done
  [[ -z $trained ]] || options+=(--train "*train*$trained")
  # shellcheck disable=SC2154
  [[ ${allow_contamination:-false} == false ]] || options+=(--allow_contamination "$allow_contamination")
  # shellcheck disable=SC2154
  run data.contamination --config "$(config contamination)" "${options[@]}" --in "$data" "${others[@]}" --out "$sets"
}
