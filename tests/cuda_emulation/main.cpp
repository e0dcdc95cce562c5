// SPDX-License-Identifier: MIT
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "mellow/tests/cuda_emulation/emulator.h"

// Every test of the ops, with blocks and threads in an order no kernel may rely on.
int main(int argc, char** argv) {
  mellow::emulation::set_order(1);
  return doctest::Context(argc, argv).run();
}
