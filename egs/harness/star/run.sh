#!/usr/bin/env bash
# HArnESS-L compressed by STaR on its Arabic hours: does the dialect survive better than in students of its units?
cd "$(dirname "$0")" || exit 1
# shellcheck source=../../TEMPLATE/star.sh
. ../../TEMPLATE/star.sh
ssl=../ssl            # folder of the ssl recipe whose data and teacher are used; run that first
teacher=              # optional: another teacher than HArnESS-L of that recipe: a folder, or a model of the hub
losses="both units"   # ways to distil, each a config of that name
once="layer_wise mse" # optional: further ways, each with the first seed alone
seeds="1 2 3"         # seeds, parted by blanks: a student of each way for each of them

configure() { sets=$ssl/dump/sets; }
prepare() { folders+=("$sets"); }
own_teacher() { taught=$ssl/exp/it2/L; }
recipe "$@"
