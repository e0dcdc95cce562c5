// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

// The program's commands, one file each.
namespace mellow::tools {

// Does the work of a command once its options are read; returns the exit code. Gets the words of the command
// line, for records and hints.
using Run = std::function<int(const std::vector<std::string>& arguments)>;

// Runs the command that was given; run_command() has refused a command line without one.
int run_given(const std::vector<std::pair<CLI::App*, Run>>& commands,
              const std::vector<std::string>& arguments);

// Each declares its options on `command`.
Run train_command(CLI::App& command);
Run pretrain_command(CLI::App& command);
Run encode_command(CLI::App& command);
Run labels_command(CLI::App& command);
Run evaluate_command(CLI::App& command);
Run predict_command(CLI::App& command);
Run data_command(CLI::App& command);
Run study_command(CLI::App& command);
Run estimate_command(CLI::App& command);
Run info_command(CLI::App& command);

}  // namespace mellow::tools
