// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "mellow/engine/nn/state.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/models/ts2vec.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

constexpr Ts2VecConfig tiny = {.channels = 1, .hidden = 4, .depth = 2, .output = 6};

Tensor noisy_series(Context& context, bool missing) {
  auto values = random_values(10 * 20, 3);
  std::vector<float> narrow(values.begin(), values.end());
  if (missing) narrow[0] = narrow[25] = narrow[199] = std::numeric_limits<float>::quiet_NaN();
  return Tensor::from(context, {10, 20, 1}, narrow);
}

}  // namespace

TEST_CASE("pretraining: default number of iterations, progress, falling loss") {
  Context context(strict(Device::cpu));
  Ts2Vec encoder({&context}, tiny);
  initialize(encoder, 1);
  Pretrainer pretrainer(encoder, noisy_series(context, true), {.rate = 3e-3});
  CHECK(pretrainer.iterations() == 200);
  std::vector<double> losses;
  CHECK(pretrainer.run([&](const PretrainProgress& p) { losses.push_back(p.loss); }));
  REQUIRE(losses.size() == 50);
  CHECK(losses.back() < losses.front());
  for (const double loss : losses) CHECK(std::isfinite(loss));
}

TEST_CASE("pretraining stopped at any iteration goes on to the same bytes") {
  for (const Device device : devices()) {
    Context context(strict(device));
    const auto fresh = [&] {
      auto encoder = std::make_unique<Ts2Vec>(ModuleOptions{&context}, tiny);
      initialize(*encoder, 1);
      return encoder;
    };
    const PretrainOptions options{.iterations = 9, .batch_size = 4, .seed = 2};
    const auto whole = fresh();
    Pretrainer straight(*whole, noisy_series(context, false), options);
    straight.run();
    for (const int stop_after : {0, 1, 4, 8}) {
      CAPTURE(stop_after);
      NamedArrays saved;
      {
        const auto encoder = fresh();
        Pretrainer first(*encoder, noisy_series(context, false), options);
        int iterations = 0;
        CHECK(!first.run({}, [&] { return iterations++ == stop_after; }));
        saved = first.save();
      }
      const auto encoder = fresh();
      Pretrainer second(*encoder, noisy_series(context, false), options);
      second.load(saved, "checkpoint");
      CHECK(second.run());
      CHECK(state_of(*encoder) == state_of(*whole));
    }
  }
}

TEST_CASE("pretraining leaves a caller's flat parameters those of the encoder") {
  Context context(strict(Device::cpu));
  Ts2Vec encoder({&context}, tiny);
  initialize(encoder, 1);
  const FlatParameters flat(encoder);
  const auto before = flat.weights().to_vector<float>();
  Pretrainer(encoder, noisy_series(context, false), {.iterations = 2}).run();
  CHECK(flat.are_of(encoder));
  CHECK(flat.weights().to_vector<float>() != before);
}

TEST_CASE("pretraining that ends in an exception leaves the encoder in evaluation mode") {
  Context context(strict(Device::cpu));
  Ts2Vec encoder({&context}, tiny);
  initialize(encoder, 1);
  Pretrainer pretrainer(encoder, noisy_series(context, false), {.iterations = 2});
  CHECK_THROWS_AS(pretrainer.run({}, []() -> bool { throw Error("enough"); }), Error);
  CHECK(!encoder.training());
}

TEST_CASE("encodings do not depend on the batch size and stay finite with missing steps") {
  Context context(strict(Device::cpu));
  Ts2Vec encoder({&context}, tiny);
  initialize(encoder, 1);
  const Tensor series = noisy_series(context, true);
  const auto one = encode_full_series(encoder, series, 1).to_vector<float>();
  const auto all = encode_full_series(encoder, series, 64).to_vector<float>();
  REQUIRE(one.size() == all.size());
  for (size_t i = 0; i < one.size(); ++i) CHECK(one[i] == doctest::Approx(all[i]).epsilon(1e-5));
  CHECK(std::isnan(series.to_vector<float>()[0]));  // the caller's series are left as they were
}
