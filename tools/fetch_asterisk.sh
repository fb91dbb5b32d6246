#!/usr/bin/env bash
# Fetches the Asterisk voice prompts (five languages and the English transcripts) from Debian's archive and unpacks
# them, without root and without touching the system's package lists.
# apt-get downloads, from the archives that its sources name. Without apt-get, or where it fails, curl or wget
# fetches from SAWT_DEBIAN_MIRROR, the address of a mirror of Debian.
# Usage: tools/fetch_asterisk.sh --out FOLDER       -> FOLDER/usr/share/asterisk/sounds/<language>/...
# Downloads are kept in ${SAWT_CACHE:-~/.cache/sawt}/packages; what is there is not fetched again.
# shellcheck source=fetching.sh
. "${BASH_SOURCE[0]%/*}/fetching.sh"
version=1.6.1-1
pool=pool/main/a/asterisk-core-sounds
sha256='
973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50  asterisk-core-sounds-en
2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d  asterisk-core-sounds-en-wav
9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903  asterisk-core-sounds-es-wav
8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e  asterisk-core-sounds-fr-wav
5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb  asterisk-core-sounds-it-wav
ccbfaebfa450b7a9ddf644ae0f3d1e9017d5df7c0aebe816e946345589d38201  asterisk-core-sounds-ru-wav
'

fetch_into usr "$@"
first="use a machine with apt-get, with sources that have Debian's packages; or set SAWT_DEBIAN_MIRROR to the address of
          a mirror of Debian (the folder that has pool/ in it)"
elsewhere="from $pool/ of any mirror of Debian"
by_hand=("asterisk-core-sounds-en_${version}_all.deb" asterisk-core-sounds-{en,es,fr,it,ru}-wav_"${version}_all.deb")

# apt with lists, cache and status of its own: works for any user, reads the system's sources, changes nothing.
apt_options=()
apt_ready() {
  command -v apt-get >/dev/null || return 1
  ((${#apt_options[@]} == 0)) || return 0
  mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
  local options=(-q -o "Dir::State=$work/state" -o "Dir::State::Lists=$work/state/lists" -o "Dir::Cache=$work/cache"
    -o Dir::State::status=/dev/null -o Debug::NoLocking=1 -o Acquire::Languages=none -o APT::Sandbox::User=)
  echo "reading the package lists (into a folder of our own)"
  apt-get "${options[@]}" update >"$work/apt.log" 2>&1 || echo "note: apt-get update was not content:" "$(tail -n 1 "$work/apt.log")"
  apt_options=("${options[@]}")
}

from_apt() { # PACKAGE: the tested version where the archive has it, else the one it has
  apt_ready || return 1
  (cd "$work/got" && { apt-get "${apt_options[@]}" download "$1=$version" || apt-get "${apt_options[@]}" download "$1"; }) \
    >>"$work/apt.log" 2>&1 || { echo "note: apt-get did not fetch $1:" "$(tail -n 1 "$work/apt.log")" >&2; return 1; }
}

from_mirror() { # PACKAGE
  [[ -n ${SAWT_DEBIAN_MIRROR:-} ]] && download "${SAWT_DEBIAN_MIRROR%/}/$pool/${1}_${version}_all.deb" "${1}_${version}_all.deb"
}

fetch() { # PACKAGE SHA256: leaves its path in $file
  local package=$1 wanted=$2 got source
  if is_kept "${package}_${version}_all.deb" "$wanted"; then return; fi
  if from_apt "$package"; then source=apt; elif from_mirror "$package"; then source=mirror; else
    die "cannot fetch $package" "$(remedy "$first")"
  fi
  got=$(find "$work/got" -name '*.deb' -print -quit)
  [[ -n $got ]] || die "cannot fetch $package" "$(remedy "$first")"
  if [[ $source == apt && $(sum_of "$got") != "$wanted" ]]; then
    # apt has checked its archive's signature, so the file is the distribution's own, only another than the tested one.
    echo "WARNING: ${got##*/} is not the tested build of $version: SHA-256 $(sum_of "$got"), tested $wanted."
    echo "         Counts and splits may differ from the published ones; the data stage prints how."
    file=$work/${got##*/}
    mv "$got" "$file"
    echo "fetched ${file##*/}"
  else
    keep "$got" "$wanted" "$first"
  fi
}

needs() { command -v "$1" >/dev/null || die "$1 is not here" "  remedy: install $1 (xz-utils, zstd)"; }

contents() { # FILE: its tree as a tar stream
  if command -v dpkg-deb >/dev/null; then
    dpkg-deb --fsys-tarfile "$1"
    return
  fi
  command -v ar >/dev/null || die "neither dpkg-deb nor ar is here to unpack $1" "  remedy: install dpkg or binutils"
  local member
  member=$(ar t "$1" | grep '^data\.tar')
  case $member in
    *.xz) needs xz && ar p "$1" "$member" | xz -dc ;;
    *.zst) needs zstd && ar p "$1" "$member" | zstd -dc ;;
    *.gz) ar p "$1" "$member" | gzip -dc ;;
    *) ar p "$1" "$member" ;;
  esac
}

unpack() { # FILE: into $out/unpack.tmp, and nowhere else
  local tar=$work/tree.tar
  contents "$1" >"$tar" || die "$1 cannot be unpacked" "  remedy: see above; if it is damaged, delete it and run again"
  if tar -tf "$tar" | grep -Eq '^/|(^|/)\.\.(/|$)' || tar -tvf "$tar" | grep -q '^[^d-]'; then
    die "$1 holds a link or a path that leaves its folder: not unpacked"
  fi
  tar -xf "$tar" --no-same-owner --no-same-permissions -C "$out/unpack.tmp"
}

rm -rf "$out/unpack.tmp"
mkdir "$out/unpack.tmp"
while read -r wanted package; do
  [[ -n $package ]] || continue
  fetch "$package" "$wanted"
  unpack "$file"
done <<<"$sha256"
mv "$out/unpack.tmp/usr" "$out/usr"
echo "unpacked into $out/usr"
