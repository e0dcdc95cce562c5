// SPDX-License-Identifier: MIT
#include "mellow/tools/wait_for_lock.h"

#include <chrono>
#include <thread>

namespace mellow::tools {

std::unique_ptr<FileLock> wait_for_lock(const std::string& path, const std::function<bool()>& stop) {
  constexpr auto pause = std::chrono::milliseconds(20);
  auto lock = std::make_unique<FileLock>(path);
  while (!lock->held()) {
    if (stop()) return nullptr;
    std::this_thread::sleep_for(pause);
    lock->try_again();
  }
  return lock;
}

}  // namespace mellow::tools
