# shellcheck shell=bash
# To Distill or Not to Distill: a Whisper's pseudo-labels -> selected -> packed -> a student distilled -> scored by dialect.
# shellcheck source=../../utils/recipe.sh
. "${BASH_SOURCE[0]%/*}/../../utils/recipe.sh"
# shellcheck source=separate.sh
. "${BASH_SOURCE[0]%/*}/separate.sh"
corpus=                         # folder of the extracted corpus
teacher=openai/whisper-large-v2 # a Whisper: a folder, or an id of the Hugging Face hub
train=train                     # sets whose audio is pseudo-labelled and learnt from, names or patterns
dev=dev                         # set by which the best weights are picked
test="test"                     # sets that all systems are scored on
also=                           # optional: folders of further test sets, data directories with names of their own
adapt=                          # optional: set on whose transcripts the teacher is fine-tuned first
count=                          # optional: segments to draw from the training sets, by seed; a larger draw has the smaller in it
students=DW-16-16               # students: configs that say how many blocks of encoder and decoder they have
arms="unfiltered filtered truth" # what each student learns from: selections of conf/select.yaml; truth: the transcripts
top=                            # optional: tokens of the teacher, the likeliest at each position, kept once for all students
proxy=                          # optional: another Whisper (a folder, or an id of the hub), whose agreement with a label is a score that needs no transcript
transcripts=true                # false: nobody wrote any; what the teacher writes for dev and test sets stands for them
against=                        # optional: data directories of other corpora, whose utterances no training set may share
allow_contamination=false       # train though more than 1 % of a training set is in a test set (what is shared is left out)
hours=                          # optional: hours of audio, so that --plan can tell the disk before the data stage has run
conf=conf                       # folder of the configs
data=data                       # where the Kaldi data dirs go
dump=dump                       # where labels and windows go
exp=exp                         # where models, hypotheses and results go

prepare() { run data.corpora.folder --config "$(config data)" --in "$corpus" --out "$data"; } # run.sh may replace it

places() { # run.sh may replace it: fills sources (where training sets lie), tests and the dev set
  local name more
  sources=("$sets") devset=$sets/$dev tests=()
  read -ra more <<<"$test"
  for name in "${more[@]}"; do tests+=("$sets/$name"); done
  read -ra more <<<"$also"
  tests+=("${more[@]}")
}

apart() { # a teacher that was told the transcripts of what it labels, or is tested on, shows nothing
  local name others
  read -ra others <<<"$train $dev $test"
  for name in "${others[@]}"; do
    # shellcheck disable=SC2053 # names may be patterns
    [[ $adapt != $name ]] || { echo "error: the set $adapt is in --adapt, and $name of --train, --dev or --test names it too: give the teacher one of its own" >&2 && exit 2; }
  done
}

fetch() { # OPTION FOLDER: a Whisper that is no folder is a model of the hub
  local -n _model=$1
  [[ $_model != downloads/* && ! -d $_model ]] || return 0
  run models.fetch --model "$_model" --out "$2"
  _model=$2
}

sample() {
  stage sample "Segments to be labelled, drawn by seed"
  run data.sample --config "$(config sample)" ${count:+--count "$count"} --sets "$train" --in "${sources[@]}" --out "$dump/sample"
}

by_teacher() { # SET: with what the teacher writes for it as its text, in $dump/by_teacher
  run pseudo.transcribe --config "$(config evaluate)" --in "$1" "$teacher" --out "$dump/labels/${1##*/}"
  run pseudo.as_text --in "$1" "$dump/labels/${1##*/}" --out "$dump/by_teacher/${1##*/}_by_teacher"
}

untold() { # sets of the corpus, which has no transcripts; those of --also have some
  local i
  by_teacher "$devset"
  devset=$dump/by_teacher/${devset##*/}_by_teacher
  for i in "${!tests[@]}"; do
    [[ " $test " == *" ${tests[i]##*/} "* ]] || continue
    by_teacher "${tests[i]}"
    tests[i]=$dump/by_teacher/${tests[i]##*/}_by_teacher
  done
}

adapted() { # the teacher is from here on the one that was fine-tuned
  stage adapt "The dev set in windows; the teacher fine-tuned on transcripts, where --adapt names a set of them"
  [[ $transcripts == true ]] || untold
  run pseudo.pack --config "$(config pack)" --labels truth --in "$devset" "$teacher" --out "$dump/packs/dev"
  [[ -n $adapt ]] || return 0
  unadapted=$teacher
  run pseudo.pack --config "$(config pack)" --labels truth --in "$sets/$adapt" "$teacher" --out "$dump/packs/adapt"
  run train.whisper --config "$(config adapt)" --in "$dump/packs/adapt" "$dump/packs/dev" "$teacher" --out "$exp/teacher"
  teacher=$exp/teacher
  models+=("$teacher")
}

labels() {
  local kept=select
  [[ $transcripts == true ]] || kept=label_free
  stage pseudo_label "What the teacher hears in each segment"
  run pseudo.transcribe --config "$(config transcribe)" --in "$dump/sample" "$teacher" --out "$dump/labels/sample"
  [[ -z $proxy ]] || run pseudo.transcribe --config "$(config transcribe)" --in "$dump/sample" "$proxy" --out "$dump/proxy/sample"
  stage select "Error rate and label-free scores of each label; what each limit would keep"
  run pseudo.select --config "$(config "$kept")" --in "$dump/sample" "$dump/labels/sample" ${proxy:+"$dump/proxy/sample"} \
    --out "$dump/select"
}

windows() {
  local arm
  stage pack "Selected utterances in windows of one speaker"
  for arm in $arms; do
    if [[ $arm == truth ]]; then
      run pseudo.pack --config "$(config pack)" --labels truth --in "$dump/sample" "$teacher" --out "$dump/packs/truth"
    else
      run pseudo.pack --config "$(config pack)" --keep "$arm" --in "$dump/sample" "$teacher" "$dump/labels/sample" \
        "$dump/select" --out "$dump/packs/$arm"
    fi
    results+=("$dump/packs/$arm")
  done
}

distilled() {
  local student arm from
  stage student "Students: blocks of the teacher as far apart as can be"
  for student in $students; do
    run models.student --config "$(config "$student")" --in "$teacher" --out "$exp/$student/undistilled"
    models+=("$exp/$student/undistilled")
  done
  stage distil "Each student distilled on each arm"
  for arm in $arms; do
    [[ -z $top ]] || run train.soft_labels --config "$(config distil)" --objective.top "$top" --in "$dump/packs/$arm" \
      "$teacher" --out "$dump/soft/$arm"
  done
  for student in $students; do
    for arm in $arms; do
      from=$teacher
      [[ -z $top ]] || from=$dump/soft/$arm
      run train.whisper --config "$(config distil)" ${top:+--objective.top "$top"} --in "$dump/packs/$arm" "$dump/packs/dev" \
        "$exp/$student/undistilled" "$from" --out "$exp/$student/$arm"
      models+=("$exp/$student/$arm")
    done
  done
}

evaluated() { # SYSTEM MODEL: on every test set
  local set
  for set in "${tests[@]}"; do
    run pseudo.transcribe --config "$(config evaluate)" --in "$set" "$2" --out "$exp/eval/$1/${set##*/}"
    heard+=("$exp/eval/$1/${set##*/}")
  done
}

scores() {
  local student arm heard=() note=()
  stage evaluate "Every system on every test set: error rates, intervals, paired tests, cost"
  evaluated teacher "$teacher"
  [[ -z $unadapted ]] || evaluated unadapted "$unadapted"
  for student in $students; do
    for arm in undistilled $arms; do evaluated "$student.$arm" "$exp/$student/$arm"; done
  done
  run score.systems --config "$(config score)" --in "${tests[@]}" "${heard[@]}" --out "$exp/scores"
  stage results "RESULTS.md and the page"
  [[ $transcripts == true ]] || note=(--note "Of the sets called _by_teacher nobody wrote transcripts: \
the teacher's words stand for them. Rates on them say how far a system is from its teacher, and nothing about errors.")
  run report --config "$(config report)" "${note[@]}" --in "${tests[@]}" "$dump/labels/sample" "$dump/select" "${results[@]}" \
    "${models[@]}" "$exp/scores" --out "$exp/report"
}

stages() {
  local models=() results=() sources=() tests=() devset='' unadapted='' sets=$dump/sets
  apart
  whole count 1 999999999999
  whole top 1 51866 # tokens of the largest vocabulary of a Whisper
  stage data "Corpus to validated Kaldi data directories, training sets without what test sets have; the teacher"
  prepare
  separate
  places
  fetch teacher "$dump/teacher"
  [[ -z $proxy ]] || fetch proxy "$dump/proxy_model"
  sample
  adapted
  labels
  windows
  distilled
  scores
}
