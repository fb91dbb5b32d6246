# shellcheck shell=bash
# HArnESS, iteration 1: MFCC -> units -> a HuBERT that predicts them -> probes -> tables and a page.
# shellcheck source=../../utils/recipe.sh
. "${BASH_SOURCE[0]%/*}/../../utils/recipe.sh"
corpus=    # folder of the extracted corpus
train=train # set to pre-train on
dev=dev    # set for validation loss and unit quality
hours=     # optional: hours of audio, so that --plan can tell the disk before the data stage has run
conf=conf  # folder of the configs
data=data  # where the Kaldi data dirs go
dump=dump  # where samples and labels go
exp=exp    # where codebooks, models and results go

prepare() { run data.corpora.folder --config "$conf/data.yaml" --in "$corpus" --out "$data"; } # run.sh may replace it

units() { # ITERATION [TEACHER]: units of MFCC, or of a layer of TEACHER
  stage "$1.sample" "Features of a seeded sample of frames"
  run units.sample --config "$conf/$1.yaml" --in "$data/$train" ${2:+"$2"} --out "$dump/$1/sample"
  stage "$1.kmeans" "Codebook"
  run units.kmeans --config "$conf/$1.yaml" --in "$dump/$1/sample" --out "$exp/$1/codebook"
  stage "$1.label" "Audio to units in one pass"
  run units.label --in "$data/$train" "$data/$dev" "$exp/$1/codebook" ${2:+"$2"} --out "$dump/$1/labels"
  stage "$1.quality" "Unit quality"
  run units.quality --in "$data/$dev" "$dump/$1/labels" --out "$exp/$1/quality"
}

pretrain() { # ITERATION MODEL: predict the iteration's units at masked frames
  stage "$1.$2" "Pre-train conf/$2.yaml"
  run train --config "$conf/$2.yaml" --in "$data/$train" "$data/$dev" "$dump/$1/labels" --out "$exp/$1/$2"
}

stages() {
  stage data "Corpus to validated Kaldi data directories"
  prepare
  units it1
  pretrain it1 base
  stage probe "Frozen features on phones, ASR, dialect and emotion"
  run train.probe --config "$conf/probe.yaml" --in "$data" "$exp/it1/base" --out "$exp/probe"
  stage results "RESULTS.md and the page"
  run report --config "$conf/report.yaml" --in "$data" "$exp/it1/codebook" "$exp/it1/quality" "$exp/it1/base" "$exp/probe" --out "$exp/report"
}
