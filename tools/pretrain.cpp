// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/data/readers.h"
#include "mellow/engine/core/error.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/dataset.h"
#include "mellow/tools/encoder.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"

namespace mellow::tools {
namespace {

struct PretrainCommand {
  DataOptions data;
  DeviceOptions device;
  EncoderOptions encoder;
  uint64_t seed = 0;
  std::string out = "encoder.safetensors";
  bool quiet = false;
};

int pretrain(PretrainCommand o) {
  o.encoder.no_cache = true;  // asked for by name, so it is done
  Progress progress(o.quiet);
  const auto context = make_context(o.device, progress);
  const TrainingData data = open_training_data(o.data, 0, o.seed, progress);
  Interrupt interrupt;
  try {
    const Encoder encoder = obtain_encoder(*context, data.stored, o.encoder, o.seed, progress,
                                           [&] { return interrupt.requested(); });
    write_safetensors(o.out, pack(encoder));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    fmt::print(stderr, "interrupted; nothing was written\n");
    return interrupt.exit_code();
  }
  fmt::print("{}\n", o.out);
  return 0;
}

}  // namespace

Run pretrain_command(CLI::App& command) {
  const auto o = std::make_shared<PretrainCommand>();
  add_data_options(command, o->data);
  add_pretrain_options(command, o->encoder);
  command.add_option("--seed", o->seed, "drives start, crops, masks and order")
      ->type_name("N")
      ->group("Encoder");
  command.add_option("--out", o->out, "where the encoder goes")->type_name("FILE");
  command.add_flag("--quiet", o->quiet, "no progress on stderr");
  add_device_options(command, o->device);
  return [o](const auto&) { return pretrain(*o); };
}

}  // namespace mellow::tools
