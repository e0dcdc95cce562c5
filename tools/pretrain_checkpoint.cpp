// SPDX-License-Identifier: MIT
#include "mellow/tools/pretrain_checkpoint.h"

#include <filesystem>

#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/tools/progress.h"

namespace mellow::tools {
namespace {

namespace fs = std::filesystem;

constexpr auto interval = std::chrono::minutes(1);
constexpr const char* training_key = "training";

}  // namespace

PretrainCheckpoint::PretrainCheckpoint(std::string path, std::string training, Progress& progress)
    : path_(std::move(path)),
      training_(std::move(training)),
      progress_(progress),
      saved_at_(std::chrono::steady_clock::now()) {}

void PretrainCheckpoint::load(Pretrainer& pretrainer) {
  std::error_code ignored;
  if (path_.empty() || !fs::exists(path_, ignored)) return;
  try {
    const NamedArrays state = read_safetensors(path_);
    const auto training = state.metadata.find(training_key);
    if (training == state.metadata.end() || training->second != training_) return;
    verify_checksum(state, path_);
    pretrainer.load(state, path_);
    progress_.note(fmt::format("pretraining goes on after iteration {}", pretrainer.iteration()));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::input && error.kind() != ErrorKind::io) throw;
    progress_.note(fmt::format("pretraining starts anew: {}", error.what()));
  }
}

void PretrainCheckpoint::save_when_due(const Pretrainer& pretrainer) {
  if (std::chrono::steady_clock::now() - saved_at_ > interval) save(pretrainer);
}

bool PretrainCheckpoint::save(const Pretrainer& pretrainer) {
  if (path_.empty()) return false;
  saved_at_ = std::chrono::steady_clock::now();
  try {
    NamedArrays state = pretrainer.save();
    state.metadata = {{"format_version", "1"}, {training_key, training_}};
    store_checksum(state);
    write_safetensors(path_, state);
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    progress_.note(fmt::format("this pretraining cannot be resumed: {}", error.what()));
    path_.clear();
    return false;
  }
}

void PretrainCheckpoint::remove() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove(path_, ignored);
}

}  // namespace mellow::tools
