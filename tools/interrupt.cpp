// SPDX-License-Identifier: MIT
#include "mellow/tools/interrupt.h"

#include <csignal>

#include <unistd.h>

namespace mellow::tools {
namespace {

constexpr int exit_base = 128;  // the shells' convention for death by a signal

volatile std::sig_atomic_t received = 0;

void on_signal(int number) {
  if (received != 0) _exit(exit_base + number);
  received = number;
}

}  // namespace

Interrupt::Interrupt() {
  received = 0;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

Interrupt::~Interrupt() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool Interrupt::requested() const { return received != 0; }
int Interrupt::exit_code() const { return exit_base + received; }

}  // namespace mellow::tools
