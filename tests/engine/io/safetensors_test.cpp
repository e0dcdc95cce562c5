// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <cstring>

#include <doctest/doctest.h>

#include "mellow/engine/io/safetensors.h"
#include "mellow/tests/engine/io/faulty_files.h"
#include "mellow/tests/support/files.h"
#include "mellow/tests/support/places.h"

namespace mellow::test {
namespace {

template <class T>
HostArray array_of(DType dtype, Shape shape, const std::vector<T>& values) {
  HostArray array{dtype, shape, std::vector<std::byte>(values.size() * sizeof(T))};
  if (!values.empty()) std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
  return array;
}

// Every type, ragged sizes, an empty array, a scalar, names that need escaping.
NamedArrays sample() {
  return {{{"mask", array_of<uint8_t>(DType::u8, {3}, {1, 0, 7})},
           {"net.0.weight", array_of<float>(DType::f32, {2, 1, 2}, {1.5f, -0.0f, 1e-40f, 3e38f})},
           {"half", array_of<uint16_t>(DType::bf16, {1}, {0x3f80})},
           {"empty", array_of<float>(DType::f32, {4, 0, 2}, {})},
           {"step", array_of<int64_t>(DType::i64, {}, {INT64_MIN})},
           {"a \"b\"\n\\ ü", array_of<int32_t>(DType::i32, {1, 1, 1, 1, 2}, {-1, 5})},
           {"", array_of<double>(DType::f64, {1}, {0.1})}},
          {{"format", "pt"}, {"labels", "[\"a\", \"b\"]"}}};
}

std::string serialise(const NamedArrays& content) {
  const TempFolder folder;
  write_safetensors(folder / "x", content);
  return slurp(folder / "x");
}

TEST_CASE("safetensors round trip keeps everything, in order") {
  const TempFolder folder;
  const std::string path = folder / "model.safetensors";
  write_safetensors(path, sample());
  CHECK(read_safetensors(path) == sample());
  CHECK(parse_safetensors(slurp(path), "memory") == sample());
  CHECK(sample().find("half")->shape == Shape{1});
  CHECK(sample().find("no") == nullptr);
  CHECK(contains(message_of([] { sample().at("no"); }), "\"no\""));

  const NamedArrays nothing;
  write_safetensors(path, nothing);
  CHECK(slurp(path).size() == 16);
  CHECK(read_safetensors(path) == nothing);
}

TEST_CASE("safetensors bytes are reproducible, the header padded and every array aligned") {
  const std::string file = serialise(sample());
  CHECK(file == serialise(sample()));
  uint64_t header_bytes;
  std::memcpy(&header_bytes, file.data(), sizeof header_bytes);
  CHECK(header_bytes % 8 == 0);
  const std::string header = file.substr(8, header_bytes);
  // 8-byte elements first, then 4, 2, 1.
  CHECK(contains(header, R"("step":{"dtype":"I64","shape":[],"data_offsets":[0,8]})"));
  CHECK(contains(header, R"("":{"dtype":"F64","shape":[1],"data_offsets":[8,16]})"));
  CHECK(contains(header, R"("net.0.weight":{"dtype":"F32","shape":[2,1,2],"data_offsets":[16,32]})"));
  CHECK(contains(header, R"("empty":{"dtype":"F32","shape":[4,0,2],"data_offsets":[32,32]})"));
  CHECK(contains(header, R"("half":{"dtype":"BF16","shape":[1],"data_offsets":[40,42]})"));
  CHECK(contains(header, R"("mask":{"dtype":"U8","shape":[3],"data_offsets":[42,45]})"));
  CHECK(header.starts_with(R"({"__metadata__":{"format":"pt","labels":"[\"a\", \"b\"]"},"mask":)"));
}

TEST_CASE("the streaming writer asks for each array once and gives the same file") {
  const TempFolder folder;
  const NamedArrays content = sample();
  std::vector<ArrayInfo> infos;
  for (const auto& [name, array] : content.arrays) infos.push_back({name, array.dtype, array.shape});
  std::vector<int> asked(infos.size());
  std::vector<std::byte> only_buffer;
  write_safetensors(folder / "x", infos, content.metadata, [&](size_t i) {
    ++asked[i];
    only_buffer = content.arrays[i].second.bytes;
    return std::span<const std::byte>(only_buffer);
  });
  CHECK(std::all_of(asked.begin(), asked.end(), [](int n) { return n == 1; }));
  CHECK(slurp(folder / "x") == serialise(content));
  const auto throwing = [](size_t) -> std::span<const std::byte> {
    throw Error("device lost", ErrorKind::device);
  };
  CHECK(message_of([&] { write_safetensors(folder / "y", infos, {}, throwing); }) == "device lost");
  CHECK(folder.entries() == 1);
}

TEST_CASE("the writer refuses what no reader would take") {
  const TempFolder folder;
  const auto refusal = [&](const NamedArrays& content) {
    return message_of([&] { write_safetensors(folder / "x", content); });
  };
  const HostArray one = array_of<float>(DType::f32, {1}, {1});
  CHECK(contains(refusal({{{"a", one}, {"a", one}}, {}}), "a is used twice"));
  CHECK(contains(refusal({{{"__metadata__", one}}, {}}), "reserved"));
  CHECK(contains(refusal({{{"a", {DType::f32, {2}, one.bytes}}}, {}}), "needs 8 bytes, got 4"));
  CHECK(contains(refusal({{{"\xff", one}}, {}}), "not UTF-8"));
  CHECK(contains(refusal({{}, {{"key", "\xc3"}}}), "not UTF-8"));
  CHECK(contains(refusal({{{"a", {DType::f64, {INT64_MAX}, {}}}}, {}}), "too many bytes"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("whatever system call fails, the previous safetensors file loads and no temporary stays") {
  for (const int error_number : {ENOSPC, EIO}) {
    int k = 0;
    for (bool fired = true; fired; ++k) {
      CAPTURE(k);
      REQUIRE(k < 100);
      const TempFolder folder;
      const std::string path = folder / "checkpoint.safetensors";
      const NamedArrays old{{{"a", array_of<float>(DType::f32, {1}, {1})}}, {}};
      write_safetensors(path, old);
      FaultyFiles files(k, error_number);
      const std::string message = message_of([&] { write_safetensors(path, sample(), files); });
      fired = files.fired();
      const bool replaced = !fired || contains(message, "sync the folder");
      CHECK(read_safetensors(path) == (replaced ? sample() : old));
      CHECK(folder.entries() == 1);
      CHECK(message.empty() == !fired);
      if (fired) CHECK(contains(message, path));
    }
    CHECK(k > 10);
  }
}

TEST_CASE("a file of the Python package reads as written") {
  const NamedArrays file = read_safetensors(source_dir() + "/tests/engine/io/data/python.safetensors");
  CHECK(file.arrays.size() == 7);
  CHECK(file.at("weight") == array_of<float>(DType::f32, {2, 3}, {0.5f, -1.0f, 2.0f, 1e-3f, 0.0f, 3.25f}));
  CHECK(file.at("steps") == array_of<int64_t>(DType::i64, {}, {1234567890123}));
  CHECK(file.at("mean") == array_of<double>(DType::f64, {2}, {0.1, 0.2}));
  CHECK(file.at("labels") == array_of<int32_t>(DType::i32, {3}, {3, -1, 2}));
  CHECK(file.at("mask") == array_of<uint8_t>(DType::u8, {5}, {1, 0, 1, 1, 0}));
  CHECK(file.at("empty") == array_of<float>(DType::f32, {0, 4}, {}));
  CHECK(file.at("größe") == array_of<float>(DType::f32, {1}, {7.0f}));
  CHECK(file.metadata == std::map<std::string, std::string>{{"format", "np"}, {"names", "a\n\"b\""}});
}

TEST_CASE("the checksum sees every part of the content") {
  NamedArrays content = sample();
  const std::string before = checksum(content);
  CHECK(contains(message_of([&] { verify_checksum(content, "c.safetensors"); }), "no checksum"));
  store_checksum(content);
  CHECK(checksum(content) == before);
  CHECK_NOTHROW(verify_checksum(parse_safetensors(serialise(content), "memory"), "c.safetensors"));

  std::vector<NamedArrays> changed;
  for (size_t i = 0; i < content.arrays.size(); ++i) {
    for (size_t b = 0; b < content.arrays[i].second.bytes.size(); ++b) {
      changed.push_back(content);
      changed.back().arrays[i].second.bytes[b] ^= std::byte{1};
    }
    changed.push_back(content);
    changed.back().arrays[i].first += 'x';
  }
  changed.push_back(content);
  changed.back().arrays[1].second.shape = Shape{1, 2, 2};
  changed.push_back(content);
  changed.back().arrays[5].second.dtype = DType::f32;
  changed.push_back(content);
  changed.back().metadata["format"] = "np";
  changed.push_back(content);
  std::swap(changed.back().arrays[0], changed.back().arrays[1]);
  for (const NamedArrays& other : changed) {
    const std::string message = message_of([&] { verify_checksum(other, "c.safetensors"); });
    CHECK(contains(message, "c.safetensors is damaged"));
  }
}

}  // namespace
}  // namespace mellow::test
