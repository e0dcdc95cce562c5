// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mellow/engine/core/tensor.h"
#include "mellow/engine/nn/init.h"

namespace mellow {

// How an array lies in weight files, which follow PyTorch.
enum class FileLayout {
  same,
  conv_weight  // memory [out, width, in / groups], file [out, in / groups, width]
};

// What a module is made in and with.
struct ModuleOptions {
  Context* context;
  DType dtype = DType::f32;
  Framework framework = Framework::torch;
};

// A tree of named arrays. Parameters are learned, buffers are only saved. Names are joined by dots:
// "blocks.0.norm.weight". Not copyable: a copy is a second module and load_state(state_of(first)).
class Module {
 public:
  struct Named {
    std::string name;
    Tensor tensor;
    FileLayout layout = FileLayout::same;
    Init init;
  };

  // Throws without a context.
  explicit Module(const ModuleOptions& options);
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  Context& context() const { return *options_.context; }
  DType dtype() const { return options_.dtype; }
  const ModuleOptions& options() const { return options_; }

  // Training mode: batch statistics, dropout. Modules start in evaluation mode.
  void set_training(bool training);
  bool training() const { return training_; }

  std::vector<Named> parameters() const { return collect(&Module::parameters_); }
  std::vector<Named> buffers() const { return collect(&Module::buffers_); }
  int64_t parameter_count() const;

 protected:
  // Name, shape, start and registration in one line; the handle stays valid for the module's life.
  Tensor parameter(std::string name, const Shape& shape, const Init& init,
                   FileLayout layout = FileLayout::same);
  Tensor buffer(std::string name, const Shape& shape, double value);
  // A child of type M made with this module's options and the given arguments. No two parts of a module may
  // have one name.
  template <class M, class... Arguments>
  M& child(const std::string& name, Arguments&&... arguments) {
    auto made = std::make_unique<M>(options_, std::forward<Arguments>(arguments)...);
    M& reference = *made;
    adopt(name, std::move(made));
    return reference;
  }

 private:
  friend class FlatParameters;
  // All arrays of a tree in three, and the module whose tree that is: engine/nn/flat_parameters.h.
  struct Flat {
    const Module* root = nullptr;
    Tensor weights, gradients, buffers;
  };
  std::vector<Named> collect(std::vector<Named> Module::*list) const;
  void adopt(std::string name, std::unique_ptr<Module> made);
  void check_unused(const std::string& name) const;

  ModuleOptions options_;
  bool training_ = false;
  std::vector<Named> parameters_, buffers_;
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  Flat flat_;
};

// Training mode for the scope's life, evaluation mode afterwards, whatever ends it.
class TrainingScope {
 public:
  explicit TrainingScope(Module& module) : module_(module) { module.set_training(true); }
  ~TrainingScope() { module_.set_training(false); }
  TrainingScope(const TrainingScope&) = delete;
  TrainingScope& operator=(const TrainingScope&) = delete;

 private:
  Module& module_;
};

// Draws every parameter anew from (seed, its name, element number): independent of the order of construction,
// the same on every device. Buffers return to their start.
void initialize(Module& module, uint64_t seed);

}  // namespace mellow
