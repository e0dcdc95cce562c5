#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
usage() {
  cat <<'END'
tools/quickstart.sh [--data DIR --dataset NAME] [--epochs N] [--out DIR]
Installs what is missing, builds the program and trains one classifier twice: with hard labels, and with soft labels
made from TS2Vec's representations (RSLS). A few minutes without a GPU.

  --data DIR --dataset NAME   a UCR folder: DIR/NAME/NAME_TRAIN.tsv and NAME_TEST.tsv (default: generated CBF)
  --epochs N                  of each training (default 60; the papers train 1500)
  --out DIR                   where the run directories go (default runs/quickstart); runs of the last time are written anew
END
}
data='' dataset='' epochs=60 out=runs/quickstart
while [[ $# -gt 0 ]]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --data | --dataset | --epochs | --out)
      [[ $# -ge 2 ]] || { echo "tools/quickstart.sh: $1 needs a value" >&2; exit 2; }
      declare "${1#--}=$2"
      shift 2
      ;;
    *) echo "tools/quickstart.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done
if [[ -n $data && -z $dataset || -z $data && -n $dataset ]]; then
  echo "tools/quickstart.sh: --data and --dataset go together" >&2
  exit 2
fi
[[ -z $data ]] || data=$(realpath "$data")
[[ $out == /* || $out == runs/quickstart ]] || out=$PWD/$out
source "$(dirname "$(realpath "$0")")/environment.sh"

tools/install_deps.sh build
if has_nvcc && has_gpu; then
  preset=(cuda -DMELLOW_CUDA=AUTO "-DCMAKE_CUDA_ARCHITECTURES=$(cuda_architectures)")
else
  preset=(cpu)
fi
cmake --preset "${preset[@]}" -DMELLOW_BUILD_TESTS=OFF
cmake --build --preset "${preset[0]}" -j "$cores" --target mellow_program
mellow=build/${preset[0]}/mellow

if [[ -z $data ]]; then
  data=$out/data dataset=CBF
  [[ -d $data/CBF ]] || "$mellow" data generate cbf --out "$data" --seed 0
fi
run() { printf '\n$'; printf ' %q' "$@"; echo; "$@"; }
for method in hard rsls; do
  run "$mellow" train --data "$data" --dataset "$dataset" --model inception-time --method "$method" \
    --epochs "$epochs" --batch-size 16 --seed 0 --out "$out/$dataset-$method" --overwrite
done

printf '\n%-8s %-10s %s\n' method accuracy 'run directory'
for method in hard rsls; do
  folder=$out/$dataset-$method
  # The first accuracy after "last": the result of the last epoch.
  accuracy=$(tr -d ' \n' <"$folder/run.json" | grep -oE '"last":\{[^}]*' | grep -oE '"accuracy":[0-9.e-]+' | cut -d: -f2 | sed -n 1p || true)
  printf '%-8s %-10s %s\n' "$method" "$(LC_ALL=C printf %.4f "${accuracy:-nan}")" "$folder"
done
echo "These are short trainings of one seed: they show that it runs, not which method is better."
