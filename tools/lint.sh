#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lint.sh [--format] [--all]: clang-format and clang-tidy (version 14) on what differs from main, or on all files.
#   --format   the format of all files, without clang-tidy
# clang-tidy reads the compile commands of build/cpu: cmake --preset cpu
set -euo pipefail
source "$(dirname "$(realpath "$0")")/environment.sh"
all=false format_only=false
for argument in "$@"; do
  case $argument in
    --all) all=true ;;
    --format) all=true format_only=true ;;
    *) sed -n '3,5s/^# //p' tools/lint.sh >&2; exit 2 ;;
  esac
done

tools=(clang-format)
$format_only || tools+=(clang-tidy)
for tool in "${tools[@]}"; do
  command -v "$tool" >/dev/null || { echo "tools/lint.sh: $tool is missing. On Debian: apt-get install $tool" >&2; exit 2; }
done

folders=(engine kernels models losses data tools bench tests)
if $all; then
  mapfile -t files < <(find "${folders[@]}" -regex '.*\.\(h\|cpp\|cu\|cuh\)' 2>/dev/null | sort)
else
  mapfile -t files < <({ git diff --name-only --diff-filter=d main; git ls-files --others --exclude-standard; } |
    sort -u | grep -E '\.(h|cpp|cuh?)$' || true)
fi
if [[ ${#files[@]} -eq 0 ]]; then echo "nothing to check"; exit 0; fi
clang-format --dry-run -Werror "${files[@]}"
if ! $format_only; then
  mapfile -t units < <(printf '%s\n' "${files[@]}" | grep -E '\.cpp$' | grep -vE '^(kernels/cuda|bench|tests/(embed|fuzz|cuda_emulation|cudnn))/' || true)
  [[ ${#units[@]} -eq 0 ]] || printf '%s\n' "${units[@]}" | xargs -P "$cores" -n 1 clang-tidy --quiet -p build/cpu
fi
echo "${#files[@]} files are clean"
