# shellcheck shell=bash
# Sourced by every template. Bash declares options and stages; toolkit.core.stages decides, runs and reports.
# shellcheck source=python.sh
. "${BASH_SOURCE[0]%/*}/python.sh"
_declarations=("${BASH_SOURCE[1]}" "./${0##*/}") # the templates, and the run.sh whose folder we are in
_table=()

stage() { _table+=(stage 2 "$1" "$2"); } # NAME MEANING
run() {                                  # MODULE | ./SCRIPT, then --config, --in, --out and fields of the config
  local given=()
  [[ $1 != data.corpora.* || " $* " == *" --config "* ]] || _of_corpus "$@"
  _table+=(run $(($# + ${#given[@]})) "$1" "${given[@]}" "${@:2}")
}
_of_corpus() { # WORDS of a step that reads a corpus: its config, if there is one, is called as its output: conf/data.yaml
  local name=
  while (($# > 1)); do
    [[ $1 != --out ]] || name=${2##*/}
    shift
  done
  [[ ${data:-data} != */"$name" && ${data:-data} != "$name" ]] || name=data # whatever folder --data names
  ! exists "$(config "$name")" || given=(--config "$(config "$name")")
}
template() { # FILE: a template that has sourced another, whose options and configs its own come before
  _declarations=("${_declarations[@]::${#_declarations[@]}-1}" "$1" "${_declarations[-1]}")
}
configure() { :; }                       # run.sh may replace it: called once the options are known
config() {                               # NAME: the recipe's own config of that name, or the one that all recipes share
  local path i shared=()
  for ((i = ${#_declarations[@]} - 2; i >= 0; i--)); do shared+=("${_declarations[i]%.sh}"); done
  for path in "${conf:-conf}" "${shared[@]/%//${conf:-conf}}" conf "${shared[@]/%//conf}"; do
    ! exists "$path/$1.yaml" || break
    path=${conf:-conf} # where one would be looked for, if there is none
  done
  echo "$path/$1.yaml"
}
exists() { [[ -e $1 || -L $1 ]]; } # PATH; true of a link that leads nowhere, too: it is refused by name where it is read
switched() { # OPTION VALUE: the value of an option that is true or false, in any spelling of the configs' (core/fields.py)
  case ${2,,} in
    true | yes | on | 1) echo true ;;
    false | no | off | 0) echo false ;;
    *) echo "error: --${1//_/-} is true or false, not $2" >&2 && exit 2 ;;
  esac
}
whole() { # OPTION LEAST MOST: ends if its value is given and is no whole number from LEAST to MOST, written in digits
  local value=${!1}
  [[ -z $value || ($value =~ ^[1-9][0-9]{0,17}$ && $value -ge $2 && $value -le $3) ]] && return
  echo "error: --${1//_/-}: a whole number from $2 to $3, not $value" >&2 && exit 2
}
each_once() { # ARRAY OPTION PATTERN WANTED [WORD ...]: the words of an option; ends if one does not fit, or stands twice
  local -n _words=$1
  local word
  for word in "${@:5}"; do
    [[ $word =~ ^($3)$ ]] || { echo "error: $2: $4, not $word" >&2 && exit 2; }
    [[ " ${_words[*]} " != *" $word "* ]] || { echo "error: $2: $word stands there twice; name each once" >&2 && exit 2; }
    _words+=("$word")
  done
}
recipe() {
  local name meaning value
  local -A meaning_of=()
  local -a order=() engine=()
  _table+=(called $# "$@")
  # An option is a line `name=default  # meaning` of the template or run.sh.
  while IFS=$'\t' read -r name meaning; do
    [[ ${meaning_of[$name]+x} ]] || order+=("$name")
    meaning_of[$name]=$meaning
  done < <(sed -nE \
    -e 's/^([a-z][a-z0-9_]*)=\$\{([A-Z][A-Z0-9_]*):-[^}]*\} *# +(.+)$/\1\t\3; or the variable \2/p' -e t \
    -e 's/^([a-z][a-z0-9_]*)=[^#]*# +(.+)$/\1\t\2/p' "${_declarations[@]}")
  while (($#)); do
    [[ $1 == --*=* ]] && set -- "${1%%=*}" "${1#*=}" "${@:2}"
    [[ $1 == -h ]] && set -- --help "${@:2}"
    name=${1#--} name=${name//-/_}
    case $1 in
      --help | --list | --plan | --dry[-_]run | --publish | --check[-_]digests) engine+=("--${name//_/-}") && shift && continue ;;
      --?*) ;;
      *) engine+=("--unknown=word:$1") && shift && continue ;;
    esac
    case $name in
      stage | stop_stage | nj | ngpu | backend | fresh | disk_check) ;;
      *) [[ ${meaning_of[$name]+x} ]] || { engine+=("--unknown=word:$1") && shift $(($# > 1 ? 2 : 1)) && continue; } ;;
    esac
    if [[ ${!name:-} == false && ($# -eq 1 || $2 == --*) ]]; then set -- "$1" true "${@:2}"; fi # a switch
    (($# > 1)) && [[ $2 != --* ]] || { echo "error: $1 needs a value" >&2 && exit 2; }
    [[ -n $2 || ${meaning_of[$name]:-} == optional* || (${meaning_of[$name]+x} && -z ${!name}) ]] || { echo "error: $1 must not be empty" >&2 && exit 2; }
    if [[ ${meaning_of[$name]+x} ]]; then printf -v "$name" '%s' "$2"; else engine+=("--${name//_/-}=$2"); fi
    shift 2
  done
  while read -r name; do # a switch is an option whose default, in the template or run.sh, is true or false
    value=$(switched "$name" "${!name}") || exit 2
    printf -v "$name" %s "$value"
  done < <(sed -nE 's/^([a-z][a-z0-9_]*)=(true|false) +# .+$/\1/p' "${_declarations[@]}")
  configure
  [[ -d ${conf:-.} || -d ${_declarations[0]%.sh}/$conf ]] || { echo "error: no folder of configs: $conf" >&2 && exit 2; }
  for name in "${order[@]}"; do _table+=(option 3 "$name" "${!name}" "${meaning_of[$name]}"); done
  stages
  local python
  python=$(python)
  run_module "$python" toolkit.core.stages "${engine[@]}" < <(printf '%s\0' "${_table[@]}")
}
