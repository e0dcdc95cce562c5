// SPDX-License-Identifier: MIT
#include "mellow/tools/config_file.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

#include "mellow/engine/core/edit_distance.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/io/read_file.h"

namespace mellow::tools {
namespace {

constexpr uint64_t largest_config = 1 << 20;

Error config_error(const std::string& path, const toml::source_region& at, const std::string& what) {
  return Error(fmt::format("{}:{}: {}", path, at.begin.line, what), ErrorKind::input);
}

// The value as it would be typed; shortest form of numbers.
std::string typed(const std::string& path, const std::string& key, const toml::node& node) {
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* value = node.as_integer()) return std::to_string(value->get());
  if (const auto* value = node.as_floating_point()) return fmt::format("{}", value->get());
  throw config_error(path, node.source(), fmt::format("{} must be a string, a number or a boolean", key));
}

}  // namespace

std::string nearest_option(const CLI::App& command, const std::string& name,
                           const std::vector<std::string>& without) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& known : option->get_lnames())
      if (std::find(without.begin(), without.end(), known) == without.end()) names.push_back("--" + known);
  const auto close = nearest(names, name, 1);
  return close.empty() ? "--help" : close[0];
}

std::vector<std::string> read_config(const std::string& path, const CLI::App& command) {
  toml::table table;
  try {
    table = toml::parse(read_file(path, largest_config), path);
  } catch (const toml::parse_error& error) {
    throw config_error(path, error.source(), std::string(error.description()));
  }
  std::vector<std::string> arguments;
  for (const auto& [key, node] : table) {
    const std::string name(key.str()), option_name = "--" + name;
    const CLI::Option* option = command.get_option_no_throw(option_name);
    if (option == nullptr || name == "config" || name == "help")
      throw config_error(path, key.source(),
                         fmt::format("unknown key {}; did you mean {}?", name,
                                     nearest_option(command, option_name, {"config", "help"}).substr(2)));
    const bool is_flag = option->get_expected_max() == 0;
    if (const auto* flag = node.as_boolean()) {
      if (!is_flag)
        throw config_error(path, node.source(), fmt::format("{} takes a value, not true or false", name));
      if (flag->get()) arguments.push_back(option_name);
      continue;
    }
    if (is_flag) throw config_error(path, node.source(), fmt::format("{} must be true or false", name));
    arguments.push_back(option_name + "=" + typed(path, name, node));
  }
  return arguments;
}

}  // namespace mellow::tools
