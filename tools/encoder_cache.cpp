// SPDX-License-Identifier: MIT
#include "mellow/tools/encoder_cache.h"

#include <filesystem>
#include <span>

#include <fmt/format.h>

#include "mellow/data/prepare.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/io/hash.h"
#include "mellow/engine/io/user_cache.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/wait_for_lock.h"

namespace mellow::tools {
namespace {

constexpr uint64_t cache_version = 1;  // one more whenever pretraining gives other weights

std::string user_folder() {
  if (std::string folder = user_cache_folder(); !folder.empty()) return folder;
  throw Error("no folder for trained encoders: give --cache DIR or --no-cache ($HOME is not set)");
}

}  // namespace

std::string pretraining_hash(const Context& context, const SeriesSet& stored, const EncoderOptions& options,
                             uint64_t seed) {
  Hasher hasher;
  hasher.update(cache_version).update(seed);
  for (const int64_t n :
       {stored.series, stored.length, stored.channels, options.iterations, options.batch_size,
        int64_t{context.threads()}, int64_t{options.normalisation == "ts2vec" && is_stored_raw(stored.name)}})
    hasher.update(static_cast<uint64_t>(n));
  const std::string words =
      options.normalisation + '/' + name_of(context.precision()) + '/' + device_description(context);
  hasher.update(uint64_t{words.size()}).update(words);
  hasher.update(std::as_bytes(std::span(stored.values)));
  return hasher.hex();
}

EncoderCache::EncoderCache(const std::string& folder) : folder_(folder.empty() ? user_folder() : folder) {}

std::unique_ptr<FileLock> EncoderCache::lock(const std::string& path,
                                             const std::function<bool()>& stop) const {
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  std::unique_ptr<FileLock> lock;
  try {
    lock = wait_for_lock(path + ".lock", stop);
  } catch (const Error&) {
    return nullptr;
  }
  if (lock == nullptr) throw Error("interrupted while waiting for an encoder", ErrorKind::cancelled);
  return lock;
}

bool EncoderCache::holds(const std::string& path) const {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return false;
  try {
    verify_checksum(read_safetensors(path), path);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void EncoderCache::store(const std::string& path, const NamedArrays& encoder, Progress& progress) const {
  try {
    make_folder(folder_);
    sweep_stale_temps(folder_);
    write_safetensors(path, encoder);
  } catch (const Error& error) {
    progress.note(fmt::format("the encoder is not kept for later runs: {}", error.what()));
  }
}

}  // namespace mellow::tools
