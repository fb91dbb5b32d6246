#!/usr/bin/env bash
# SUPERB on its own data: each corpus that is given brings its tasks; the others are left out, and told to be.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/superb.sh
. ../../TEMPLATE/superb.sh
librispeech=${LIBRISPEECH:-}                       # folder with train-clean-100, dev-clean, test-clean: ASR and PR
lexicon=${LIBRISPEECH_LEXICON:-}                   # optional: pronunciation lexica, without which there is no PR
speech_commands=${SPEECH_COMMANDS:-}               # folder of the training archive of Speech Commands v0.01: KS
speech_commands_test=${SPEECH_COMMANDS_TEST:-}     # optional: that of its test archive, if it is another folder
fluent_speech_commands=${FLUENT_SPEECH_COMMANDS:-} # folder of Fluent Speech Commands: IC
voxceleb1=${VOXCELEB1:-}                           # folder of VoxCeleb1 with iden_split.txt in it: SID
iemocap=${IEMOCAP:-}                               # folder of IEMOCAP: ER
hours=500                                          # of all five, about

prepare() {
  local lexica
  read -ra lexica <<<"$lexicon"
  corpus librispeech "$librispeech" "${lexica[@]}" --subsets "train-clean-100 dev-clean test-clean"
  corpus speech_commands "$speech_commands" "${speech_commands_test:-$speech_commands}"
  corpus fluent_speech_commands "$fluent_speech_commands"
  corpus voxceleb1 "$voxceleb1"
  corpus iemocap "$iemocap"
}
recipe "$@"
