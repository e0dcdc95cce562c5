// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mellow/engine/core/context.h"
#include "mellow/engine/nn/init.h"
#include "mellow/losses/method.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
class Option;
}  // namespace CLI

// Options that several commands share. Each struct has the defaults; add_…() declares the options that fill
// it.
namespace mellow::tools {

class Progress;

// --name a|b|c; anything else is an error that lists them.
CLI::Option* add_choice(CLI::App& command, const std::string& name, std::string& field,
                        const std::vector<std::string>& choices, const std::string& help);
// --name N, a whole number from `lowest` to `highest`, in decimal.
CLI::Option* add_count(CLI::App& command, const std::string& name, int64_t& field, int64_t lowest,
                       const std::string& help, int64_t highest = std::numeric_limits<int64_t>::max());
CLI::Option* add_threads(CLI::App& command, int64_t& field, const std::string& help);
CLI::Option* add_seed(CLI::App& command, uint64_t& field, const std::string& help);

struct DeviceOptions {
  std::string device = "auto", precision = "auto";
  int64_t threads = 0;
};
void add_device_options(CLI::App& command, DeviceOptions& options);
// Says what "auto" became and what is emulated. Throws for a device or precision that is not usable here.
std::unique_ptr<Context> make_context(const DeviceOptions& options, Progress& progress);
// What describe_devices() says of the context's device.
std::string device_description(const Context& context);

struct DataOptions {
  std::string folder, dataset, train, test;
};
void add_data_options(CLI::App& command, DataOptions& options);

struct EncoderOptions {
  std::string file;       // a trained encoder; empty: train one, or take it from the cache
  std::string cache;      // folder; empty: the user's
  bool no_cache = false;  // neither read nor write the cache
  int64_t iterations = 0, batch_size = 8;
  std::string normalisation = "ts2vec";  // or zscore: the classifier's input
};
void add_pretrain_options(CLI::App& command, EncoderOptions& options);
void add_encoder_options(CLI::App& command, EncoderOptions& options);  // those of pretraining, and more

// Throws when options of the encoder are given, which `method`, with its options, does not use.
void refuse_encoder_options(const EncoderOptions& options, const Method& method);

// The options of all methods, and of all models, each once; `given` gets those that were typed.
void add_method_options(CLI::App& command, std::map<std::string, std::string>& given);
void add_network_options(CLI::App& command, std::map<std::string, std::string>& given);
// resolve_options(); an option that this method lacks is an error that names the methods that have it.
MethodOptions checked_options(const Method& method, const std::string& model,
                              const std::map<std::string, std::string>& given);

Framework framework_named(const std::string& name);
const char* name_of(Framework framework);

}  // namespace mellow::tools
