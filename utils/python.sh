# shellcheck shell=bash
# Sourced by what begins Python: where the house is, and which interpreter is its own.
set -euo pipefail
_root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
_others=
while IFS= read -rd : _entry; do # one that is empty or relative would be of the current folder
  [[ $_entry != /* ]] || _others+=:$_entry
done <<<"${PYTHONPATH:-}:"
export PYTHONPATH=$_root$_others LC_ALL=C.UTF-8

python() { # the one of SAWT_PYTHON, else of .venv, else, where there is no .venv, the first python3 of PATH
  local python=${SAWT_PYTHON:-$_root/.venv/bin/python3} why from=
  local remedy="run make setup in $_root, or name another interpreter that has the packages: SAWT_PYTHON=/path/to/python3"
  if [[ -z ${SAWT_PYTHON:-} && ! -e $_root/.venv && ! -L $_root/.venv ]]; then
    python=$(command -v python3) || _no_python "no Python: $_root/.venv is not there, and PATH has no python3" "$remedy"
  elif [[ $python != */* ]]; then
    python=$(command -v "$python") || _no_python "PATH has no $SAWT_PYTHON, which SAWT_PYTHON names" "$remedy"
  elif [[ ! -x $python || -d $python ]]; then
    [[ $python == /* ]] || from=" (from $PWD)"
    _no_python "no interpreter can be reached at $python${SAWT_PYTHON:+, which SAWT_PYTHON names}$from: $(_why_not "$python")" "$remedy"
  fi
  why=$("$python" -c 'import sys; sys.path[:] = filter(None, sys.path); import toolkit; print("toolkit is", "here")' 2>&1) || case $why in # toolkit/__init__.py says what lacks
    error:*) echo "$why" >&2 && exit 2 ;;
    *) _no_python "the interpreter $python does not run: ${why##*$'\n'}" "$remedy" ;;
  esac
  [[ $why == *"toolkit is here" ]] || _no_python "the interpreter $python does not answer as a Python does" "$remedy"
  echo "$python"
}
run_module() { # PYTHON MODULE WORDS: in the place of this shell; a folder toolkit/ of the current folder is not looked into
  PYTHONSAFEPATH=${PYTHONSAFEPATH:-sawt} exec "$1" -m "${@:2}"
}
_no_python() { # PROBLEM REMEDY
  printf 'error: %s\n  remedy: %s\n' "$@" >&2
  exit 2
}
_why_not() { # PATH: why it cannot be run: the first place on the way to it that is not there, or may not be entered
  local place=$1 above=
  while [[ $place == */?* ]]; do
    [[ -L $place && ! -e $place ]] && echo "$place is a link to $(readlink "$place"), which is not there or may not be entered" && return
    above=$place place=${place%/*}
    [[ ! -d $place ]] || break
  done
  [[ -e $above ]] && echo "it is no program that this user may run" && return
  [[ -d ${place:-/} && ! -x ${place:-/} ]] && echo "$place may not be entered by this user" && return
  echo "there is no $above"
}
