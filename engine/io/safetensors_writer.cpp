// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <numeric>
#include <set>

#include <nlohmann/json.hpp>

#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/io/safetensors.h"

namespace mellow {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr size_t max_header_bytes = 100'000'000;  // readers refuse more

std::string json_string(const std::string& value) {
  try {
    return nlohmann::json(value).dump();
  } catch (const nlohmann::json::type_error&) {
    throw Error(text("[safetensors] the name or metadata \"", value, "\" is not UTF-8"));
  }
}

uint64_t byte_count(const ArrayInfo& array) {
  uint64_t bytes;
  MELLOW_CHECK(
      !__builtin_mul_overflow(static_cast<uint64_t>(array.shape.count()), size_of(array.dtype), &bytes),
      "[safetensors] array ", array.name, " of shape ", array.shape, " has too many bytes");
  return bytes;
}

void check_names(std::span<const ArrayInfo> arrays) {
  std::set<std::string_view> names{"__metadata__"};
  for (const ArrayInfo& array : arrays)
    MELLOW_CHECK(names.insert(array.name).second, "[safetensors] the array name ", array.name,
                 " is used twice or reserved");
}

// Where each array begins in the data, and which comes when.
struct Layout {
  std::vector<size_t> order;
  std::vector<uint64_t> begin, bytes;
  uint64_t total = 0;
};

Layout lay_out(std::span<const ArrayInfo> arrays) {
  Layout layout{std::vector<size_t>(arrays.size()), std::vector<uint64_t>(arrays.size()), {}};
  for (const ArrayInfo& array : arrays) layout.bytes.push_back(byte_count(array));
  std::iota(layout.order.begin(), layout.order.end(), size_t{0});
  std::stable_sort(layout.order.begin(), layout.order.end(),
                   [&](size_t a, size_t b) { return size_of(arrays[a].dtype) > size_of(arrays[b].dtype); });
  for (const size_t i : layout.order) {
    layout.begin[i] = layout.total;
    MELLOW_CHECK(!__builtin_add_overflow(layout.total, layout.bytes[i], &layout.total),
                 "[safetensors] the arrays have too many bytes");
  }
  return layout;
}

std::string make_header(std::span<const ArrayInfo> arrays, const std::map<std::string, std::string>& metadata,
                        const Layout& layout) {
  std::string json = "{";
  const auto separate = [&] {
    if (json.back() != '{') json += ',';
  };
  if (!metadata.empty()) {
    json += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      separate();
      json += json_string(key) + ':' + json_string(value);
    }
    json += '}';
  }
  for (size_t i = 0; i < arrays.size(); ++i) {
    separate();
    json += json_string(arrays[i].name) + ":{\"dtype\":\"" + name_of(arrays[i].dtype) + "\",\"shape\":[";
    for (int d = 0; d < arrays[i].shape.rank(); ++d)
      json += (d ? "," : "") + std::to_string(arrays[i].shape[d]);
    json += "],\"data_offsets\":[" + std::to_string(layout.begin[i]) + ',' +
            std::to_string(layout.begin[i] + layout.bytes[i]) + "]}";
  }
  json += '}';
  json.append((8 - json.size() % 8) % 8, ' ');  // the data begins at a multiple of eight
  MELLOW_CHECK(json.size() <= max_header_bytes, "[safetensors] the header has ", json.size(),
               " bytes; at most ", max_header_bytes, " are allowed: store large metadata as an array");
  return json;
}

}  // namespace

void write_safetensors(const std::string& path, std::span<const ArrayInfo> arrays,
                       const std::map<std::string, std::string>& metadata,
                       const std::function<std::span<const std::byte>(size_t)>& bytes_of, FileSystem& files) {
  check_names(arrays);
  const Layout layout = lay_out(arrays);
  const std::string header = make_header(arrays, metadata, layout);
  const uint64_t length = header.size();
  AtomicFile file(path, sizeof length + length + layout.total, files);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const size_t i : layout.order) {
    const std::span<const std::byte> bytes = bytes_of(i);
    MELLOW_CHECK(bytes.size() == layout.bytes[i], "[safetensors] array ", arrays[i].name, " of shape ",
                 arrays[i].shape, " needs ", layout.bytes[i], " bytes, got ", bytes.size());
    file.write(bytes);
  }
  file.commit();
}

void write_safetensors(const std::string& path, const NamedArrays& content, FileSystem& files) {
  std::vector<ArrayInfo> infos;
  for (const auto& [name, array] : content.arrays) infos.push_back({name, array.dtype, array.shape});
  const auto bytes_of = [&](size_t i) { return std::span<const std::byte>(content.arrays[i].second.bytes); };
  write_safetensors(path, infos, content.metadata, bytes_of, files);
}

}  // namespace mellow
