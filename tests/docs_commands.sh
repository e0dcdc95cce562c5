#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs_commands.sh DOCUMENT PROGRAM_FOLDER: runs every ```sh block of a document, in order, in one temporary folder,
# with the program on PATH. Blocks fenced as ```sh no-run are left out: their text says why.
set -euo pipefail
document=$(realpath "$1")
PATH=$(realpath "$2"):$PATH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# One script for the whole document, so that a block may use what an earlier one set; # lines name the place.
awk '/^```sh[ \t]*$/ {inside = 1; blocks++; print "# line " NR; next}
     /^```/          {inside = 0}
     inside          {print}
     END             {print "# blocks: " blocks + 0}' "$document" >commands
blocks=$(sed -n 's/^# blocks: //p' commands)
if [[ $blocks -gt 0 ]]; then
  bash -euo pipefail -x commands </dev/null || { echo "$document: a command failed; see the last line that starts with +" >&2; exit 1; }
fi
echo "$(basename "$document"): $blocks blocks ran"
