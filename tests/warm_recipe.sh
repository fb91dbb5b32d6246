#!/usr/bin/env bash
# Stands for Python where a test runs a recipe: keeps what bash hands to the engine, in the folder $SAWT_TABLE.
[[ $1 != -c ]] || { echo "toolkit is here" && exit 0; } # utils/python.sh asks whether the environment is set up
[[ "$1 $2" == "-m toolkit.core.stages" ]] || { echo "error: not the engine: $*" >&2 && exit 2; }
cat >"$SAWT_TABLE/table"
env -0 >"$SAWT_TABLE/environment"
printf '%s\0' "$@" >"$SAWT_TABLE/words"
