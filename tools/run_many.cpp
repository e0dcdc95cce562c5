// SPDX-License-Identifier: MIT
#include "mellow/tools/run_many.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"

namespace mellow::tools {
namespace {

// The runs still to do and what became of the others, shared by the workers.
class Queue {
 public:
  Queue(const std::vector<PlannedRun>& plan, Progress& progress)
      : plan_(plan), progress_(progress), outcomes_(plan.size()) {}

  // The number of the next run; nothing when none is left.
  std::optional<size_t> next() {
    const size_t number = begun_++;
    return number < plan_.size() ? std::optional(number) : std::nullopt;
  }
  void done(size_t number, Outcome outcome) {
    const std::lock_guard lock(mutex_);
    const TrainOptions& o = plan_[number].options;
    ++finished_;
    trained_ += outcome.run && outcome.run->already ? 0 : 1;
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const auto to_do = static_cast<int64_t>(plan_.size() - finished_);
    const std::string left =  // runs that were finished before took no time
        trained_ == 0 ? "" : fmt::format("  {} left", time_left(spent, trained_, to_do));
    progress_.note(fmt::format("{}/{}  {} {} {} s{}: {}{}", finished_, plan_.size(), o.data.dataset, o.model,
                               o.method, o.seed, state_of(outcome), left));
    outcomes_[number] = std::move(outcome);
  }
  std::vector<Outcome> take() { return std::move(outcomes_); }

 private:
  static std::string state_of(const Outcome& outcome) {
    if (!outcome.run) return "failed: " + outcome.error;
    if (outcome.run->already) return "finished before";
    const RunSummary run = outcome.summary();
    return fmt::format(
        "accuracy {:.4f}{}", run.selected_scores().accuracy,
        run.undefined > 0 ? fmt::format(" ({} predictions are not numbers)", run.undefined) : "");
  }

  const std::vector<PlannedRun>& plan_;
  Progress& progress_;
  std::vector<Outcome> outcomes_;
  std::mutex mutex_;
  std::atomic<size_t> begun_ = 0;
  size_t finished_ = 0, trained_ = 0;  // trained: not finished before
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void work(Queue& queue, const std::vector<PlannedRun>& plan, int64_t threads, Interrupt& interrupt,
          const std::vector<std::string>& arguments) {
  Progress quiet(true);
  while (const auto number = queue.next()) {
    if (interrupt.requested()) return;
    PlannedRun run = plan[*number];
    run.options.device.threads = threads;
    try {
      queue.done(*number, outcome_of([&] { return run_one(run, quiet, interrupt, arguments); }));
    } catch (const Error&) {
      return;  // interrupted
    }
  }
}

}  // namespace

Outcome outcome_of(const std::function<FinishedRun()>& train) {
  try {
    Outcome outcome{train(), ""};
    outcome.summary();  // of a run that was there already: whether its record can be read
    return outcome;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) throw;
    return {std::nullopt, error.what()};
  } catch (const std::exception& error) {
    return {std::nullopt, error.what()};
  }
}

Shares shares_of(const DeviceOptions& device, int64_t runs, int64_t jobs) {
  const auto cores = static_cast<int64_t>(std::max(1u, std::thread::hardware_concurrency()));
  const bool cpu = device.device == "cpu" || !is_usable(Device::cuda);
  if (jobs == 0) jobs = cpu ? std::max<int64_t>(1, cores / std::max<int64_t>(1, device.threads)) : 1;
  jobs = std::min(jobs, runs);
  return {jobs, device.threads > 0 ? device.threads : std::max<int64_t>(1, cores / jobs)};
}

FinishedRun run_one(const PlannedRun& run, Progress& progress, Interrupt& interrupt,
                    const std::vector<std::string>& arguments) {
  const TrainOptions& o = run.options;
  const auto context = make_context(o.device, progress);
  const TrainingData data = open_training_data(o.data, parse_holdout(o.val), o.seed, progress);
  return run_training(
      {o, find_method(o.method), run.method_options, data, *context, progress, interrupt, arguments},
      run_folder(o, data.name), existing_run(o));
}

std::vector<Outcome> run_many(const std::vector<PlannedRun>& plan, int64_t jobs, Progress& progress,
                              Interrupt& interrupt, const std::vector<std::string>& arguments) {
  if (plan.empty()) return {};
  const Shares shares = shares_of(plan.front().options.device, static_cast<int64_t>(plan.size()), jobs);
  progress.note(fmt::format("{} trainings, {} at a time, {} CPU thread{} each", plan.size(), shares.jobs,
                            shares.threads, shares.threads == 1 ? "" : "s"));
  Queue queue(plan, progress);
  std::vector<std::thread> workers;
  for (int64_t i = 0; i < shares.jobs; ++i)
    workers.emplace_back([&] { work(queue, plan, shares.threads, interrupt, arguments); });
  for (std::thread& worker : workers) worker.join();
  if (interrupt.requested()) throw Error("interrupted", ErrorKind::cancelled);
  return queue.take();
}

}  // namespace mellow::tools
