// SPDX-License-Identifier: MIT
#include "mellow/tools/command_line.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/engine/core/edit_distance.h"
#include "mellow/engine/core/error.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/config_file.h"

namespace mellow::tools {
namespace {

struct Command {
  const char *name, *summary, *example;
  Run (*declare)(CLI::App&);
};

constexpr Command commands[] = {
    {"train", "Train a classifier and write a run directory.",
     "mellow train --data UCR --dataset GunPoint --method rsls --epochs 100", train_command},
    {"pretrain", "Train the TS2Vec encoder on the training series (no labels used).",
     "mellow pretrain --data UCR --dataset GunPoint --out encoder.safetensors", pretrain_command},
    {"encode", "Turn series into representations.",
     "mellow encode --encoder encoder.safetensors --in GunPoint_TEST.tsv --out representations.csv",
     encode_command},
    {"labels", "Make the soft labels of a method and say how far they are from uniform.",
     "mellow labels --data UCR --dataset GunPoint --source raw --out soft_labels.csv", labels_command},
    {"evaluate", "Score a trained model on labelled series.",
     "mellow evaluate runs/GunPoint-fcn-ls-s0 --in GunPoint_TEST.tsv", evaluate_command},
    {"predict", "Label new series: probabilities as CSV, one row per series.",
     "mellow predict runs/GunPoint-fcn-ls-s0 --in - --out - < new.csv > labels.csv", predict_command},
    {"data", "List, describe, check, convert and generate datasets.", "mellow data generate cbf --out data",
     data_command},
    {"study", "Published studies, whole: trainings, selection, tables beside the published ones.",
     "mellow study ils-synthetic --replicates 100", study_command},
    {"estimate", "How long a table of trainings takes on this device; measures for less than a minute.",
     "mellow estimate --models inception-time,fcn --methods 4", estimate_command},
    {"info", "Versions, devices and precisions: what is usable here and why not.", "mellow info",
     info_command},
};

// The library's layout with one blank line between groups instead of two.
class Formatter : public CLI::Formatter {
 public:
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    return CLI::Formatter::make_group(std::move(group), is_positional, std::move(options)).substr(1);
  }
};

// The command that the leading words name, and how many words that takes.
std::pair<CLI::App*, size_t> named_command(CLI::App& program, const std::vector<std::string>& words) {
  CLI::App* command = &program;
  size_t count = 0;
  while (count < words.size()) {
    const auto next =
        command->get_subcommands([&](CLI::App* sub) { return sub->get_name() == words[count]; });
    if (next.empty()) break;
    command = next[0];
    ++count;
  }
  return {command, count};
}

std::string path_of(const CLI::App& command) {
  return command.get_parent() ? path_of(*command.get_parent()) + " " + command.get_name()
                              : command.get_name();
}

std::string help_of(const CLI::App& command) {
  std::string help = command.help(command.get_parent() ? path_of(*command.get_parent()) : "");
  // Hidden groups leave a second blank line behind.
  for (size_t at; (at = help.find("\n\n\n")) != std::string::npos;) help.erase(at, 1);
  return help;
}

Error empty_value(const std::string& option) {
  return Error(fmt::format("{} is empty: give a value, or leave it out", option));
}

// Puts the contents of --config in front of the options, so that those typed win.
void insert_config(CLI::App& command, std::vector<std::string>& arguments, size_t at) {
  constexpr std::string_view name = "--config", with_value = "--config=";
  std::vector<std::string> paths;
  for (size_t i = at; i < arguments.size(); ++i) {
    if (arguments[i] == name && i + 1 < arguments.size()) paths.push_back(arguments[i + 1]);
    if (arguments[i].starts_with(with_value)) paths.push_back(arguments[i].substr(with_value.size()));
  }
  if (paths.empty()) return;
  if (paths.size() > 1) throw Error("--config is given more than once: put all keys into one file");
  if (paths[0].empty()) throw empty_value("--config");
  const auto from_file = read_config(paths[0], command);
  arguments.insert(arguments.begin() + static_cast<ptrdiff_t>(at), from_file.begin(), from_file.end());
}

// --out= would take the next word for its value.
void refuse_empty_words(const std::vector<std::string>& words) {
  for (const std::string& word : words)
    if (word.starts_with("--") && word.find('=') == word.size() - 1)
      throw empty_value(word.substr(0, word.size() - 1));
}

void refuse_empty_values(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options())
    for (const std::string& value : option->results())
      if (value.empty())
        throw empty_value(option->get_lnames().empty() ? option->get_name(true)
                                                       : "--" + option->get_lnames()[0]);
}

// Help of its own for each command of a command, too: a hidden flag is not handed down.
void add_help(CLI::App& command) {
  command.set_help_flag("-h,--help", "this text")->group("");
  for (CLI::App* sub : command.get_subcommands([](CLI::App*) { return true; })) add_help(*sub);
}

[[noreturn]] void refuse(const CLI::App& command, const std::string& word) {
  if (word.starts_with("-"))
    throw Error(fmt::format("unknown option {}; did you mean {}? ({} --help)", word,
                            nearest_option(command, word.substr(0, word.find('='))), path_of(command)));
  std::vector<std::string> names;
  for (const CLI::App* sub : command.get_subcommands({})) names.push_back(sub->get_name());
  if (names.empty()) throw Error(fmt::format("unexpected argument {} ({} --help)", word, path_of(command)));
  throw Error(fmt::format("unknown command {}; did you mean {}? ({} --help)", word,
                          nearest(names, word, 1)[0], path_of(command)));
}

}  // namespace

int run_command(const std::vector<std::string>& arguments) {
  CLI::App program("Trains time-series classifiers with soft labels.", "mellow");
  const auto formatter = std::make_shared<Formatter>();
  formatter->column_width(34);
  program.formatter(formatter);
  program.footer("Each command has --help; all take --config FILE.toml with their long options as keys.");
  std::vector<std::pair<CLI::App*, Run>> declared;
  for (const Command& command : commands) {
    CLI::App* app = program.add_subcommand(command.name, command.summary);
    app->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)->always_capture_default();
    app->footer(std::string("Example: ") + command.example);
    declared.emplace_back(app, command.declare(*app));
    add_help(*app);
  }
  auto words = arguments;
  const auto [command, count] = named_command(program, words);
  command->allow_extras();
  std::string config;  // read by insert_config
  if (command->get_parent() != nullptr) {
    const CLI::Option* beside = command->get_option_no_throw("--threads");
    command->add_option("--config", config, "TOML file with the same keys as these options")
        ->type_name("FILE")
        ->group(beside != nullptr ? beside->get_group() : "Options");
  }
  insert_config(*command, words, count);
  refuse_empty_words(words);
  std::reverse(words.begin(), words.end());
  try {
    program.parse(words);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", help_of(*command));
    return 0;
  } catch (const CLI::ParseError& error) {
    throw Error(fmt::format("{} ({} --help)", error.what(), path_of(*command)));
  }
  refuse_empty_values(*command);
  if (const auto extra = command->remaining(); !extra.empty()) refuse(*command, extra[0]);
  if (!command->get_subcommands({}).empty()) {
    fmt::print(stderr, "{}", help_of(*command));
    throw Error(fmt::format("{} needs a command", path_of(*command)));
  }
  return run_given(declared, arguments);
}

int run_given(const std::vector<std::pair<CLI::App*, Run>>& commands,
              const std::vector<std::string>& arguments) {
  const auto given = std::find_if(commands.begin(), commands.end(),
                                  [](const auto& command) { return command.first->parsed(); });
  return given->second(arguments);
}

}  // namespace mellow::tools
