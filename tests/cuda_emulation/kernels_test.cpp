// SPDX-License-Identifier: MIT
// What the tests of the ops do not ask of the CUDA kernels: the batch ops against the CPU, the contrastive
// loss on sizes around a tile, and results that do not depend on the order of blocks and threads.
#include "mellow/engine/ops/batch.h"
#include "mellow/engine/ops/batch_norm.h"
#include "mellow/engine/ops/class_distance.h"
#include "mellow/engine/ops/contrastive.h"
#include "mellow/engine/ops/reduce.h"
#include "mellow/engine/ops/update.h"
#include "mellow/tests/cuda_emulation/emulator.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

std::vector<int32_t> labels_for(int64_t n, int32_t classes) {
  std::vector<int32_t> labels(static_cast<size_t>(n));
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i * 7 % 13) % classes;
  return labels;
}

// The loss by its definition (Yue et al. 2022, eq. 1-3), all in double. z [2, batch, length, dims].
struct Reference {
  int64_t batch, length, dims;
  std::vector<double> z;
  const double* at(int64_t which, int64_t b, int64_t t) const {
    return z.data() + ((which * batch + b) * length + t) * dims;
  }
  double term(const std::vector<const double*>& r) const {  // Σ over the anchors of one group
    double total = 0;
    const size_t n = r.size();
    for (size_t i = 0; i < n; ++i) {
      double sum = 0, positive = 0;
      for (size_t j = 0; j < n; ++j) {
        double s = 0;
        for (int64_t c = 0; c < dims; ++c) s += r[i][c] * r[j][c];
        if (j == (i + n / 2) % n) positive = s;
        if (j != i) sum += std::exp(s);
      }
      total += std::log(sum) - positive;
    }
    return total / (2.0 * static_cast<double>(batch * length));
  }
  double level(double alpha) const {
    double instance = 0, temporal = 0;
    for (int64_t t = 0; batch > 1 && t < length; ++t) {
      std::vector<const double*> r;
      for (int64_t which : {0, 1})
        for (int64_t b = 0; b < batch; ++b) r.push_back(at(which, b, t));
      instance += term(r);
    }
    for (int64_t b = 0; length > 1 && b < batch; ++b) {
      std::vector<const double*> r;
      for (int64_t which : {0, 1})
        for (int64_t t = 0; t < length; ++t) r.push_back(at(which, b, t));
      temporal += term(r);
    }
    return alpha * instance + (1 - alpha) * temporal;
  }
  Reference pooled() const {
    Reference p{batch, length / 2, dims, {}};
    for (int64_t which : {0, 1})
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t t = 0; t < p.length; ++t)
          for (int64_t c = 0; c < dims; ++c)
            p.z.push_back(std::max(at(which, b, 2 * t)[c], at(which, b, 2 * t + 1)[c]));
    return p;
  }
  double loss(double alpha) const {
    double total = 0;
    int levels = 0;
    for (Reference r = *this;; r = r.pooled()) {
      total += r.level(alpha);
      ++levels;
      if (r.length <= 1) return total / levels;
    }
  }
};

}  // namespace

TEST_CASE("contrastive on CUDA: value and gradient by the definition, around the size of a tile") {
  for (const Shape& shape : {Shape{2, 5, 2}, Shape{1, 7, 3}, Shape{3, 1, 4}, Shape{1, 1, 2}, Shape{2, 33, 5},
                             Shape{35, 2, 3}, Shape{2, 3, 70}, Shape{2, 65, 4}}) {
    CAPTURE(shape);
    Context context(strict(Device::cuda));
    Reference exact{shape[0], shape[1], shape[2], random_values(2 * shape.count(), 5)};
    const auto half = exact.z.begin() + shape.count();
    Tensor z1 = tensor_of<float>(context, shape, {exact.z.begin(), half}),
           z2 = tensor_of<float>(context, shape, {half, exact.z.end()});
    z1.set_requires_grad();
    z2.set_requires_grad();
    Tape tape(context);
    const Tensor loss = hierarchical_contrastive(z1, z2, {.alpha = 0.3});
    tape.backward(loss);
    CHECK(to_doubles(loss)[0] == doctest::Approx(exact.loss(0.3)).epsilon(1e-5));
    std::vector<double> gradient = to_doubles(z1.grad());
    const auto second = to_doubles(z2.grad());
    gradient.insert(gradient.end(), second.begin(), second.end());
    for (size_t i = 0; i < gradient.size(); i += 1 + gradient.size() / 12) {
      const double center = exact.z[i], step = 1e-5;
      exact.z[i] = center + step;
      const double up = exact.loss(0.3);
      exact.z[i] = center - step;
      const double down = exact.loss(0.3);
      exact.z[i] = center;
      CAPTURE(i);
      CHECK(std::abs(gradient[i] - (up - down) / (2 * step)) < 2e-6);
    }
  }
}

TEST_CASE("batch ops: the same bits on CUDA as on the CPU") {
  Context cpu(strict(Device::cpu)), cuda(strict(Device::cuda));
  for (int64_t n : {1, 31, 257, 1000}) {
    const Tensor a = Tensor::empty(cpu, {n}, DType::i32), b = Tensor::empty(cuda, {n}, DType::i32);
    shuffle(cpu.cpu(), 3, 9, a);
    shuffle(cuda.cuda(), 3, 9, b);
    CHECK(a.to_vector<int32_t>() == b.to_vector<int32_t>());
  }
  auto run = [](Context& context, auto& device) {
    const Tensor order = Tensor::empty(context, {300}, DType::i32),
                 index = Tensor::empty(context, {270}, DType::i32);
    shuffle(device, 1, 2, order);
    const Tensor position = Tensor::from(context, {1}, std::vector<int64_t>{30});
    const Tensor step = Tensor::zeros(context, {1}, DType::i64);
    next_batch(device, order, position, step, index);
    CHECK(position.item<int64_t>() == 300);
    CHECK(step.item<int64_t>() == 1);
    auto values = random_values(300 * 11 * 3, 4);
    for (size_t i = 0; i < values.size(); i += 17) values[i] = std::nan("");
    const Tensor x = tensor_of<float>(context, {300, 11, 3}, values);
    const Tensor whole = Tensor::empty(context, {270, 11, 3}), crops = Tensor::empty(context, {270, 5, 3});
    gather(device, x, index, whole);
    std::vector<int32_t> offsets(270);
    for (size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<int32_t>(i % 5);
    gather_crops(device, x, index, Tensor::from(context, {270}, offsets), 2, crops);
    const Tensor mask = Tensor::empty(context, {270, 11}, DType::u8);
    mask_missing(device, whole, {.keep = 0.6, .seed = 8, .draw = 77}, mask);
    auto bytes = mask.to_vector<uint8_t>();
    for (const Tensor& t : {whole, crops}) {
      std::vector<uint8_t> raw(static_cast<size_t>(t.count()) * sizeof(float));
      t.copy_to(std::as_writable_bytes(std::span(raw)));
      bytes.insert(bytes.end(), raw.begin(), raw.end());
    }
    return bytes;
  };
  CHECK(run(cpu, cpu.cpu()) == run(cuda, cuda.cuda()));
}

TEST_CASE("CUDA kernels give the same bits in every order of blocks and threads") {
  auto run = [](int64_t channels) {
    Context context(strict(Device::cuda));
    std::vector<double> bits;
    auto keep = [&](const Tensor& t) {
      const auto values = to_doubles(t);
      bits.insert(bits.end(), values.begin(), values.end());
    };
    const Shape shape = {5, 67, channels};
    Tensor x = tensor_of<float>(context, shape, random_values(shape.count(), 2));
    x.set_requires_grad();
    Tensor ones =
        tensor_of<float>(context, {channels}, std::vector<double>(static_cast<size_t>(channels), 1));
    ones.set_requires_grad();
    const Tensor zeros = Tensor::zeros(context, {channels}), mean = zeros.clone(), var = zeros.clone();
    const Tensor labels = Tensor::from(context, {70}, labels_for(70, 3));
    keep(class_distances(tensor_of<float>(context, {70, 19}, random_values(70 * 19, 3)), labels, 3));
    draw_for_step(context);
    Tape tape(context);
    const Tensor y = batch_norm(dropout(x, 0.3, 1), ones, zeros, mean, var, {.relu = true});
    const Tensor z = tensor_of<float>(context, shape, random_values(shape.count(), 6));
    const Tensor loss = add(add(mellow::mean(y), hierarchical_contrastive(y, z)), sum(max_over_time(y)));
    tape.backward(loss);
    for (const Tensor& t : {loss, x.grad(), ones.grad(), mean, var}) keep(t);
    return bits;
  };
  for (int64_t channels : {35, 36}) {  // without and with channels in fours
    emulation::set_order(0);
    const auto ascending = run(channels);
    for (uint64_t order : {2, 3}) {
      emulation::set_order(order);
      CHECK(run(channels) == ascending);
    }
  }
  emulation::set_order(1);
}

TEST_CASE("average_weights on CUDA: the mean of all weights seen") {
  Context context(strict(Device::cuda));
  const Tensor average = Tensor::zeros(context, {3}), updates = Tensor::zeros(context, {1}, DType::i64);
  for (int t = 0; t < 4; ++t)
    average_weights(context.cuda(), average, tensor_of<float>(context, {3}, {1.0 * t, 2.0 * t, -4.0}),
                    updates);
  CHECK(updates.item<int64_t>() == 4);
  check_close(to_doubles(average), {1.5, 3, -4}, 1e-6, "average");
}
