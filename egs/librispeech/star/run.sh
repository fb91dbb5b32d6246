#!/usr/bin/env bash
# STaR as published: HuBERT base -> students of 22 million parameters on LibriSpeech train-clean-100 -> tasks of SUPERB.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/star.sh
. ../../TEMPLATE/star.sh
librispeech=${LIBRISPEECH:-}                       # folder with train-clean-100, dev-clean, test-clean: students, ASR and PR
lexicon=${LIBRISPEECH_LEXICON:-}                   # optional: pronunciation lexica, without which there is no PR
speech_commands=${SPEECH_COMMANDS:-}               # optional: folder of the training archive of Speech Commands v0.01: KS
speech_commands_test=${SPEECH_COMMANDS_TEST:-}     # optional: that of its test archive, if it is another folder
fluent_speech_commands=${FLUENT_SPEECH_COMMANDS:-} # optional: folder of Fluent Speech Commands: IC
voxceleb1=${VOXCELEB1:-}                           # optional: folder of VoxCeleb1 with iden_split.txt in it: SID
iemocap=${IEMOCAP:-}                               # optional: folder of IEMOCAP: ER
hours=500                                          # of all five, about
teacher=facebook/hubert-base-ls960                 # a speech encoder: a folder, or a model of the hub
data=data                                          # where the Kaldi data dirs go
train=librispeech_train_clean_100                  # set that students hear
dev=librispeech_dev_clean                          # set for validation loss

configure() { sets=$data/librispeech; }
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
