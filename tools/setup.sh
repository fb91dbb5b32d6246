#!/usr/bin/env bash
# Makes the virtual environment in .venv with the tested versions; does nothing when it is there and current.
# Usage: tools/setup.sh [test | peers]
#   test     also what the tests need
#   peers    .venv-peers instead: what the benchmarks race against, on the same torch and numpy
# PYTHON names another interpreter (3.10 or newer).
# pip's own config says where packages come from. SAWT_TORCH_INDEX is the address of an index of CPU builds of torch, for
# a machine without a GPU where the plain pin would bring CUDA packages.
set -euo pipefail
cd "$(dirname "$0")/.."
torch=2.13.0
venv=.venv
files=(tools/requirements.txt)
case ${1:-} in
  test) files+=(tools/requirements-test.txt) ;;
  peers) venv=.venv-peers files=(benchmarks/peers/requirements.txt) ;;
esac

die() { printf 'error: %s\n' "$@" >&2; exit 1; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.12 python3.11 python3.13 python3.10; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  die "no Python 3.10 or newer found" "  remedy: install one (conda, pyenv, apt-get install python3) and set PYTHON=/path/to/python3"
}

torch_version() { # of $venv; empty where there is none
  "$venv/bin/python" -c 'from importlib.metadata import version; print(version("torch"))' 2>/dev/null || true
}

install_torch() { # before all other packages, so that the pin decides its build and not one of them
  [[ $(torch_version) != "$torch"* ]] || return 0
  if [[ -n ${SAWT_TORCH_INDEX:-} ]]; then
    # --no-deps: such an index need not have the packages that torch depends on
    $venv/bin/pip install -q --no-deps --index-url "$SAWT_TORCH_INDEX" "torch==$torch" ||
      die "pip got no torch $torch from SAWT_TORCH_INDEX" "  remedy: see above; set it to an index that answers, or unset it to install the plain pin"
  fi
  $venv/bin/pip install -q "torch==$torch"
  echo "setup: got torch $(torch_version)"
}

stamp=$(cat tools/requirements.txt "${files[@]}" tools/setup.sh | sha256sum)
[[ -f $venv/.stamp && $(<$venv/.stamp) == *"$stamp"* ]] && exit 0

if [[ ! -x $venv/bin/pip ]]; then
  python=$(find_python)
  echo "setup: making $venv with $("$python" --version)"
  "$python" -m venv $venv || die "$python cannot make a virtual environment" \
    "  remedy: apt-get install python3-venv, or set PYTHON to a Python that has ensurepip (conda, pyenv)"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
install_torch
echo "setup: installing ${files[*]}"
$venv/bin/pip install -q "${files[@]/#/-r}"
$venv/bin/pip check >/dev/null || die "the installed versions do not fit together" "  see $venv/bin/pip check"
$venv/bin/python -c 'import sys, sysconfig; open(sysconfig.get_path("purelib") + "/sawt.pth", "w").write(sys.argv[1])' "$PWD"
echo "$stamp" >>$venv/.stamp
echo "setup: done; $(du -sh $venv | cut -f1) in $venv"
