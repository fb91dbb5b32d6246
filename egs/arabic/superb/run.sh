#!/usr/bin/env bash
# Arabic speech encoders on ASR, phones, dialects, emotions and speakers: tasks of SUPERB's form, of the corpora given.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/superb.sh
. ../../TEMPLATE/superb.sh
corpora=                                       # optional: folders of data directories that other recipes made, parted by blanks
mgb2=${MGB2:-}                                 # folder of MGB-2: asr
commonvoice=${COMMONVOICE:-}                   # folder of Common Voice: asr_cv, sid
sada=${SADA:-}                                 # folder of SADA: asr_sada, did_sada
arabic_speech_corpus=${ARABIC_SPEECH_CORPUS:-} # folder of the Arabic Speech Corpus: pr
adi17=${ADI17:-}                               # folder of ADI-17: did17
adi5=${ADI5:-}                                 # folder of ADI-5: did5
casablanca=${CASABLANCA:-}                     # folder of Casablanca: did_casablanca
ksuemotions=${KSUEMOTIONS:-}                   # folder of KSUEmotions: er_ksu
baved=${BAVED:-}                               # folder of BAVED: er_baved
anad=${ANAD:-}                                 # folder of ANAD: er_anad

prepare() {
  local made
  read -ra made <<<"$corpora"
  folders+=("${made[@]}")
  corpus mgb2 "$mgb2"
  corpus commonvoice "$commonvoice"
  corpus sada "$sada"
  corpus arabic_speech_corpus "$arabic_speech_corpus" --dev_share 0.1
  corpus adi17 "$adi17"
  corpus adi5 "$adi5"
  corpus casablanca "$casablanca" --together true
  corpus ksuemotions "$ksuemotions" --shares all=1
  corpus baved "$baved" --shares all=1
  corpus anad "$anad" --shares all=1
  [[ -n $commonvoice ]] || return 0
  run data.by_speaker --config "$(config sid)" --in "$data/commonvoice" --out "$dump/sid"
  folders+=("$dump/sid")
}
recipe "$@"
