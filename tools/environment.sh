# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# Sourced by the scripts here: goes to the project's folder, looks for nvcc, a GPU and ccache.
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.." || exit

cores=$(nproc)
if ! command -v nvcc >/dev/null && [[ -x /usr/local/cuda/bin/nvcc ]]; then PATH=/usr/local/cuda/bin:$PATH; fi
has_nvcc() { [[ ${MELLOW_CUDA:-} != OFF ]] && command -v nvcc >/dev/null; }
has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; }

# One architecture keeps the build short: MELLOW_CUDA_ARCH (a list like "80;90"), else this machine's, else 90.
cuda_architectures() {
  if [[ -n ${MELLOW_CUDA_ARCH:-} ]]; then
    echo "$MELLOW_CUDA_ARCH"
  elif has_gpu; then
    echo native
  else
    echo 90
  fi
}

if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CMAKE_CUDA_COMPILER_LAUNCHER=ccache
fi
