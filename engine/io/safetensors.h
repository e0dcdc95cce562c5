// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mellow/engine/core/dtype.h"
#include "mellow/engine/core/shape.h"
#include "mellow/engine/io/file_system.h"

// The safetensors format: eight bytes of header length (little-endian), a JSON header
// {"__metadata__": {string: string}, name: {"dtype", "shape", "data_offsets": [begin, end)}}, the data.
// https://github.com/huggingface/safetensors#format
namespace mellow {

// An array in host memory: row-major, little-endian, bytes.size() == shape.count() * size_of(dtype).
struct HostArray {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> bytes;
  bool operator==(const HostArray&) const = default;
};

struct NamedArrays {
  std::vector<std::pair<std::string, HostArray>> arrays;  // in the order of the header
  std::map<std::string, std::string> metadata;

  const HostArray* find(std::string_view name) const;  // null when there is none
  const HostArray& at(std::string_view name) const;    // throws ErrorKind::input, naming it
  bool operator==(const NamedArrays&) const = default;
};

// Reads a file from an untrusted source. Throws ErrorKind::input that names the file and what is wrong with
// it, before any allocation larger than the file: a header beyond 100 MB or beyond the file, unknown or
// duplicate keys, an element type or rank mellow does not have, sizes that overflow or do not fit the shape,
// ranges that overlap, leave gaps or end elsewhere than the file does.
NamedArrays read_safetensors(const std::string& path);
// The same from memory; `where` names the source in messages.
NamedArrays parse_safetensors(std::string_view file, const std::string& where);

struct ArrayInfo {
  std::string name;  // UTF-8, unique, not "__metadata__"
  DType dtype = DType::f32;
  Shape shape;
};

// Writes the file atomically; the same input gives the same bytes. The header keeps the order given; the
// data is sorted by element size (largest first), so that every array is aligned, as PyTorch's reader asks.
// bytes_of(i) is called once per array, in the order of the data, and its span is done with before the next
// call: one array at a time needs to be in host memory.
void write_safetensors(const std::string& path, std::span<const ArrayInfo> arrays,
                       const std::map<std::string, std::string>& metadata,
                       const std::function<std::span<const std::byte>(size_t)>& bytes_of,
                       FileSystem& files = real_file_system());
void write_safetensors(const std::string& path, const NamedArrays& content,
                       FileSystem& files = real_file_system());

// XXH3-128 over everything: names, types, shapes and bytes in order, and metadata other than checksum_key.
inline constexpr const char* checksum_key = "xxh3_128";
std::string checksum(const NamedArrays& content);
// Stores the checksum in the metadata.
void store_checksum(NamedArrays& content);
// Throws ErrorKind::input when the checksum is missing or does not match; `where` names the file.
void verify_checksum(const NamedArrays& content, const std::string& where);

}  // namespace mellow
