#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# strict_load.sh PROGRAM: weights that the program wrote load with strict=True into PyTorch twins and give the same
# probabilities and representations. $MELLOW_PYTHON names a Python with torch and safetensors (default python3); without
# them it says so and ends with 77, which CTest counts as skipped.
set -euo pipefail
program=$1
python=${MELLOW_PYTHON:-python3}
here=$(dirname "$(realpath "$0")")
if ! "$python" -c 'import numpy, safetensors, torch' 2>/dev/null; then
  echo "skipped: $python has no torch, safetensors and numpy (set MELLOW_PYTHON to one that has)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$program" data generate cbf --seed 3 --out data
check() {  # RUN MODEL [OPTIONS OF THE MODEL]
  "$program" train --data data --dataset CBF --model "${@:2}" --method ls --epochs 2 --evaluate-every 2 --quiet --out "runs/$1"
  "$python" "$here/check_strict_load.py" "runs/$1/model.safetensors" --data data/CBF/CBF_TEST.tsv \
    --predictions "runs/$1/predictions.csv"
}
for model in $("$program" train --list-models | awk '/^[a-z]/ {print $1}'); do check "$model" "$model"; done
check lstm-fcn-sequence lstm-fcn --cells 8 --lstm sequence
check lstm-fcn-keras lstm-fcn --framework keras
"$program" pretrain --data data --dataset CBF --pretrain-iterations 3 --out encoder.safetensors --quiet
"$program" encode --encoder encoder.safetensors --in data/CBF/CBF_TRAIN.tsv --out representations.csv
"$python" "$here/check_strict_load.py" encoder.safetensors --data data/CBF/CBF_TRAIN.tsv --representations representations.csv
