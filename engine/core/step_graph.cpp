// SPDX-License-Identifier: MIT
#include "mellow/engine/core/step_graph.h"

#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/internal/step_runner.h"

namespace mellow {
namespace {

class CallEachTime final : public internal::StepRunner {
 public:
  void run(const std::function<void()>& step) override { step(); }
};

}  // namespace

namespace internal {

std::unique_ptr<StepRunner> make_step_runner(Cpu&) { return std::make_unique<CallEachTime>(); }

}  // namespace internal

StepGraph::StepGraph(Context& context)
    : runner_(internal::on_device(context, [](auto& device) { return internal::make_step_runner(device); })) {
}

StepGraph::~StepGraph() = default;

void StepGraph::run(const std::function<void()>& step) { runner_->run(step); }

}  // namespace mellow
