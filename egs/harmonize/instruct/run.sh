#!/usr/bin/env bash
# Harmonizing the Arabic Audio Space (arXiv 2601.12494): Qwen2.5-Omni tuned on transcription, summaries, dialects and
# emotions. Any of the corpora; a task whose corpus is not given is left out.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/instruct.sh
. ../../TEMPLATE/instruct.sh
mgb2=${MGB2:-}               # folder of MGB-2: asr
qasr=${QASR:-}               # folder of QASR: asr
commonvoice=${COMMONVOICE:-} # folder of Common Voice: asr
adi5=${ADI5:-}               # folder of ADI-5: dialect
adi17=${ADI17:-}             # folder of ADI-17: country
ksuemotions=${KSUEMOTIONS:-} # folder of KSUEmotions: emotion
anad=${ANAD:-}               # folder of ANAD: emotion
baved=${BAVED:-}             # folder of BAVED: arousal
summaries=${SUMMARIES:-}     # folder of recordings with a table of summaries: summary, text_summary
tasks=                       # optional: tasks, of which the arm single has an adapter each; empty: those of the corpora given

configure() {
  local given=()
  [[ -z $mgb2$qasr$commonvoice ]] || given+=(asr)
  [[ -z $summaries ]] || given+=(summary text_summary)
  [[ -z $adi5 ]] || given+=(dialect)
  [[ -z $adi17 ]] || given+=(country)
  [[ -z $ksuemotions$anad ]] || given+=(emotion)
  [[ -z $baved ]] || given+=(arousal)
  tasks=${tasks:-${given[*]}}
}
prepare() {
  local name
  for name in mgb2 qasr commonvoice adi5 adi17 ksuemotions anad baved; do corpus "$name" "${!name}"; done
  if [[ -n $summaries ]]; then
    run data.corpora.folder --config "$(config summaries)" --in "$summaries" --out "$data/summaries"
    folders+=("$data/summaries")
  fi
  apart_from_tests
}
recipe "$@"
