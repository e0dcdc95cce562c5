// SPDX-License-Identifier: MIT
#pragma once

namespace mellow::tools {

// While it lives, the first Ctrl-C or SIGTERM only raises a flag, to be asked between steps; the second ends
// the process at once (files are written atomically, so that hurts none).
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  bool requested() const;
  int exit_code() const;  // 130 after Ctrl-C, 143 after SIGTERM
};

}  // namespace mellow::tools
