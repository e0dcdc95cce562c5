// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/nn/state.h"
#include "mellow/engine/ops/batch.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/models/ts2vec.h"
#include "mellow/tests/support/check_model.h"

using namespace mellow;
using namespace mellow::test;

namespace {

constexpr Ts2VecConfig small(int64_t channels) {
  return {.channels = channels, .hidden = 8, .depth = 3, .output = 12, .dropout = 0};
}

// The steps [offset + from, offset + to) of each series, seen where the stored mask and the data allow.
MaskedView golden_view(Context& context, const Goldens& golden, const Tensor& series, const std::string& step,
                       const char* mask, int64_t from, int64_t to) {
  const int64_t batch = series.dim(0);
  std::vector<int32_t> order(static_cast<size_t>(batch));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
  const Tensor index = Tensor::from(context, {batch}, order);
  const Tensor offsets = Tensor::from(context, {batch}, golden.labels(step + "offsets"));
  const MaskedView view = {Tensor::empty(context, {batch, to - from, series.dim(2)}),
                           Tensor::empty(context, {batch, to - from}, DType::u8)};
  internal::on_device(context, [&](auto& device) {
    gather_crops(device, series, index, offsets, from, view.x);
    mask_missing(device, view.x, {}, view.mask);
  });
  auto seen = view.mask.to_vector<uint8_t>();
  const auto stored = golden.values<uint8_t>(step + mask);
  REQUIRE(stored.size() == seen.size());
  for (size_t i = 0; i < seen.size(); ++i) seen[i] = seen[i] & stored[i];
  view.mask.copy_from(std::as_bytes(std::span(seen)));
  return view;
}

}  // namespace

TEST_CASE("ts2vec: parameter count and names of the original") {
  Context context;
  const Ts2Vec encoder({&context}, {});
  CHECK(encoder.parameter_count() == 637248);
  bool found = false;
  for (const auto& p : encoder.parameters())
    found = found || p.name == "feature_extractor.net.10.projector.bias";
  CHECK(found);
}

TEST_CASE("ts2vec: crops stay inside the series and both views hold the shared window") {
  for (const int64_t length : {2, 3, 24, 150}) {
    bool whole = false;
    for (int64_t i = 0; i < 300; ++i) {
      const Crops c = draw_crops(5, i, length, 4);
      REQUIRE((0 <= c.early && c.early <= c.left && c.left + 2 <= c.right && c.right <= c.late &&
               c.late <= length));
      for (const int32_t offset : c.offsets) REQUIRE((offset + c.early >= 0 && offset + c.late <= length));
      whole = whole || c.right - c.left == length;
    }
    CHECK((whole || length > 100));  // the longest crop is drawn too
  }
  CHECK(draw_crops(5, 7, 50, 3).offsets == draw_crops(5, 7, 50, 3).offsets);
}

TEST_CASE("ts2vec: three training steps, averaged weights and encodings agree with PyTorch") {
  const Goldens golden("ts2vec");
  for (const Device device : devices()) {
    for (const auto& [prefix, channels] : {std::pair<std::string, int64_t>{"a.", 1}, {"b.", 2}}) {
      CAPTURE(prefix);
      Context context(strict(device));
      Ts2Vec encoder({&context}, small(channels));
      load_state(encoder, golden.state(prefix + "init."), "golden");
      FlatParameters flat(encoder);
      const Tensor series = Tensor::from(context, golden.shape(prefix + "x"), golden.values(prefix + "x"));
      check_golden(encode_full_series(encoder, series).to_vector<float>(),
                   golden.values(prefix + "encode_init"), 1e-4, "encoding before training");
      Adam adam(flat, {.weight_decay = 0.01});
      WeightAverage average(flat);
      const Tensor rate = Tensor::from(context, {1}, std::vector<float>{1e-3f});
      encoder.set_training(true);
      for (int64_t step = 0; step < 3; ++step) {
        const std::string at = text(prefix, "step", step, ".");
        const auto crop = golden.values<int64_t>(at + "crop");  // length, left, right, early, late
        const MaskedView view1 = golden_view(context, golden, series, at, "mask1", crop[3], crop[2]);
        const MaskedView view2 = golden_view(context, golden, series, at, "mask2", crop[1], crop[4]);
        flat.gradients().zero();
        Tape tape(context);
        const Tensor loss = contrast_views(encoder, view1, view2, crop[0], {});
        check_golden(loss.to_vector<float>(), golden.values(at + "loss"), 1e-4, at + "loss");
        tape.backward(loss);
        adam.update(flat, rate, Tensor::from(context, {1}, std::vector<int64_t>{step + 1}));
        average.update(flat);
      }
      const auto check_state = [&](const char* which) {
        const NamedArrays now = state_of(encoder);
        for (const auto& [name, array] : now.arrays) {
          const auto expected = golden.values(prefix + which + name);
          std::vector<float> got(expected.size());
          std::memcpy(got.data(), array.bytes.data(), array.bytes.size());
          check_golden(got, expected, 1e-4, which + name);
        }
      };
      check_state("final.");
      average.apply(flat);
      check_state("swa.");
      check_golden(encode_full_series(encoder, series).to_vector<float>(),
                   golden.values(prefix + "encode_swa"), 1e-4, "encoding after training");
    }
  }
}

TEST_CASE("ts2vec: the full-size encoder agrees with PyTorch") {
  const Goldens golden("ts2vec");
  for (const Device device : devices()) {
    Context context(strict(device));
    Ts2Vec encoder({&context}, {});
    load_state(encoder, closed_form_state(encoder), "closed form");
    const Tensor series = Tensor::from(context, golden.shape("full.x"), golden.values("full.x"));
    check_golden(encode_full_series(encoder, series, 1).to_vector<float>(), golden.values("full.encode"),
                 1e-4, "encoding");
  }
}

TEST_CASE("ts2vec: gradient of encoder and contrastive loss against finite differences in float64") {
  Context context(strict(Device::cpu));
  Ts2Vec encoder({&context, DType::f64}, {.channels = 2, .hidden = 3, .depth = 2, .output = 4, .dropout = 0});
  initialize(encoder, 11);
  encoder.set_training(true);
  const auto view = [&](int64_t steps, uint64_t seed) {
    std::vector<uint8_t> mask(static_cast<size_t>(3 * steps));
    for (size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 != 1;
    return MaskedView{tensor_of<double>(context, {3, steps, 2}, random_values(3 * steps * 2, seed)),
                      Tensor::from(context, {3, steps}, mask)};
  };
  const MaskedView view1 = view(9, 1), view2 = view(8, 2);
  check_gradients(encoder, [&] { return contrast_views(encoder, view1, view2, 7, {}); });
}

TEST_CASE("ts2vec: an iteration holds at most 80 hidden activations") {
  Context context(strict(Device::cpu, 1));
  constexpr int64_t batch = 16, steps = 64;
  Ts2Vec encoder({&context}, {});
  initialize(encoder, 1);
  encoder.set_training(true);
  draw_for_step(context);
  const FlatParameters flat(encoder);
  const auto view = [&](uint64_t seed) {
    return MaskedView{tensor_of<float>(context, {batch, steps, 1}, random_values(batch * steps, seed)),
                      Tensor::from(context, {batch, steps}, std::vector<uint8_t>(batch * steps, 1))};
  };
  const MaskedView view1 = view(1), view2 = view(2);
  const size_t before = context.memory().in_use;
  Tape tape(context);
  tape.backward(contrast_views(encoder, view1, view2, steps, {}));
  // Two in each of ten blocks and six in the last, whose channels count five times, of each view: 52. In the
  // loss two encodings with their gradients, and the gradients of half as many steps: 25. The outputs of the
  // gelus would be 52 more.
  const double hidden = batch * steps * 64 * sizeof(float);
  CHECK(static_cast<double>(context.memory().peak - before) / hidden < 80);
}
