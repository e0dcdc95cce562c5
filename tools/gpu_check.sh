#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -uo pipefail
usage() {
  cat <<'END'
tools/gpu_check.sh [--binaries DIR] [--steps A,B,…] [--limit SECONDS] [--out FILE]
Everything there is to run on a machine with an NVIDIA GPU, without network; writes one JSON file: device, driver,
versions, date, and of every step its status, seconds, figures and the end of its output.
A step that fails is recorded and the rest goes on; exit code 0: none failed, 1: one did or there is no GPU.

  --binaries DIR   carried programs (mellow, mellow_tests, mellow_bench, mellow_peer_step; DIR/lib is searched for
                   their libraries) instead of a build of the preset "cuda"
  --steps A,B,…    some of: build tests memcheck racecheck initcheck synccheck benchmarks estimate peer
  --limit SECONDS  of each step (default 3600)
  --out FILE       default bench/results/gpu-<date>.json

build       cmake --preset cuda, with tests and benchmarks
tests       the whole suite with MELLOW_DEVICE=cuda
…check      compute-sanitizer on the tests of ops and kernels; left out where the tool is missing
benchmarks  mellow_bench with MELLOW_DEVICE=cuda; fails when one has a wrong answer
estimate    mellow estimate --device cuda
peer        bench/peer/run.py --device cuda, one training and sixteen at once; left out where Python has no torch on CUDA
END
}
all_steps=build,tests,memcheck,racecheck,initcheck,synccheck,benchmarks,estimate,peer
binaries='' steps=$all_steps limit=3600 out=''
while [[ $# -gt 0 ]]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --binaries | --steps | --limit | --out)
      [[ $# -ge 2 ]] || { echo "tools/gpu_check.sh: $1 needs a value" >&2; exit 2; }
      declare "${1#--}=$2"
      shift 2
      ;;
    *) echo "tools/gpu_check.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done
for step in ${steps//,/ }; do
  [[ ,$all_steps, == *,$step,* ]] || { echo "tools/gpu_check.sh: no step $step; there are $all_steps" >&2; exit 2; }
done
[[ $limit =~ ^[1-9][0-9]*$ ]] || { echo "tools/gpu_check.sh: --limit takes whole seconds, got $limit" >&2; exit 2; }
# Paths as typed, before environment.sh goes to the project's folder.
[[ -z $binaries ]] || binaries=$(realpath -m "$binaries")
[[ -z $out ]] || out=$(realpath -m "$out")
source "$(dirname "$(realpath "$0")")/environment.sh"

date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
: "${out:=bench/results/gpu-${date%T*}.json}"
mkdir -p "$(dirname "$out")" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

json_string() {
  local s=$1
  s=${s//\\/\\\\} s=${s//\"/\\\"} s=${s//$'\n'/\\n} s=${s//$'\t'/\\t}
  printf '"%s"' "${s//[[:cntrl:]]/ }"
}
first_line() { "$@" 2>/dev/null | sed -n 1p; }
gpu_query() { first_line nvidia-smi --query-gpu="$1" --format=csv,noheader; }

records='' failed=0 error=''
# Written after every step, so that a machine that is taken away leaves what it did.
write_report() {  # FINISHED
  {
    printf '{\n"date": "%s",\n' "$date"
    printf '"device": %s,\n' "$(json_string "$(gpu_query name)")"
    printf '"driver": %s,\n' "$(json_string "$(gpu_query driver_version)")"
    printf '"versions": {"nvcc": %s, "mellow": %s, "revision": %s, "system": %s},\n' \
      "$(json_string "$(nvcc --version 2>/dev/null | sed -n 's/.*release //p')")" \
      "$(json_string "$(first_line "$program" info)")" \
      "$(json_string "$(git describe --always --dirty 2>/dev/null)")" \
      "$(json_string "$(uname -srm)")"
    printf '"finished": %s,\n"passed": %s,\n' "$1" "$([[ $1 == true && $failed -eq 0 && -z $error ]] && echo true || echo false)"
    [[ -z $error ]] || printf '"error": %s,\n' "$(json_string "$error")"
    printf '"steps": [%s\n]\n}\n' "$records"
  } >"$out.part" && mv "$out.part" "$out"
}
# record STEP STATUS SECONDS NOTE [FIGURES: a JSON value]
record() {
  records+="${records:+,}"$'\n'"{\"name\": \"$1\", \"status\": \"$2\", \"seconds\": $3, \"note\": $(json_string "$4")${5:+, \"figures\": $5}}"
  echo "== $1: $2"
  write_report false
}
wanted() { [[ ,$steps, == *,$1,* ]]; }
# run STEP COMMAND…: the step passes when the command does. A FIGURES file that it leaves goes into the report.
run() {
  local step=$1 status=passed started=$SECONDS code=0 figures=$scratch/$1.json
  shift
  echo "== $step: $*"
  timeout "$limit" "$@" </dev/null >"$scratch/$step.log" 2>&1 || code=$?
  if [[ $step == estimate && $code -eq 0 ]]; then mv "$scratch/$step.log" "$figures"; : >"$scratch/$step.log"; fi
  tail -n 5 "$scratch/$step.log"
  if [[ $code -ne 0 ]]; then status=failed; fi
  # A benchmark with a wrong answer does not end the program: it says so in its figures.
  if [[ -s $figures ]] && grep -q '"error_occurred": true' "$figures"; then status=failed code="a benchmark's error"; fi
  [[ $status == passed ]] || failed=$((failed + 1))
  record "$step" "$status" $((SECONDS - started)) "exit $code: $*"$'\n'"$(tail -n 20 "$scratch/$step.log")" "$([[ ! -s $figures ]] || cat "$figures")"
}

program=${binaries:-build/cuda}/mellow
if ! has_gpu; then
  error="no GPU: nvidia-smi is missing or lists none"
  write_report true
  echo "tools/gpu_check.sh: $error; see $out" >&2
  exit 1
fi

build() {
  cmake --preset cuda -DMELLOW_BUILD_TESTS=ON -DMELLOW_BUILD_BENCH=ON "-DCMAKE_CUDA_ARCHITECTURES=$(cuda_architectures)" &&
    cmake --build --preset cuda -j "$cores"
}
if [[ -n $binaries ]]; then
  tests=$binaries/mellow_tests bench=$binaries/mellow_bench peer=$binaries/mellow_peer_step
  export LD_LIBRARY_PATH=$binaries/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  # Where the tests look for the project's files and the program: not where they were built.
  export MELLOW_SOURCE_DIR=$PWD MELLOW_PROGRAM=$binaries/mellow
else
  tests=build/cuda/tests/mellow_tests bench=build/cuda/bench/mellow_bench peer=build/cuda/bench/mellow_peer_step
  if wanted build; then
    export -f build cuda_architectures has_gpu
    export cores
    run build bash -c build
  fi
fi

export MELLOW_DEVICE=cuda
if wanted tests; then run tests "$tests"; fi
for tool in memcheck racecheck initcheck synccheck; do
  wanted $tool || continue
  if command -v compute-sanitizer >/dev/null; then
    run $tool compute-sanitizer --tool $tool --error-exitcode 9 "$tests" --source-file='*/tests/ops/*,*/tests/kernels/*'
  else
    record $tool skipped 0 "compute-sanitizer is not installed"
  fi
done
if wanted benchmarks; then
  run benchmarks "$bench" --benchmark_out="$scratch/benchmarks.json" --benchmark_out_format=json
fi
if wanted estimate; then
  run estimate "$program" estimate --device cuda --quiet --json
fi
if wanted peer; then
  python=${MELLOW_PYTHON:-python3}
  if "$python" -c 'import torch; torch.zeros(1, device="cuda")' 2>/dev/null; then
    run peer "$python" bench/peer/run.py --device cuda --at-once 1 16 --program "$peer" --out "$scratch/peer.json"
  else
    record peer skipped 0 "$python has no torch that computes on CUDA"
  fi
fi

write_report true
echo "tools/gpu_check.sh: $failed steps failed; $out"
[[ $failed -eq 0 ]]
