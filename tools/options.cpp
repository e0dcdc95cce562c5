// SPDX-License-Identifier: MIT
#include "mellow/tools/options.h"

#include <algorithm>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/parse_number.h"
#include "mellow/models/make_model.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/wrap.h"

namespace mellow::tools {
namespace {

constexpr int64_t most_threads = 4096;  // beyond any machine's cores

Precision precision_for(const std::string& wanted, Device device) {
  if (wanted == "auto") return device == Device::cuda ? Precision::tf32 : Precision::fp32;
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16})
    if (wanted == name_of(precision)) return precision;
  return Precision::bf16x3;
}

// The entry of describe_devices() that is used: the first usable one of the device.
DeviceReport report_of(Device device) {
  std::string why;
  for (const DeviceReport& report : describe_devices(device)) {
    if (report.usable) return report;
    why += (why.empty() ? "" : "; ") + report.description;
  }
  throw Error(
      fmt::format("--device {} is not usable here: {}. Use --device cpu or auto", name_of(device), why),
      ErrorKind::unsupported);
}

// Options that help only names, above the rest of the footer.
void name_in_footer(CLI::App& command, const std::string& title, const std::string& names) {
  command.footer(wrapped(title + ":" + names, 0, 2) + "\n" + command.get_footer());
}

// The options of methods or models, each once, named together in the footer.
template <class Owner>
void add_options_of(CLI::App& command, const std::vector<Owner>& owners, const char* title,
                    std::map<std::string, std::string>& given) {
  std::string names;
  for (const Owner& owner : owners)
    for (const auto& option : owner.options) {
      const std::string name = "--" + option.name;
      if (command.get_option_no_throw(name) != nullptr) continue;
      command
          .add_option_function<std::string>(
              name, [&given, key = option.name](const std::string& typed) { given[key] = typed; },
              option.help)
          ->group("");
      names += " " + name;
    }
  name_in_footer(command, title, names);
}

// Checks a whole number and hands it on in plain digits: the library would read 010 as octal, and cut what is
// too large.
template <class T>
CLI::Validator whole_from(T lowest, T highest) {
  return CLI::Validator(
      [lowest, highest](std::string& typed) {
        const auto value = parse_number<T>(typed);
        if (!value || *value < lowest || *value > highest)
          return fmt::format("must be a whole number of at least {} and at most {}; got {}", lowest, highest,
                             typed);
        typed = std::to_string(*value);
        return std::string();
      },
      "");
}

}  // namespace

CLI::Option* add_choice(CLI::App& command, const std::string& name, std::string& field,
                        const std::vector<std::string>& choices, const std::string& help) {
  const std::string all = fmt::format("{}", fmt::join(choices, ", "));
  return command.add_option(name, field, fmt::format("{}: {}", help, all))
      ->type_name("WORD")
      ->check([choices, all](const std::string& typed) {
        if (std::find(choices.begin(), choices.end(), typed) != choices.end()) return std::string();
        return fmt::format("is one of {}; got {}", all, typed);
      });
}

CLI::Option* add_count(CLI::App& command, const std::string& name, int64_t& field, int64_t lowest,
                       const std::string& help, int64_t highest) {
  return command.add_option(name, field, help)->type_name("N")->transform(whole_from(lowest, highest));
}

CLI::Option* add_threads(CLI::App& command, int64_t& field, const std::string& help) {
  return add_count(command, "--threads", field, 0, help, most_threads);
}

CLI::Option* add_seed(CLI::App& command, uint64_t& field, const std::string& help) {
  return command.add_option("--seed", field, help)
      ->type_name("N")
      ->transform(whole_from<uint64_t>(0, std::numeric_limits<uint64_t>::max()));
}

void add_device_options(CLI::App& command, DeviceOptions& options) {
  add_choice(command, "--device", options.device, {"auto", "cpu", "cuda"}, "where to compute")
      ->group("Device");
  add_choice(command, "--precision", options.precision, {"auto", "fp32", "tf32", "bf16", "bf16x3"},
             "auto is fp32 (CPU) or tf32 (CUDA)")
      ->group("Device");
  add_threads(command, options.threads, "CPU threads; 0: one per core")->group("Device");
}

std::unique_ptr<Context> make_context(const DeviceOptions& options, Progress& progress) {
  ContextOptions wanted;
  const bool automatic = options.device == "auto";
  wanted.device =
      options.device == "cuda" || (automatic && is_usable(Device::cuda)) ? Device::cuda : Device::cpu;
  wanted.precision = precision_for(options.precision, wanted.device);
  wanted.threads = static_cast<int>(options.threads);
  const DeviceReport report = report_of(wanted.device);
  if (automatic && wanted.device == Device::cpu)
    progress.note("computing on the CPU: " + describe_devices(Device::cuda).at(0).description);
  for (const PrecisionReport& known : report.precisions) {
    if (known.precision != wanted.precision) continue;
    if (!known.usable)
      throw Error(fmt::format("--precision {} is not usable on {}: {}", options.precision,
                              name_of(wanted.device), known.note),
                  ErrorKind::unsupported);
    if (!known.note.empty()) progress.note(fmt::format("{}: {}", name_of(known.precision), known.note));
  }
  return std::make_unique<Context>(wanted);
}

std::string device_description(const Context& context) { return report_of(context.device()).description; }

void add_data_options(CLI::App& command, DataOptions& options) {
  if (const char* folder = std::getenv("MELLOW_DATA")) options.folder = folder;
  command.add_option("--data", options.folder, "folder of datasets; also $MELLOW_DATA")
      ->type_name("DIR")
      ->group("Data");
  command.add_option("--dataset", options.dataset, "name of a dataset in it, as GunPoint")
      ->type_name("NAME")
      ->group("Data");
  command
      .add_option("--train", options.train,
                  "or: a file to train on, and --test FILE (.tsv .ts .arff .txt .csv)")
      ->type_name("FILE")
      ->group("Data");
  command.add_option("--test", options.test, "and the file to test on")->type_name("FILE")->group("");
}

void add_pretrain_options(CLI::App& command, EncoderOptions& options) {
  add_count(command, "--pretrain-iterations", options.iterations, 0,
            "0: 200 up to 100 000 values in the training set, else 600")
      ->group("Encoder");
  add_count(command, "--pretrain-batch", options.batch_size, 1, "series per pretraining step")
      ->group("Encoder");
  add_choice(command, "--enc-norm", options.normalisation, {"ts2vec", "zscore"},
             "its own rule, or as the classifier")
      ->group("Encoder");
}

void add_encoder_options(CLI::App& command, EncoderOptions& options) {
  command.add_option("--encoder", options.file, "trained by mellow pretrain, instead of pretraining")
      ->type_name("FILE")
      ->group("Encoder");
  add_pretrain_options(command, options);
  command.add_option("--cache", options.cache, "trained encoders; default ~/.cache/mellow")->type_name("DIR");
  command.add_flag("--no-cache", options.no_cache, "always pretrain, keep nothing");
  std::string names;
  for (const char* name :
       {"--pretrain-iterations", "--pretrain-batch", "--enc-norm", "--cache", "--no-cache"}) {
    command.get_option(name)->group("");
    names += std::string(" ") + name;
  }
  name_in_footer(command, "Of mellow pretrain", names);
}

void refuse_encoder_options(const EncoderOptions& o, const Method& method) {
  const EncoderOptions none;
  const std::pair<const char*, bool> given[] = {{"--encoder", !o.file.empty()},
                                                {"--pretrain-iterations", o.iterations != none.iterations},
                                                {"--pretrain-batch", o.batch_size != none.batch_size},
                                                {"--enc-norm", o.normalisation != none.normalisation},
                                                {"--cache", !o.cache.empty()},
                                                {"--no-cache", o.no_cache}};
  for (const auto& [option, is_given] : given)
    if (is_given)
      throw Error(
          fmt::format("{} has no effect: method {} with these options uses no encoder", option, method.name));
}

void add_method_options(CLI::App& command, std::map<std::string, std::string>& given) {
  add_options_of(command, methods(), "Of methods (mellow train --list-methods)", given);
}

void add_network_options(CLI::App& command, std::map<std::string, std::string>& given) {
  add_options_of(command, model_entries(), "Of models (mellow train --list-models)", given);
}

MethodOptions checked_options(const Method& method, const std::string& model,
                              const std::map<std::string, std::string>& given) {
  for (const auto& [name, typed] : given) {
    const auto has = [&wanted = name](const Method& m) {
      return std::any_of(m.options.begin(), m.options.end(),
                         [&](const MethodOption& option) { return option.name == wanted; });
    };
    if (has(method)) continue;
    std::vector<std::string> others;
    for (const Method& other : methods())
      if (has(other)) others.push_back(other.name);
    throw Error(fmt::format("method {} has no option --{}; methods that have it: {}", method.name, name,
                            fmt::join(others, ", ")));
  }
  return resolve_options(method, model, given);
}

Framework framework_named(const std::string& name) {
  return name == "keras" ? Framework::keras : Framework::torch;
}

const char* name_of(Framework framework) { return framework == Framework::keras ? "keras" : "torch"; }

}  // namespace mellow::tools
