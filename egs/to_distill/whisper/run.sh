#!/usr/bin/env bash
# To Distill or Not to Distill? (arXiv 2406.04512): Whisper-large-v2 labels segments of many corpora, students learn from
# what a limit of the WER leaves, and ten test sets say what came of it. 100,000 segments of 6 s are 167 h: at the 92 to
# 120 audio-seconds per second that open batched pipelines are reported with on one A100-80, 1.4 to 1.8 GPU-hours.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/whisper.sh
. ../../TEMPLATE/whisper.sh
corpora="mgb2 mgb3 mgb5 fleurs commonvoice qasr arabic_speech_corpus masc casablanca" # name fewer if you have fewer
mgb2=${MGB2:-}                                 # folder of MGB-2, unless --corpora leaves it out
mgb3=${MGB3:-}                                 # folder of MGB-3, unless --corpora leaves it out
mgb5=${MGB5:-}                                 # folder of MGB-5, unless --corpora leaves it out
fleurs=${FLEURS:-}                             # folder of FLEURS, unless --corpora leaves it out
commonvoice=${COMMONVOICE:-}                   # folder of Common Voice 15, unless --corpora leaves it out
qasr=${QASR:-}                                 # folder of QASR, unless --corpora leaves it out
arabic_speech_corpus=${ARABIC_SPEECH_CORPUS:-} # folder of the Arabic Speech Corpus, unless --corpora leaves it out
masc=${MASC:-}                                 # folder of MASC, unless --corpora leaves it out
casablanca=${CASABLANCA:-}                     # folder of Casablanca (five test sets), unless --corpora leaves it out
corpus=                                        # optional, and not used here: the options above say where corpora lie
train=                                         # optional: training sets to draw from; without, those of all --corpora
dev=                                           # optional: dev sets to draw from; without, those of all --corpora
test="CV15 MGB2 MGB3 MGB5 FLEURS ALG JOR PAL UAE YEM" # test sets; those of a corpus that is left out are, too
count=100000                                   # segments, drawn of all corpora by seed: 100000, 500000 (++), 1000000
students="DW-16-16 DW-32-16"                   # students, of DW-16-16 DW-32-16 DW-8-8 DW-16-32
arms="filtered unfiltered"                     # of filtered (WER at most 80) wer40 wer20 wer10 unfiltered truth

# shellcheck source=local/corpora.sh
. local/corpora.sh
recipe "$@"
