// SPDX-License-Identifier: MIT
#include <limits>

#include <doctest/doctest.h>

#include "mellow/engine/io/read_file.h"
#include "mellow/tests/support/files.h"

namespace mellow::test {
namespace {

TEST_CASE("read_file returns every byte, and no more than allowed") {
  const TempFolder folder;
  const std::string path = folder / "in.bin";
  for (const size_t size : {0, 1, 65535, 65536, 65537, 300'000}) {
    CAPTURE(size);
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 % 251);
    spill(path, bytes);
    CHECK(read_file(path, size) == bytes);
    CHECK(read_file(path, std::numeric_limits<uint64_t>::max()) == bytes);
    if (size == 0) continue;
    const std::string message = message_of([&] { read_file(path, size - 1); });
    CHECK(contains(message, path));
    CHECK(contains(message, "longer than"));
  }
}

TEST_CASE("read_file names what it cannot read") {
  const TempFolder folder;
  CHECK(contains(message_of([&] { read_file(folder / "none", 10); }), folder / "none"));
  CHECK(contains(message_of([&] { read_file(folder.path(), 10); }), "Is a directory"));
  try {
    read_file(folder / "none", 10);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::input);
  }
}

TEST_CASE("read_file is not led by the size a file claims") {
  // Endless, and zero by its status.
  CHECK(contains(message_of([] { read_file("/dev/zero", 100'000); }), "longer than the 100000 bytes"));
}

}  // namespace
}  // namespace mellow::test
