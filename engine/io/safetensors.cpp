// SPDX-License-Identifier: MIT
#include "mellow/engine/io/safetensors.h"

#include "mellow/engine/io/hash.h"

namespace mellow {
namespace {

// The length first, so that neighbouring texts cannot run into each other.
void update_text(Hasher& hasher, std::string_view text) { hasher.update(uint64_t{text.size()}).update(text); }

}  // namespace

const HostArray* NamedArrays::find(std::string_view name) const {
  for (const auto& [key, array] : arrays)
    if (key == name) return &array;
  return nullptr;
}

const HostArray& NamedArrays::at(std::string_view name) const {
  if (const HostArray* array = find(name)) return *array;
  throw Error(
      text("[safetensors] there is no array \"", name, "\" among the ", arrays.size(), " of the file"),
      ErrorKind::input);
}

std::string checksum(const NamedArrays& content) {
  Hasher hasher;
  hasher.update(uint64_t{content.arrays.size()});
  for (const auto& [name, array] : content.arrays) {
    update_text(hasher, name);
    update_text(hasher, name_of(array.dtype));
    hasher.update(static_cast<uint64_t>(array.shape.rank()));
    for (const int64_t d : array.shape) hasher.update(static_cast<uint64_t>(d));
    hasher.update(array.bytes);
  }
  for (const auto& [key, value] : content.metadata) {
    if (key == checksum_key) continue;
    update_text(hasher, key);
    update_text(hasher, value);
  }
  return hasher.hex();
}

void store_checksum(NamedArrays& content) { content.metadata[checksum_key] = checksum(content); }

void verify_checksum(const NamedArrays& content, const std::string& where) {
  const auto stored = content.metadata.find(checksum_key);
  if (stored == content.metadata.end())
    throw Error(text("[safetensors] ", where, " carries no checksum (", checksum_key, " in its metadata)"),
                ErrorKind::input);
  const std::string actual = checksum(content);
  if (stored->second != actual)
    throw Error(text("[safetensors] ", where, " is damaged: its checksum is ", actual, ", but it says ",
                     stored->second),
                ErrorKind::input);
}

}  // namespace mellow
