// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include "mellow/engine/io/hash.h"

namespace mellow::test {
namespace {

TEST_CASE("hash_bytes gives the published XXH3-128 values") {
  CHECK(hash_bytes("") == "99aa06d3014798d86001c324468d497f");
  CHECK(hash_bytes("a") == "a96faf705af16834e6c632b61e964e1f");
  CHECK(hash_bytes("abc") == "06b05ab6733a618578af5f94892f3950");
}

TEST_CASE("Hasher does not depend on how the bytes are cut, and can go on after hex") {
  std::string bytes(5000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * i % 253);
  const std::string whole = hash_bytes(bytes);
  for (const size_t cut : {1, 63, 64, 65, 1024, 4999}) {
    CAPTURE(cut);
    Hasher hasher;
    hasher.update(std::string_view(bytes).substr(0, cut));
    CHECK(hasher.hex() == hash_bytes(bytes.substr(0, cut)));
    hasher.update(std::as_bytes(std::span(bytes)).subspan(cut));
    CHECK(hasher.hex() == whole);
  }
}

TEST_CASE("Hasher takes numbers low byte first and sees every byte") {
  CHECK(Hasher().update(uint64_t{0x0102030405060708}).hex() ==
        hash_bytes("\x08\x07\x06\x05\x04\x03\x02\x01"));
  std::string bytes(300, 'x');
  const std::string before = hash_bytes(bytes);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string other = bytes;
    other[i] = 'y';
    CHECK(hash_bytes(other) != before);
  }
}

}  // namespace
}  // namespace mellow::test
