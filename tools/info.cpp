// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/losses/method.h"
#include "mellow/models/make_model.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/version.h"

namespace mellow::tools {
namespace {

int info() {
  fmt::print("mellow {}, built with {} {}\n", program_version,
#if defined(__clang__)
             "clang",
#else
             "g++",
#endif
             __VERSION__);
  fmt::print("{} models, {} methods (mellow train --list-models, --list-methods)\n", model_entries().size(),
             methods().size());
  for (const DeviceReport& device : describe_devices()) {
    fmt::print("\n{:<6}{}{}\n", name_of(device.device),
               device.usable ? "" : "not usable: ", device.description);
    for (const PrecisionReport& p : device.precisions)
      fmt::print("      {:<8}{}{}\n", name_of(p.precision), p.usable ? "usable" : "not usable",
                 p.note.empty() ? "" : ": " + p.note);
  }
  return 0;
}

}  // namespace

Run info_command(CLI::App&) {
  return [](const auto&) { return info(); };
}

}  // namespace mellow::tools
