# shellcheck shell=bash
# Sourced by what begins Python: where the house is, and which interpreter is its own.
set -euo pipefail
_root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
export PYTHONPATH=$_root${PYTHONPATH:+:$PYTHONPATH} LC_ALL=C.UTF-8

python() {
  local python=${SAWT_PYTHON:-$_root/.venv/bin/python3}
  [[ -x $python ]] || python=$(command -v python3) || { echo "error: no Python: run make setup in $_root" >&2 && exit 2; }
  "$python" -c 'import yaml, setproctitle' 2>/dev/null || { echo "error: the environment is not set up: run make setup in $_root" >&2 && exit 2; }
  echo "$python"
}
