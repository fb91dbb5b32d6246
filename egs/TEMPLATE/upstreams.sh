# shellcheck shell=bash
# Sourced by the templates: encoders that a user names.
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
