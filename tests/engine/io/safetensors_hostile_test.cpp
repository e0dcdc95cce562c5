// SPDX-License-Identifier: MIT
// Files made to break readers: the lies that others' readers fell for, and systematic damage.
#include <cstring>
#include <span>

#include <doctest/doctest.h>

#include "mellow/engine/core/random.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/tests/support/files.h"

namespace mellow::test {
namespace {

std::string length_prefix(uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}

std::string file_of(const std::string& header, size_t data_bytes) {
  return length_prefix(header.size()) + header + std::string(data_bytes, '\x11');
}

// The message of the refusal; "" when the file is taken. Anything but a mellow::Error fails the test.
std::string refusal(const std::string& file) {
  return message_of([&] { parse_safetensors(file, "hostile.safetensors"); });
}

std::string array(const std::string& name, const std::string& shape, const std::string& offsets,
                  const std::string& dtype = "F32") {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

struct Lie {
  std::string file;
  const char* problem;
};

void check_lies(std::span<const Lie> lies) {
  for (const Lie& lie : lies) {
    CAPTURE(lie.file.substr(0, 300));
    const std::string message = refusal(lie.file);
    CAPTURE(message);
    CHECK(contains(message, "hostile.safetensors"));
    CHECK(contains(message, lie.problem));
  }
}

TEST_CASE("safetensors: lies about the header's length") {
  const std::string good = "{" + array("a", "[1]", "[0,4]") + "}";
  CHECK(refusal(file_of(good, 4)).empty());
  const Lie lies[] = {
      {"", "has 0 bytes"},
      {"1234567", "has 7 bytes"},
      {length_prefix(0), "does not begin"},
      {length_prefix(0) + "{}", "does not begin"},
      {length_prefix(2), "only 0 follow"},
      {length_prefix(good.size() + 5) + good + "1234", "but only"},
      {length_prefix(good.size() - 1) + good + "1234", "not JSON"},
      {length_prefix(100'000'001) + good, "at most 100000000"},
      {length_prefix(UINT64_MAX) + good, "at most 100000000"},
      {length_prefix(UINT64_MAX - 7) + good, "at most 100000000"},
      {length_prefix(uint64_t{1} << 63) + good, "at most 100000000"},
      {length_prefix((uint64_t{1} << 32) + good.size()) + good + "1234", "at most 100000000"},
  };
  check_lies(lies);
}

TEST_CASE("safetensors: lies about ranges") {
  const auto one = [](const std::string& shape, const std::string& offsets, size_t data) {
    return file_of("{" + array("a", shape, offsets) + "}", data);
  };
  const auto two = [](const std::string& first, const std::string& second, size_t data) {
    return file_of("{" + array("a", "[1]", first) + "," + array("b", "[1]", second) + "}", data);
  };
  CHECK(refusal(two("[4,8]", "[0,4]", 8)).empty());  // the order of the header is free
  const Lie lies[] = {
      {one("[1]", "[0,4]", 3), "ends at byte 4, but the data has 3"},
      {one("[1]", "[0,4]", 5), "1 bytes after the last array"},
      {one("[1]", "[4,8]", 8), "gap of 4 bytes"},
      {one("[1]", "[4,0]", 4), "begins at 4, after its end at 0"},
      {one("[1]", "[-4,0]", 4), "negative number -4"},
      {one("[1]", "[0,-4]", 4), "negative number -4"},
      {one("[1]", "[-0,4]", 4), "negative number"},
      {one("[1]", "[0,18446744073709551615]", 4), "but the data has 4"},
      {one("[1]", "[18446744073709551612,0]", 4), "after its end"},
      {one("[1]", "[0,18446744073709551616]", 4), "not below 2^64"},
      {one("[1]", "[0,1e999]", 4), "not JSON"},
      {one("[1]", "[0.0,4]", 4), "not whole"},
      {one("[1]", "[0,4e0]", 4), "not whole"},
      {one("[1]", "[0]", 4), "two numbers"},
      {one("[1]", "[]", 4), "two numbers"},
      {one("[1]", "[0,4,4]", 4), "more than 2 numbers in data_offsets"},
      {one("[1]", "[0,\"4\"]", 4), "a string"},
      {one("[1]", "[[0,4]]", 4), "a list"},
      {one("[1]", "{}", 4), "an object"},
      {one("[1]", "null", 4), "null"},
      {one("[2]", "[0,4]", 4), "needs 8 bytes, but its range has 4"},
      {one("[]", "[0,0]", 0), "needs 4 bytes"},
      {one("[0]", "[0,4]", 4), "needs 0 bytes"},
      {two("[0,4]", "[0,4]", 4), "overlaps"},
      {two("[0,4]", "[2,6]", 6), "overlaps"},
      {two("[0,4]", "[5,9]", 9), "gap of 1"},
      {file_of("{}", 1), "1 bytes after"},
  };
  check_lies(lies);
}

TEST_CASE("safetensors: lies about names, types and structure") {
  const std::string a = array("a", "[1]", "[0,4]");
  const std::string deep(10'000, '[');
  const Lie lies[] = {
      {file_of("{" + a + "," + a + "}", 4), "array \"a\" twice"},
      {file_of("{" + a + "," + array("\\u0061", "[1]", "[4,8]") + "}", 8), "array \"a\" twice"},
      {file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "__metadata__ twice"},
      {file_of(R"({"__metadata__":{"k":"1","k":"2"}})", 0), "metadata key \"k\" twice"},
      {file_of(R"({"__metadata__":{"k":1}})", 0), "a number at \"k\""},
      {file_of(R"({"__metadata__":{"k":null}})", 0), "null"},
      {file_of(R"({"__metadata__":{"k":{}}})", 0), "an object"},
      {file_of(R"({"__metadata__":[]})", 0), "a list"},
      {file_of(R"({"__metadata__":"x"})", 0), "a string"},
      {file_of(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4), "dtype twice"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}})", 4), "shape twice"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]}})", 4), "twice"},
      {file_of(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4), "no dtype"},
      {file_of(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4), "no shape"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1]}})", 4), "two numbers"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"code":"x"}})", 4),
       "a string at \"code\""},
      {file_of(R"({"a":{"dtype":0,"shape":[1],"data_offsets":[0,4]}})", 4), "a number at \"dtype\""},
      {file_of("{" + array("a", "[1]", "[0,4]", "F16") + "}", 4), "array \"a\" has dtype \"F16\""},
      {file_of("{" + array("a", "[1]", "[0,4]", "f32") + "}", 4), "has dtype \"f32\""},
      {file_of("{" + array("a", "[1,1,1,1,1,1]", "[0,4]") + "}", 4), "more than 5 dimensions"},
      {file_of("{" + array("a", "[true]", "[0,4]") + "}", 4), "a boolean"},
      {file_of("{" + array("a", "[[1]]", "[0,4]") + "}", 4), "a list"},
      {file_of(R"({"a":[1]})", 4), "a list"},
      {file_of(R"({"a":"F32"})", 4), "a string"},
      {file_of("{\"\xff\":1}", 0), "not JSON"},
      {file_of("{\"\\ud800\":1}", 0), "not JSON"},
      {file_of("[]", 0), "does not begin"},
      {file_of(" {}", 0), "does not begin"},
      {file_of("{}x", 0), "not JSON"},
      {file_of("{}{}", 0), "not JSON"},
      {file_of(std::string("{}\0", 3), 0), "not JSON"},
      {file_of("{", 0), "not JSON"},
      {file_of("{\"a\":" + deep, 0), "a list"},
      {file_of("{\"a\":{\"shape\":" + deep, 0), "a list"},
  };
  check_lies(lies);
  CHECK(refusal(file_of("{}   \n ", 0)).empty());
}

TEST_CASE("safetensors: messages show no control characters and no endless names") {
  const std::string message =
      refusal(file_of("{" + array("\\u001b[31m" + std::string(5000, 'x'), "[2]", "[0,4]") + "}", 4));
  CHECK(contains(message, "needs 8 bytes"));
  CHECK(message.size() < 400);
  CHECK(message.find('\x1b') == std::string::npos);
  CHECK(refusal(file_of("{\"" + std::string(5000, 'x') + "\xff", 0)).size() < 400);
}

TEST_CASE("safetensors: a hundred hostile shapes are refused before anything is allocated") {
  const char* dims[] = {"2147483647",          "2147483648",          "2147483649",
                        "4294967295",          "4294967296",          "4294967297",
                        "4611686018427387904", "9223372036854775807", "9223372036854775808",
                        "18446744073709551615"};
  int shapes = 0;
  for (const char* first : dims)
    for (const char* second : dims) {
      const std::string shape = std::string("[") + first + "," + second + "]";
      CAPTURE(shape);
      ++shapes;
      // 4-byte elements: 2^32 * 2^32 wraps to 0 bytes, (2^63) * 2 too.
      for (const char* offsets : {"[0,0]", "[0,4]"}) {
        const std::string message =
            refusal(file_of("{" + array("a", shape, offsets) + "}", offsets[3] == '4' ? 4 : 0));
        CHECK(contains(message, "array \"a\""));
      }
    }
  CHECK(shapes == 100);
  // Products that wrap to exactly the bytes there are, and zeros that hide a product.
  for (const char* shape :
       {"[4294967296,4294967296]", "[9223372036854775808,2]", "[4611686018427387905]",
        "[4611686018427387904,4,0]", "[65536,65536,65536,65536]", "[0,18446744073709551615]"})
    for (const char* offsets : {"[0,0]", "[0,4]"}) {
      CAPTURE(shape);
      const std::string message =
          refusal(file_of("{" + array("a", shape, offsets) + "}", offsets[3] == '4' ? 4 : 0));
      CHECK(contains(message, "does not fit in 63 bits"));
    }
}

std::string valid_file() {
  const TempFolder folder;
  NamedArrays content;
  for (const char* name : {"first", "second"})
    content.arrays.emplace_back(name, HostArray{DType::f32, {2, 1}, std::vector<std::byte>(8)});
  content.arrays.emplace_back("third", HostArray{DType::u8, {3}, std::vector<std::byte>(3)});
  content.metadata["format"] = "pt";
  write_safetensors(folder / "x", content);
  return slurp(folder / "x");
}

// A damaged file is either refused or holds arrays whose bytes fit their shapes.
bool taken_and_consistent(const std::string& file) {
  try {
    const NamedArrays content = parse_safetensors(file, "hostile.safetensors");
    for (const auto& [name, a] : content.arrays)
      CHECK(a.bytes.size() == static_cast<uint64_t>(a.shape.count()) * size_of(a.dtype));
    return true;
  } catch (const Error& error) {
    CHECK(contains(error.what(), "hostile.safetensors"));
    CHECK(error.kind() == ErrorKind::input);
    return false;
  }
}

TEST_CASE("safetensors: truncation at every byte is refused") {
  const std::string file = valid_file();
  REQUIRE(taken_and_consistent(file));
  for (size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    CHECK(!taken_and_consistent(file.substr(0, size)));
  }
  CHECK(!taken_and_consistent(file + '\0'));
}

TEST_CASE("safetensors: every change of one byte of the header is refused or harmless") {
  const std::string file = valid_file();
  uint64_t header_bytes;
  std::memcpy(&header_bytes, file.data(), 8);
  int taken = 0, refused = 0;
  for (size_t i = 0; i < 8 + header_bytes; ++i)
    for (int value = 0; value < 256; ++value) {
      std::string damaged = file;
      damaged[i] = static_cast<char>(value);
      if (damaged == file) continue;
      taken_and_consistent(damaged) ? ++taken : ++refused;
    }
  // What is taken: other letters in names and metadata, and white space.
  CHECK(taken > 0);
  CHECK(refused > 4 * taken);
}

TEST_CASE("safetensors: two thousand mutations are refused or harmless") {
  const std::string file = valid_file();
  const std::string tokens = "{}[]\",:0123456789-e.ntf \\";
  for (uint64_t m = 0; m < 2000; ++m) {
    CAPTURE(m);
    std::string damaged = file;
    const uint64_t edits = 1 + m % 4;
    for (uint64_t e = 0; e < edits; ++e) {
      const RandomWords r = random_words(7, RandomStream::test, m, e);
      const size_t at = r[0] % damaged.size();
      const char c = r[1] % 2 ? tokens[r[2] % tokens.size()] : static_cast<char>(r[2]);
      switch (r[3] % 4) {
        case 0: damaged[at] = c; break;
        case 1: damaged.insert(at, 1 + r[1] % 3, c); break;
        case 2: damaged.erase(at, 1 + r[1] % 3); break;
        case 3: damaged.insert(at, damaged.substr(r[1] % damaged.size(), 1 + r[2] % 40)); break;
      }
      if (damaged.size() < 9) damaged = file;
      // Half of the time keep the length honest, so that the JSON behind it is what is tested.
      if (m % 2) {
        const uint64_t honest = damaged.size() < 8 + 19 ? 0 : damaged.size() - 8 - 19;
        damaged.replace(0, 8, length_prefix(honest));
      }
    }
    taken_and_consistent(damaged);
  }
}

TEST_CASE("safetensors: files that are none") {
  const TempFolder folder;
  CHECK(contains(message_of([&] { read_safetensors(folder / "none"); }), folder / "none"));
  CHECK(contains(message_of([&] { read_safetensors(folder.path()); }), "Is a directory"));
  CHECK(contains(message_of([&] { read_safetensors("/dev/zero"); }), "not a regular file"));
}

}  // namespace
}  // namespace mellow::test
