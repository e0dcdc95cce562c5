#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
usage() {
  cat <<'END'
tools/test.sh [--quick] [--help]
Installs what is missing, builds, and runs every test. Ends non-zero when anything fails.

  no CUDA    the library, the program and their tests; the packaging and documentation tests
  nvcc       the CUDA backend is compiled and linked too (MELLOW_CUDA_ARCH, default this GPU's or 90)
  a GPU      every test runs a second time on it
  always     the tests that read hostile input run again with AddressSanitizer and UBSan

  --quick    CPU only; without the packaging, documentation and sanitizer tests
  MELLOW_CUDA=OFF      leave CUDA alone even when nvcc is there
  MELLOW_TEST_DATA     folder with ucr/, uea/ and formats/; tests that want it say so when they skip

  tools/test.sh --quick && build/cpu/tests/mellow_tests --test-case='conv1d*'
END
}
quick=false
for argument in "$@"; do
  case $argument in
    --quick) quick=true ;;
    --help | -h) usage; exit 0 ;;
    *) echo "tools/test.sh: unknown option $argument" >&2; usage >&2; exit 2 ;;
  esac
done
source "$(dirname "$(realpath "$0")")/environment.sh"
tools/install_deps.sh test

total=0 failed=0
# run_ctest PRESET [ctest arguments…]: goes on after failures; its counts are added to the closing line.
run_ctest() {
  local log=build/$1/ctest.log status=0
  ctest --preset "$1" -j "$cores" --output-on-failure --no-tests=error "${@:2}" </dev/null 2>&1 | tee "$log" || status=1
  local counts
  counts=$(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+).*/\1 \2/p' "$log")
  read -r bad all <<<"${counts:-1 1}"
  if [[ $status -ne 0 && $bad -eq 0 ]]; then bad=1; fi
  total=$((total + all)) failed=$((failed + bad))
}
build() {  # build PRESET [cmake arguments…]
  echo "== building $1"
  cmake --preset "$1" -DMELLOW_BUILD_TESTS=ON "${@:2}"
  cmake --build --preset "$1" -j "$cores" </dev/null
}

started=$SECONDS
preset=cpu
if ! $quick && has_nvcc; then preset=cuda; fi
if [[ $preset == cuda ]]; then
  build cuda "-DCMAKE_CUDA_ARCHITECTURES=$(cuda_architectures)"
else
  build cpu
fi
echo "== testing $preset"
leave_out=()
$quick && leave_out=(-LE 'package|docs|gpu')
if ! $quick && ! has_gpu; then leave_out=(-LE gpu); fi
run_ctest "$preset" "${leave_out[@]}"

if ! $quick; then
  hostile='engine/io/|data/|tools/cli'
  build asan "-DMELLOW_TESTS=$hostile"
  echo "== testing asan"
  run_ctest asan -R "^($hostile)"
fi

if command -v clang-format >/dev/null && clang-format --version | grep -q 'version 14'; then
  echo "== checking the format"
  total=$((total + 1))
  tools/lint.sh --format || failed=$((failed + 1))
fi
passed=$(( (total - failed) * 100 / total ))
echo
echo "tools/test.sh: $((SECONDS - started)) s, $cores cores, $($quick && echo "quick, ")$preset$(has_gpu && [[ $preset == cuda ]] && echo " with a GPU")"
echo "$passed% tests passed, $failed tests failed out of $total"
[[ $failed -eq 0 ]]
