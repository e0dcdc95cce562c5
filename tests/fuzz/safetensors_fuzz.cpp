// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "mellow/engine/io/safetensors.h"

// Any bytes are refused with an input error or give arrays whose bytes fit their shapes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const mellow::NamedArrays content =
        mellow::parse_safetensors(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
    for (const auto& [name, array] : content.arrays)
      if (array.bytes.size() != static_cast<uint64_t>(array.shape.count()) * size_of(array.dtype))
        std::abort();
  } catch (const mellow::Error& error) {
    if (error.kind() != mellow::ErrorKind::input) std::abort();
  }
  return 0;
}
