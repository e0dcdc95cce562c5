// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mellow/engine/io/directory_lock.h"

namespace mellow::tools {

// Locks the file, waiting while another one holds it; null when `stop` says so meanwhile. Throws
// ErrorKind::io when the file cannot be made or locked.
std::unique_ptr<FileLock> wait_for_lock(const std::string& path, const std::function<bool()>& stop);

}  // namespace mellow::tools
