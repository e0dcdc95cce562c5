// SPDX-License-Identifier: MIT
#include "mellow/tools/study/ils_synthetic.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "mellow/engine/core/context.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/study/synthetic_replicate.h"
#include "mellow/tools/study/synthetic_report.h"
#include "mellow/tools/study/synthetic_store.h"

namespace mellow::tools {
namespace {

struct Job {
  int64_t replicate;
  size_t rate;  // index
  std::string path;
};

// Jobs dealt out to threads. Each result goes to its file and its place, so order does not matter.
class Workers {
 public:
  Workers(const IlsSyntheticOptions& options, std::vector<Job> jobs, std::vector<RateResults>& results)
      : options_(options), jobs_(std::move(jobs)), results_(results) {}

  // Blocks until all jobs are done, the first error, or `interrupt`; rethrows the error.
  void run(size_t threads, const Interrupt& interrupt, Progress& progress) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> pool;
    for (size_t i = 0; i < std::min(threads, jobs_.size()); ++i) pool.emplace_back([this] { work(); });
    {
      std::unique_lock lock(mutex_);
      while (idle_ < pool.size()) {
        changed_.wait_for(lock, std::chrono::milliseconds(100));
        if (interrupt.requested()) stop_ = true;
        if (!progress.due()) continue;
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
        const auto done = static_cast<int64_t>(done_), left = static_cast<int64_t>(jobs_.size() - done_);
        progress.show(fmt::format("{} of {} replicates, {} spent, {} left", done_, jobs_.size(),
                                  duration_text(spent.count()),
                                  done_ == 0 ? "?" : time_left(spent.count(), done, left)));
      }
    }
    for (std::thread& thread : pool) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work() {
    try {
      for (size_t i = next_++; i < jobs_.size() && !stop_; i = next_++) {
        const Job& job = jobs_[i];
        auto result = run_replicate(options_.seed, job.replicate, options_.rates[job.rate],
                                    [this] { return stop_.load(); });
        write_replicate(job.path, result);
        results_[job.rate].replicates[static_cast<size_t>(job.replicate)] = std::move(result);
        const std::scoped_lock lock(mutex_);
        ++done_;
      }
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stop_ = true;
    }
    const std::scoped_lock lock(mutex_);
    ++idle_;
    changed_.notify_one();
  }

  const IlsSyntheticOptions& options_;
  const std::vector<Job> jobs_;
  std::vector<RateResults>& results_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  size_t done_ = 0, idle_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

int run_ils_synthetic(const IlsSyntheticOptions& o) {
  std::vector<RateResults> results;
  for (const double lr : o.rates)
    results.push_back({lr, std::vector<ReplicateResult>(static_cast<size_t>(o.replicates))});
  std::vector<Job> jobs;
  for (int64_t r = 0; r < o.replicates; ++r)
    for (size_t i = 0; i < o.rates.size(); ++i) {
      const std::string path = replicate_path(o.out, o.seed, o.rates[i], r);
      if (auto stored = read_replicate(path))
        results[i].replicates[static_cast<size_t>(r)] = std::move(*stored);
      else
        jobs.push_back({r, i, path});
    }
  Progress progress(o.quiet);
  const size_t stored = o.rates.size() * static_cast<size_t>(o.replicates) - jobs.size();
  if (stored > 0) progress.note(fmt::format("{} replicates are in {} already", stored, o.out));
  Interrupt interrupt;
  const auto threads =
      static_cast<size_t>(o.threads > 0 ? o.threads : Context({.device = Device::cpu}).threads());
  try {
    Workers(o, std::move(jobs), results).run(threads, interrupt, progress);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
  }
  if (interrupt.requested()) {
    fmt::print(stderr, "interrupted; the same command goes on from the replicates in {}\n", o.out);
    return interrupt.exit_code();
  }
  write_file_atomically(o.out + "/ils-synthetic.csv", study_csv(results));
  write_file_atomically(o.out + "/best-curve.csv", curve_csv(results));
  for (const RateResults& rate : results)
    fmt::print(
        "\nlearning rate {}, {} replicates, seed {}: mean ± standard error / published (* differs)\n\n{}",
        rate.lr, o.replicates, o.seed, study_table(rate));
  return 0;
}

}  // namespace mellow::tools
