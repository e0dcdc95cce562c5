// SPDX-License-Identifier: MIT
#include "mellow/engine/nn/module.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mellow/engine/core/random.h"

namespace mellow {
namespace {

// FNV-1a: spreads parameter names over the draw numbers of the init stream.
uint64_t number_of(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash & 0xffffffffffffu;  // the draw's 48 bits
}

double draw_from(const Init& init, const RandomWords& words) {
  const double u = uniform_from(words[0], words[1]);
  if (init.deviation == 0) return init.low + (init.high - init.low) * u;
  // Box and Muller 1958; 1 - u is never 0.
  const double angle = 2 * std::numbers::pi * uniform_from(words[2], words[3]);
  return init.deviation * std::sqrt(-2 * std::log(1 - u)) * std::cos(angle);
}

void fill_from(const Module::Named& entry, uint64_t seed) {
  std::vector<double> values(static_cast<size_t>(entry.tensor.count()));
  const uint64_t draw = number_of(entry.name);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = draw_from(entry.init, random_words(seed, RandomStream::init, draw, i));
  if (entry.init.finish) entry.init.finish(values);
  if (entry.tensor.dtype() == DType::f64) {
    entry.tensor.copy_from(std::as_bytes(std::span(values)));
  } else {
    const std::vector<float> narrow(values.begin(), values.end());
    entry.tensor.copy_from(std::as_bytes(std::span(narrow)));
  }
}

}  // namespace

Module::Module(const ModuleOptions& options) : options_(options) {
  MELLOW_CHECK(options.context != nullptr,
               "[module] a network is made in a context: set ModuleOptions::context, got none");
}

void Module::set_training(bool training) {
  training_ = training;
  for (const auto& [name, made] : children_) made->set_training(training);
}

int64_t Module::parameter_count() const {
  int64_t count = 0;
  for (const Named& p : parameters()) count += p.tensor.count();
  return count;
}

Tensor Module::parameter(std::string name, const Shape& shape, const Init& init, FileLayout layout) {
  check_unused(name);
  Tensor tensor = Tensor::zeros(context(), shape, dtype());
  tensor.set_requires_grad();
  parameters_.push_back({std::move(name), tensor, layout, init});
  return tensor;
}

Tensor Module::buffer(std::string name, const Shape& shape, double value) {
  check_unused(name);
  Tensor tensor = Tensor::zeros(context(), shape, dtype());
  buffers_.push_back({std::move(name), tensor, FileLayout::same, constant(value)});
  fill_from(buffers_.back(), 0);
  return tensor;
}

void Module::adopt(std::string name, std::unique_ptr<Module> made) {
  check_unused(name);
  children_.emplace_back(std::move(name), std::move(made));
}

// Weight files know arrays by name alone.
void Module::check_unused(const std::string& name) const {
  const auto is_it = [&](const Named& entry) { return entry.name == name; };
  const bool used =
      std::any_of(parameters_.begin(), parameters_.end(), is_it) ||
      std::any_of(buffers_.begin(), buffers_.end(), is_it) ||
      std::any_of(children_.begin(), children_.end(), [&](const auto& child) { return child.first == name; });
  MELLOW_CHECK(!used, "[module] two parts are named ", name, ": give the second another name");
}

std::vector<Module::Named> Module::collect(std::vector<Named> Module::*list) const {
  std::vector<Named> all = this->*list;
  for (const auto& [name, made] : children_)
    for (Named& below : made->collect(list)) {
      below.name = name + "." + below.name;
      all.push_back(std::move(below));
    }
  return all;
}

void initialize(Module& module, uint64_t seed) {
  for (const Module::Named& entry : module.parameters()) fill_from(entry, seed);
  for (const Module::Named& entry : module.buffers()) fill_from(entry, seed);
}

}  // namespace mellow
