#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# install_deps.sh [build|test|bench]: installs the Debian packages that are missing, and nothing when none is.
#   build  what the library and the program need (default)
#   test   build, and what the tests need
#   bench  build, and what the benchmarks need
# A CUDA Toolkit is used where it lies, never installed.
set -euo pipefail

# oneDNN's CMake package looks for OpenCL; Debian's libdnnl-dev does not bring it.
packages=(g++ cmake ninja-build libdnnl-dev ocl-icd-opencl-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev libfmt-dev libxxhash-dev)
case ${1:-build} in
  build) ;;
  test) packages+=(doctest-dev pkg-config) ;;
  bench) packages+=(libbenchmark-dev) ;;
  *) echo "usage: tools/install_deps.sh [build|test|bench]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "This is neither Debian nor Ubuntu. Install what these Debian packages bring: ${packages[*]}" >&2
  exit 0  # CMake names what it then misses
fi

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }
# Tools may come from elsewhere than from a package.
is_there() {
  case $1 in
    ninja-build) command -v ninja >/dev/null ;;
    g++ | cmake | pkg-config) command -v "$1" >/dev/null ;;
    *) is_installed "$1" ;;
  esac
}
missing=()
for package in "${packages[@]}"; do is_there "$package" || missing+=("$package"); done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) != 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages, and neither root nor sudo to install them. Have an administrator run:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt_get update && apt_get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "Could not install: ${missing[*]}. Is there a network? By hand: apt-get install ${missing[*]}" >&2
  exit 1
fi
