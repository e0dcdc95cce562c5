#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs_commands.sh DOCUMENT PROGRAM_FOLDER: runs every ```sh block of a document, in order, in one temporary folder,
# with the program on PATH. Blocks fenced as ```sh no-run are left out: their text says why. Every line of a block
# fenced as ```cpp FILE must stand in that file of the project, however indented.
set -euo pipefail
document=$(realpath "$1")
project=$(dirname "$(realpath "$0")")/..
PATH=$(realpath "$2"):$PATH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# One script for the whole document, so that a block may use what an earlier one set; # lines name the place.
awk '/^```sh[ \t]*$/ {inside = 1; blocks++; print "# line " NR; next}
     /^```/          {inside = 0}
     inside          {print}
     END             {print "# blocks: " blocks + 0}' "$document" >commands

awk '/^```cpp [^ ]+$/ {file = $2; next} /^```/ {file = ""} file {sub(/^ +/, ""); print file "\t" $0}' "$document" >excerpts
while IFS=$'\t' read -r file line; do
  sed 's/^ *//' "$project/$file" | grep -qxF -e "$line" || { echo "$document: $file has no line: $line" >&2; exit 1; }
done <excerpts

blocks=$(sed -n 's/^# blocks: //p' commands)
if [[ $blocks -gt 0 ]]; then
  bash -euo pipefail -x commands </dev/null || { echo "$document: a command failed; see the last line that starts with +" >&2; exit 1; }
fi
echo "$(basename "$document"): $blocks blocks ran"
