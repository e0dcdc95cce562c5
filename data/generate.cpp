// SPDX-License-Identifier: MIT
#include "mellow/data/generate.h"

#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/random.h"

namespace mellow {

namespace {

enum class Source : uint64_t { cbf, two_patterns, synthetic_control, mixture };

// The random numbers of one series, in order.
class Draws {
 public:
  // Counter layout: 8 bits source, 8 bits part, 32 bits series.
  Draws(uint64_t seed, Source source, uint32_t part, int64_t series)
      : seed_(seed),
        draw_((static_cast<uint64_t>(source) << 40) | (uint64_t{part} << 32) |
              static_cast<uint64_t>(series)) {}

  double uniform(double low, double high) {
    const RandomWords w = next();
    return low + (high - low) * uniform_from(w[0], w[1]);
  }
  // Integer in [low, high].
  int64_t integer(int64_t low, int64_t high) {
    const RandomWords w = next();
    return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low + 1), w[0], w[1]));
  }
  // N(0, 1), by Box and Muller; 1 - u keeps the logarithm finite.
  double normal() {
    const RandomWords w = next();
    const double radius = std::sqrt(-2 * std::log(1 - uniform_from(w[0], w[1])));
    return radius * std::cos(2 * std::numbers::pi * uniform_from(w[2], w[3]));
  }

 private:
  RandomWords next() { return random_words(seed_, RandomStream::generate, draw_, index_++); }

  uint64_t seed_, draw_, index_ = 0;
};

SeriesSet empty_set(std::string name, int64_t series, int64_t length, int classes) {
  SeriesSet set;
  set.name = std::move(name);
  set.series = series;
  set.length = length;
  set.channels = 1;
  set.values.resize(static_cast<size_t>(series * length));
  set.lengths.assign(static_cast<size_t>(series), static_cast<int32_t>(length));
  for (int k = 1; k <= classes; ++k) set.class_names.push_back(std::to_string(k));
  for (int64_t i = 0; i < series; ++i) set.labels.push_back(static_cast<int32_t>(i % classes));
  return set;
}

// Fills both splits: one(draws, class, row) writes one series.
template <class One>
SplitPair generate_splits(uint64_t seed, Source source, SeriesSet train, SeriesSet test, One one) {
  SplitPair pair{std::move(train), std::move(test), false};
  uint32_t part = 0;
  for (SeriesSet* set : {&pair.train, &pair.test}) {
    for (int64_t i = 0; i < set->series; ++i) {
      Draws draws(seed, source, part, i);
      one(draws, set->labels[static_cast<size_t>(i)], set->row(i));
    }
    ++part;
  }
  return pair;
}

void one_cbf(Draws& draws, int32_t kind, std::span<float> row) {
  const int64_t a = draws.integer(16, 32);
  const int64_t b = a + draws.integer(32, 96);
  const double height = 6 + draws.normal();
  for (int64_t t = 1; t <= static_cast<int64_t>(row.size()); ++t) {
    const double rise = static_cast<double>(t - a) / static_cast<double>(b - a);
    const double form = kind == 0 ? 1 : kind == 1 ? rise : 1 - rise;
    const double inside = t >= a && t <= b ? 1 : 0;
    row[static_cast<size_t>(t - 1)] = static_cast<float>(height * form * inside + draws.normal());
  }
}

void one_two_patterns(Draws& draws, int32_t kind, std::span<float> row) {
  const auto half = static_cast<int64_t>(row.size()) / 2;
  for (float& v : row) v = static_cast<float>(draws.normal());
  for (int64_t pattern = 0; pattern < 2; ++pattern) {
    const int64_t length = draws.integer(16, 40);
    const int64_t start = pattern * half + draws.integer(0, half - length);
    const bool up = pattern == 0 ? kind == 1 || kind == 3 : kind >= 2;
    for (int64_t t = 0; t < length; ++t) {
      const bool second = t >= length / 2;
      row[static_cast<size_t>(start + t)] = second == up ? 5.0f : -5.0f;
    }
  }
}

void one_control_chart(Draws& draws, int32_t kind, std::span<float> row) {
  const double amplitude = draws.uniform(10, 15), period = draws.uniform(10, 15);
  const double gradient = draws.uniform(0.2, 0.5);
  const double shift = draws.uniform(7.5, 20), shift_step = draws.uniform(20, 40);
  for (size_t i = 0; i < row.size(); ++i) {
    const double t = static_cast<double>(i + 1);
    const std::array<double, 6> form = {0,
                                        amplitude * std::sin(2 * std::numbers::pi * t / period),
                                        gradient * t,
                                        -gradient * t,
                                        t >= shift_step ? shift : 0,
                                        t >= shift_step ? -shift : 0};
    row[i] = static_cast<float>(30 + 2 * draws.uniform(-3, 3) + form[static_cast<size_t>(kind)]);
  }
}

constexpr size_t mixture_classes = 3;
constexpr double sparse_share = 0.2;
constexpr double mixture_means[mixture_classes][2][2] = {
    {{-4, 1}, {2, 1}}, {{-4, -1}, {2, -1}}, {{-1, 0}, {5, 0}}};  // [class][dense, sparse][feature]

}  // namespace

SplitPair generate_cbf(uint64_t seed) {
  return generate_splits(seed, Source::cbf, empty_set("CBF", 30, 128, 3), empty_set("CBF", 900, 128, 3),
                         one_cbf);
}

SplitPair generate_two_patterns(uint64_t seed) {
  return generate_splits(seed, Source::two_patterns, empty_set("TwoPatterns", 1000, 128, 4),
                         empty_set("TwoPatterns", 4000, 128, 4), one_two_patterns);
}

SplitPair generate_synthetic_control(uint64_t seed) {
  return generate_splits(seed, Source::synthetic_control, empty_set("SyntheticControl", 300, 60, 6),
                         empty_set("SyntheticControl", 300, 60, 6), one_control_chart);
}

Mixture generate_mixture(uint64_t seed, uint32_t part, int64_t per_class) {
  MELLOW_CHECK(per_class > 0, "[generate] the mixture needs at least 1 instance per class, got ", per_class);
  MELLOW_CHECK(part < 256, "[generate] part must be below 256, got ", part);
  Mixture out{empty_set("Mixture", 3 * per_class, 2, 3), {}};
  for (int64_t i = 0; i < out.set.series; ++i) {
    Draws draws(seed, Source::mixture, part, i);
    const bool sparse = draws.uniform(0, 1) < sparse_share;
    const auto& mean = mixture_means[out.set.labels[static_cast<size_t>(i)]][sparse];
    for (size_t f = 0; f < 2; ++f) out.set.row(i)[f] = static_cast<float>(mean[f] + draws.normal());
    out.sparse.push_back(sparse);
  }
  return out;
}

std::vector<double> mixture_posterior(std::span<const float> x) {
  MELLOW_CHECK(x.size() % 2 == 0, "[generate] the mixture has two features, got ", x.size(), " values");
  std::vector<double> p(x.size() / 2 * mixture_classes);
  for (size_t i = 0; i < x.size() / 2; ++i) {
    double* row = p.data() + i * mixture_classes;
    double total = 0;
    for (size_t c = 0; c < mixture_classes; ++c) {
      for (size_t sparse : {0, 1}) {
        const auto& mean = mixture_means[c][sparse];
        const double a = static_cast<double>(x[2 * i]) - mean[0],
                     b = static_cast<double>(x[2 * i + 1]) - mean[1];
        row[c] += (sparse ? sparse_share : 1 - sparse_share) * std::exp(-(a * a + b * b) / 2);
      }
      total += row[c];
    }
    for (size_t c = 0; c < mixture_classes; ++c) row[c] /= total;
  }
  return p;
}

SplitPair generate(std::string_view name, uint64_t seed) {
  if (name == "cbf") return generate_cbf(seed);
  if (name == "two-patterns") return generate_two_patterns(seed);
  if (name == "synthetic-control") return generate_synthetic_control(seed);
  throw Error(
      text("[generate] no generator \"", name, "\"; there are cbf, two-patterns and synthetic-control"));
}

}  // namespace mellow
