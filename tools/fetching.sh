# shellcheck shell=bash
# Sourced by the fetchers: the options they share, where downloads are kept, a folder for what is under way.
set -euo pipefail

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
