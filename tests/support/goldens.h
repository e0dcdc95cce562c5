// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mellow/engine/io/safetensors.h"
#include "mellow/engine/nn/module.h"
#include "mellow/engine/nn/state.h"
#include "mellow/tests/support/places.h"

// PyTorch's answers, stored (tests/goldens/README.md).
namespace mellow::test {

class Goldens {
 public:
  explicit Goldens(const std::string& name)
      : file_(read_safetensors(source_dir() + "/tests/goldens/" + name + ".safetensors")) {}

  const Shape& shape(const std::string& name) const { return file_.at(name).shape; }

  template <class T = float>
  std::vector<T> values(const std::string& name) const {
    HostArray flat = file_.at(name);
    flat.shape = {flat.shape.count()};
    return host_values<T>(flat, name);
  }
  // Series stored as [batch, channels, length] → channels-last.
  Tensor series(Context& context, const std::string& name) const {
    const Shape s = shape(name);
    const auto stored = values(name);
    std::vector<float> turned(stored.size());
    for (int64_t b = 0; b < s[0]; ++b)
      for (int64_t c = 0; c < s[1]; ++c)
        for (int64_t t = 0; t < s[2]; ++t)
          turned[static_cast<size_t>((b * s[2] + t) * s[1] + c)] =
              stored[static_cast<size_t>((b * s[1] + c) * s[2] + t)];
    return Tensor::from(context, {s[0], s[2], s[1]}, turned);
  }
  std::vector<int32_t> labels(const std::string& name) const {
    const auto stored = values<int64_t>(name);
    return {stored.begin(), stored.end()};
  }
  // All arrays whose name starts with the prefix, without it: a module's state.
  NamedArrays state(const std::string& prefix) const {
    NamedArrays state;
    for (const auto& [name, array] : file_.arrays)
      if (name.starts_with(prefix)) state.arrays.emplace_back(name.substr(prefix.size()), array);
    return state;
  }
  // The strings of a note that is a JSON list of names.
  std::vector<std::string> names(const std::string& name) const {
    std::vector<std::string> list;
    std::istringstream in(note(name));
    for (std::string between, word; std::getline(in, between, '"') && std::getline(in, word, '"');)
      list.push_back(word);
    return list;
  }
  const std::string& note(const std::string& name) const { return file_.metadata.at(name); }

 private:
  NamedArrays file_;
};

// Every element within `tolerance` of the largest expected magnitude (at least 1e-3: gradients can be tiny).
inline void check_golden(const std::vector<float>& got, const std::vector<float>& expected, double tolerance,
                         const std::string& what) {
  REQUIRE(got.size() == expected.size());
  double largest = 1e-3;
  for (const float e : expected) largest = std::max(largest, std::abs(static_cast<double>(e)));
  for (size_t i = 0; i < got.size(); ++i) {
    INFO(what, ", element ", i, ": ", got[i], " should be ", expected[i]);
    REQUIRE(std::abs(static_cast<double>(got[i]) - expected[i]) <= tolerance * largest);
  }
}

// The stored closed form: element i of parameter n, h = its name's length, is scale · cos(0.37 i + h) (+ 1
// for norms). `bend` adds bend · i² to the phase (golden_file.py says why).
inline NamedArrays closed_form_state(const Module& module, double bend = 0) {
  NamedArrays state = state_of(module);
  for (const auto& entry : module.parameters()) {
    for (auto& [name, array] : state.arrays) {
      if (name != entry.name) continue;
      std::vector<float> values(static_cast<size_t>(array.shape.count()));
      const bool bias = name.ends_with("bias"), norm = array.shape.rank() == 1 && !bias;
      double fan_in = 1;
      for (int d = 1; d < array.shape.rank(); ++d) fan_in *= static_cast<double>(array.shape[d]);
      const double scale = norm ? 0.1 : bias ? 0.01 : 0.1 / std::sqrt(fan_in);
      for (size_t k = 0; k < values.size(); ++k) {
        const double i = static_cast<double>(k);
        const double phase = 0.37 * i + bend * i * i + static_cast<double>(name.size());
        values[k] = static_cast<float>((norm ? 1 : 0) + scale * std::cos(phase));
      }
      std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
    }
  }
  return state;
}

}  // namespace mellow::test
