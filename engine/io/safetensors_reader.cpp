// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <numeric>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "mellow/engine/io/safetensors.h"

namespace mellow {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr uint64_t max_header_bytes = 100'000'000;  // the limit of the reference implementation

// An array as the header tells it. Kept small: a hostile header can hold two million of them.
struct Entry {
  std::string name;
  Shape shape;
  std::array<uint64_t, 2> offsets{};  // begin and end in the data
  std::optional<DType> dtype;
  bool has_shape = false, has_offsets = false;
  uint8_t offset_count = 0;
};

struct Header {
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
};

// A name from the file, safe to print.
std::string printable(std::string_view name) {
  std::string out = "\"";
  for (const char c : name.substr(0, 80)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (name.size() > 80 ? "…\"" : "\"");
}

template <class... Parts>
[[noreturn]] void refuse(const std::string& where, const Parts&... parts) {
  throw Error(text("[safetensors] ", where, ": ", parts...), ErrorKind::input);
}

std::optional<DType> dtype_named(std::string_view name) {
  for (const DType t : {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8})
    if (name == name_of(t)) return t;
  return std::nullopt;
}

// Takes the events of the JSON parser and accepts exactly the structure of the header, so that nothing
// else is ever stored: root object > (metadata | array) object > list of whole numbers.
class HeaderEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderEvents(const std::string& where) : where_(where) {}
  Header take() { return std::move(header_); }

  bool start_object(size_t) override {
    if (place_ == Place::start) {
      place_ = Place::root;
    } else if (place_ == Place::root && key_ == "__metadata__") {
      if (std::exchange(has_metadata_, true)) refuse(where_, "has __metadata__ twice");
      place_ = Place::metadata;
    } else if (place_ == Place::root) {
      header_.entries.emplace_back().name = key_;
      place_ = Place::array;
    } else {
      unexpected("an object");
    }
    return true;
  }
  bool end_object() override {
    if (place_ == Place::array) {
      const Entry& e = header_.entries.back();
      if (!e.dtype) refuse_array(e, " has no dtype");
      if (!e.has_shape) refuse_array(e, " has no shape");
      if (e.offset_count != 2) refuse_array(e, " needs data_offsets of two numbers, begin and end");
    }
    place_ = Place::root;
    return true;
  }
  bool key(std::string& key) override {
    key_ = std::move(key);
    return true;
  }
  bool string(std::string& value) override {
    if (place_ == Place::metadata) {
      if (!header_.metadata.try_emplace(key_, std::move(value)).second)
        refuse(where_, "has the metadata key ", printable(key_), " twice");
    } else if (place_ == Place::array && key_ == "dtype") {
      Entry& e = header_.entries.back();
      if (e.dtype) refuse_array(e, " has dtype twice");
      e.dtype = dtype_named(value);
      if (!e.dtype)
        refuse_array(e, " has dtype ", printable(value), "; mellow reads F32, F64, BF16, I32, I64 and U8");
    } else {
      unexpected("a string");
    }
    return true;
  }
  bool start_array(size_t) override {
    if (place_ != Place::array || (key_ != "shape" && key_ != "data_offsets")) unexpected("a list");
    Entry& e = header_.entries.back();
    if (std::exchange(key_ == "shape" ? e.has_shape : e.has_offsets, true))
      refuse_array(e, " has ", key_, " twice");
    place_ = Place::list;
    return true;
  }
  bool end_array() override {
    place_ = Place::array;
    return true;
  }
  bool number_unsigned(uint64_t value) override {
    if (place_ != Place::list) unexpected("a number");
    Entry& e = header_.entries.back();
    if (key_ == "data_offsets") {
      if (e.offset_count == 2) refuse_array(e, " has more than 2 numbers in data_offsets");
      e.offsets[e.offset_count++] = value;
      return true;
    }
    if (e.shape.rank() == Shape::max_rank)
      refuse_array(e, " has more than ", Shape::max_rank, " dimensions, the most that mellow has");
    if (value > static_cast<uint64_t>(INT64_MAX))
      refuse_array(e, " has a shape whose size does not fit in 63 bits");
    e.shape.push_back(static_cast<int64_t>(value));
    return true;
  }
  bool number_integer(int64_t value) override { unexpected(text("the negative number ", value)); }
  bool number_float(double, const std::string& digits) override {
    unexpected("the number " + digits.substr(0, 40) + ", which is not whole or not below 2^64");
  }
  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool binary(binary_t&) override { unexpected("binary data"); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    // The message quotes the last token, which may be the whole header.
    refuse(where_, "the header is not JSON: ", std::string_view(error.what()).substr(0, 200));
  }

 private:
  enum class Place { start, root, metadata, array, list };

  template <class... Parts>
  [[noreturn]] void refuse_array(const Entry& e, const Parts&... parts) const {
    refuse(where_, "array ", printable(e.name), parts...);
  }
  [[noreturn]] void unexpected(const std::string& what) const {
    const bool inside = place_ == Place::array || place_ == Place::list;
    refuse(where_, "the header has ", what, " at ", printable(key_),
           inside ? " of array " + printable(header_.entries.back().name) : std::string(),
           ", where the format has none");
  }

  const std::string& where_;
  Header header_;
  std::string key_;
  Place place_ = Place::start;
  bool has_metadata_ = false;
};

Header parse_header(const std::string& json, const std::string& where) {
  if (json.empty() || json.front() != '{') refuse(where, "the header does not begin with '{'");
  // nlohmann's lexer takes a zero byte for the end of the text, which would hide what follows.
  if (json.find('\0') != std::string::npos) refuse(where, "the header is not JSON: it has a zero byte");
  HeaderEvents events(where);
  nlohmann::json::sax_parse(json, &events);
  return events.take();
}

void check_names(const Header& header, const std::string& where) {
  std::vector<std::string_view> names;
  for (const Entry& e : header.entries) names.push_back(e.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) refuse(where, "has the array ", printable(*twice), " twice");
}

// The shape's bytes must be what the range holds, and the range must lie in the data.
void check_size(const Entry& e, uint64_t data_bytes, const std::string& where) {
  const auto [begin, end] = e.offsets;
  if (begin > end)
    refuse(where, "array ", printable(e.name), " begins at ", begin, ", after its end at ", end);
  if (end > data_bytes)
    refuse(where, "array ", printable(e.name), " ends at byte ", end, ", but the data has ", data_bytes,
           " bytes");
  int64_t bytes = static_cast<int64_t>(size_of(*e.dtype));
  for (const int64_t d : e.shape)
    if (__builtin_mul_overflow(bytes, d, &bytes))
      refuse(where, "array ", printable(e.name), " has a shape whose size does not fit in 63 bits");
  if (static_cast<uint64_t>(bytes) != end - begin)
    refuse(where, "array ", printable(e.name), " of shape ", e.shape, " and dtype ", name_of(*e.dtype),
           " needs ", bytes, " bytes, but its range has ", end - begin);
}

// The ranges must tile the data: no overlap, no gap, nothing after the last.
void check_ranges(const Header& header, uint64_t data_bytes, const std::string& where) {
  std::vector<size_t> order(header.entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return header.entries[a].offsets < header.entries[b].offsets; });
  uint64_t at = 0;
  for (const size_t i : order) {
    const Entry& e = header.entries[i];
    const auto [begin, end] = e.offsets;
    if (begin < at) refuse(where, "array ", printable(e.name), " overlaps the one before it at byte ", begin);
    if (begin > at)
      refuse(where, "the data has a gap of ", begin - at, " bytes before array ", printable(e.name));
    at = end;
  }
  if (at != data_bytes) refuse(where, "has ", data_bytes - at, " bytes after the last array");
}

using Fetch = std::function<void(uint64_t offset, std::span<std::byte> out)>;

// file_bytes is the true size of the source; fetch copies a range inside it.
NamedArrays read(uint64_t file_bytes, const std::string& where, const Fetch& fetch) {
  if (file_bytes < 8) refuse(where, "has ", file_bytes, " bytes; a safetensors file has at least 8");
  std::array<std::byte, 8> prefix;
  fetch(0, prefix);
  const uint64_t header_bytes = std::bit_cast<uint64_t>(prefix);
  if (header_bytes > max_header_bytes)
    refuse(where, "says its header has ", header_bytes, " bytes; at most ", max_header_bytes, " are allowed");
  if (header_bytes > file_bytes - 8)
    refuse(where, "says its header has ", header_bytes, " bytes, but only ", file_bytes - 8, " follow");
  std::string json(header_bytes, '\0');
  fetch(8, std::as_writable_bytes(std::span(json)));
  Header header = parse_header(std::exchange(json, {}), where);
  check_names(header, where);
  const uint64_t data_begin = 8 + header_bytes, data_bytes = file_bytes - data_begin;
  for (const Entry& e : header.entries) check_size(e, data_bytes, where);
  check_ranges(header, data_bytes, where);

  NamedArrays content{{}, std::move(header.metadata)};
  content.arrays.reserve(header.entries.size());
  for (Entry& e : header.entries) {
    HostArray array{*e.dtype, e.shape, std::vector<std::byte>(e.offsets[1] - e.offsets[0])};
    fetch(data_begin + e.offsets[0], array.bytes);
    content.arrays.emplace_back(std::move(e.name), std::move(array));
  }
  return content;
}

NamedArrays read_in_memory_limits(uint64_t file_bytes, const std::string& where, const Fetch& fetch) {
  try {
    return read(file_bytes, where, fetch);
  } catch (const std::bad_alloc&) {
    throw Error(text("[safetensors] ", where, ": not enough memory for its ", file_bytes, " bytes"),
                ErrorKind::out_of_memory);
  }
}

}  // namespace

NamedArrays parse_safetensors(std::string_view file, const std::string& where) {
  return read_in_memory_limits(file.size(), where, [&](uint64_t offset, std::span<std::byte> out) {
    if (!out.empty()) std::memcpy(out.data(), file.data() + offset, out.size());
  });
}

NamedArrays read_safetensors(const std::string& path) {
  const FileDescriptor file(open_to_read(path));
  struct stat status;
  if (::fstat(file.get(), &status) < 0) throw io_error("examine", path, errno);
  if (!S_ISREG(status.st_mode)) refuse(path, "is not a regular file");
  return read_in_memory_limits(
      static_cast<uint64_t>(status.st_size), path, [&](uint64_t offset, std::span<std::byte> out) {
        while (!out.empty()) {
          const ssize_t n = uninterrupted(
              [&] { return ::pread(file.get(), out.data(), out.size(), static_cast<off_t>(offset)); });
          if (n < 0) throw io_error("read", path, errno);
          if (n == 0) refuse(path, "became shorter while it was read");
          offset += static_cast<uint64_t>(n);
          out = out.subspan(static_cast<size_t>(n));
        }
      });
}

}  // namespace mellow
