#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Uses mellow the way strangers do. One step per call:  embed.sh STEP SOURCE BUILD SCRATCH CXX
#   install        installs BUILD, then moves the installed copy: nothing in it may depend on its place
#   find_package   builds and runs tests/embed against the moved copy
#   pkg_config     the same without CMake
#   headers        every installed header compiles alone, twice and with all others, and includes only the standard, POSIX types and mellow
#   add_subdirectory  builds and runs tests/embed with mellow's source inside it: static, then shared;
#                     then against an installed shared library
set -euo pipefail
step=$1 source=$2 build=$3 scratch=$4 cxx=$5
moved=$scratch/moved
cores=$(nproc)

fail() { echo "embed: $*" >&2; exit 1; }

consumer() {  # consumer FOLDER [cmake arguments…]: configure, build, run
  local folder=$1; shift
  cmake -S "$source/tests/embed" -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" "$@"
  cmake --build "$folder" -j "$cores"
  "$folder/embed"
}

case $step in
  install)
    rm -rf "$scratch"
    cmake --install "$build" --prefix "$scratch/first" >/dev/null
    mv "$scratch/first" "$moved"
    exported=$(grep -rhoE 'add_library\([^ ]+' "$moved" --include='*.cmake')
    expected='add_library(mellow::mellow'
    [[ ${exported/add_library(CUDNN::cudnn/} =~ ^[[:space:]]*"$expected"[[:space:]]*$ ]] ||
      fail "the package exports more than mellow::mellow: $exported"
    if grep -rlF -e "$source" -e "$build" -e "$scratch" "$moved" --include='*.cmake' --include='*.pc' --include='*.h'; then
      fail "the files above hold a path of the build machine"
    fi
    ;;
  find_package)
    consumer "$scratch/find_package" -DCMAKE_PREFIX_PATH="$moved"
    ;;
  pkg_config)
    PKG_CONFIG_PATH=$(dirname "$(find "$moved" -name mellow.pc)")
    export PKG_CONFIG_PATH
    read -ra flags < <(pkg-config --static --cflags --libs mellow)
    "$cxx" -std=c++20 "$source/tests/embed/main.cpp" -o "$scratch/pkg_config" "${flags[@]}"
    LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH") "$scratch/pkg_config"
    ;;
  headers)
    cd "$moved/include"
    mapfile -t headers < <(find mellow -name '*.h' | sort)
    [[ ${#headers[@]} -gt 0 ]] || fail "no header was installed"
    # #if in a header means that its meaning depends on somebody's flags.
    if grep -nE '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif)' "${headers[@]}"; then fail "conditional code in a public header"; fi
    if grep -nE '^[[:space:]]*#[[:space:]]*include' "${headers[@]}" | grep -vE '(<[a-z_0-9]+>|<sys/types\.h>|"mellow/[a-z_0-9/]+\.h")'; then
      fail "a public header includes something else than the standard library, POSIX types and mellow"
    fi
    flags=(-std=c++20 -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -Wpedantic -Werror
      -I. -fsyntax-only -x c++)
    printf '%s\n' "${headers[@]}" | xargs -P "$cores" -I{} "$cxx" "${flags[@]}" -include {} -include {} /dev/null
    # A program may include any of them together: no name may be two things.
    printf '#include "%s"\n' "${headers[@]}" | "$cxx" "${flags[@]}" - || fail "the headers do not compile in one unit"
    echo "${#headers[@]} headers compile alone and together with $cxx"
    ;;
  add_subdirectory)
    inside=$scratch/add_subdirectory
    options=(-DMELLOW_SOURCE="$source" -DMELLOW_CUDA=OFF -DMELLOW_INSTALL=ON -DCMAKE_BUILD_TYPE=Debug)
    consumer "$inside" "${options[@]}" -DBUILD_SHARED_LIBS=OFF
    consumer "$inside" "${options[@]}" -DBUILD_SHARED_LIBS=ON
    cmake --install "$inside" --prefix "$scratch/shared" >/dev/null
    consumer "$scratch/find_shared" -DCMAKE_PREFIX_PATH="$scratch/shared"
    rm -rf "$inside"
    ;;
  *) fail "unknown step $step" ;;
esac
