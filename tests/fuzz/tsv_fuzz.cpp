// SPDX-License-Identifier: MIT
#include "mellow/tests/fuzz/read_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return mellow::fuzz_reader(data, size, mellow::Format::tsv);
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return mellow::fuzz_mutate(data, size, max_size, seed, mellow::Format::tsv);
}
