// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "mellow/engine/io/append_log.h"
#include "mellow/engine/io/directory_lock.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/engine/train/fit.h"
#include "mellow/tools/run_record.h"

// The files of one training, a contract that other programs read: docs/run-directory.md.
namespace mellow::tools {

// What to do when the folder already holds a run.
enum class Existing { refuse, resume, overwrite };

// Whether starting anew in `folder` would remove `input`: a file of its run, of a network of its ensemble or
// of its teacher, or the folder itself.
bool would_remove(const std::string& folder, const std::string& input);

class RunDirectory {
 public:
  // Makes the folder where needed, locks it and removes temporary files of processes that died.
  // `record` is the start of run.json; a run is resumed only when its options and data are the same. It is
  // finished when run.json says so and the files `results` are there.
  RunDirectory(const std::string& path, Existing existing, const Json& record,
               const std::vector<std::string>& results);

  std::string file(const std::string& name) const { return path_ + '/' + name; }
  const std::string& path() const { return path_; }
  bool resumed() const { return resume_; }
  // The run in the folder was complete: nothing is to be done.
  bool finished() const { return finished_; }

  // run.json, always whole: the record with this status. Of a finished run, what its file says.
  Json& record() { return record_; }
  void write_record(const std::string& status);
  // The record of a run that this error ended: interrupted, or failed and why.
  void write_end(const std::exception& error);

  // The last checkpoint when the run is resumed and there is one; throws when it is damaged.
  std::optional<NamedArrays> checkpoint() const;
  // With the place in metrics.csv, the seconds spent so far and a checksum in the metadata.
  void save_checkpoint(NamedArrays state, double seconds);

  // metrics.csv: starts with its header; goes on after the rows a checkpoint knows of.
  void open_metrics(const std::optional<NamedArrays>& checkpoint);
  void add_metrics(const EvaluationReport& report, double seconds);

 private:
  void check_same_run() const;

  std::string path_;
  std::optional<DirectoryLock> lock_;
  Json record_, previous_;
  bool resume_ = false, finished_ = false;
  std::optional<AppendLog> metrics_;
};

// The seconds of training that a checkpoint knows of.
double seconds_of(const NamedArrays& checkpoint);

}  // namespace mellow::tools
