// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mellow/data/series.h"
#include "mellow/engine/io/directory_lock.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/tools/options.h"

namespace mellow::tools {

class Progress;

// Of everything that changes a bit of the encoder: values, options, seed, device, precision, threads and the
// version of file format and training.
std::string pretraining_hash(const Context& context, const SeriesSet& stored, const EncoderOptions& options,
                             uint64_t seed);

// Trained encoders by what they were trained on and how: <folder>/<hash>.safetensors. Two processes may share
// a folder, files appear whole.
class EncoderCache {
 public:
  // An empty folder means $XDG_CACHE_HOME/mellow or ~/.cache/mellow.
  explicit EncoderCache(const std::string& folder);

  std::string path_for(const std::string& hash) const { return folder_ + '/' + hash + ".safetensors"; }
  // Held while the encoder of this path is trained, so that others wait and take it. Null where the folder
  // cannot be written: nothing is kept there then. Throws ErrorKind::cancelled when `stop` said so.
  std::unique_ptr<FileLock> lock(const std::string& path, const std::function<bool()>& stop) const;
  // False also when the file is damaged: it is then trained again and replaced.
  bool holds(const std::string& path) const;
  // A cache that cannot be written is told, and no reason to fail.
  void store(const std::string& path, const NamedArrays& encoder, Progress& progress) const;

 private:
  std::string folder_;
};

}  // namespace mellow::tools
