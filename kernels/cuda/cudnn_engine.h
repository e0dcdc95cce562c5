// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mellow/kernels/cuda/cudnn_descriptor.h"
#include "mellow/kernels/cuda/cudnn_plan.h"

namespace mellow::cuda {

// The device that plans are for: a handle's, or in tests one that is only described.
class PlanDevice {
 public:
  explicit PlanDevice(std::string name) : name_(std::move(name)) {}
  virtual ~PlanDevice() = default;
  const std::string& name() const { return name_; }
  // Sets what a descriptor of this type must know of the device.
  virtual void tell(Descriptor& of, cudnnBackendDescriptorType_t type) const = 0;

 private:
  std::string name_;
};

// Which of the three operands a variant pack means.
enum ConvOperand : int64_t { operand_x = 1, operand_w = 2, operand_y = 3 };

// Keeps the descriptors the plan was made of.
class CudnnPlan {
 public:
  CudnnPlan(Descriptor plan, std::vector<Descriptor> made_of, size_t workspace)
      : made_of_(std::move(made_of)), plan_(std::move(plan)), workspace_(workspace) {}
  const Descriptor& descriptor() const { return plan_; }
  size_t workspace() const { return workspace_; }  // bytes

 private:
  std::vector<Descriptor> made_of_;
  Descriptor plan_;
  size_t workspace_;
};

// The plan for a key as plan_for() describes it; nullptr when there is none. The heuristics take 8 to 20 ms
// to answer, and pretraining meets another length with every crop: they are asked once for all batches and
// lengths up to the same power of two, and their engine is set up for each, which takes a hundredth of that.
std::unique_ptr<CudnnPlan> make_plan(const PlanDevice& device, const ConvKey& key, bool strict);

}  // namespace mellow::cuda
