// SPDX-License-Identifier: MIT
// Methods whose labels move while a network trains: each against a training written out by hand, and resumed
// at every step.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "mellow/engine/core/random.h"
#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/nn/state.h"
#include "mellow/engine/ops/batch.h"
#include "mellow/engine/ops/draws.h"
#include "mellow/engine/ops/softmax.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/losses/disturb_label.h"
#include "mellow/losses/method.h"
#include "mellow/losses/ps_kd.h"
#include "mellow/models/make_model.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using namespace mellow::test;

namespace {

using Given = std::map<std::string, std::string>;
using Index = std::vector<int32_t>;
using Rows = std::vector<float>;  // [batch, classes]

constexpr int64_t samples = 11, length = 12, classes = 3, batch_size = 4, epochs = 4;
constexpr uint64_t seed = 9;
constexpr float rate = 3e-3f;
const std::vector<std::string> moving_methods = {"ps-kd", "ols", "disturb-label", "beta"};

// Three classes that differ in frequency; 11 series, so that the last batch of 4 is smaller.
LabelledSet waves(Context& context) {
  std::vector<float> values;
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < samples; ++i) {
    labels.push_back(static_cast<int32_t>(i % classes));
    for (int64_t t = 0; t < length; ++t)
      values.push_back(static_cast<float>(
          std::sin((0.5 + 0.4 * static_cast<double>(i % classes)) * static_cast<double>(t) +
                   0.2 * static_cast<double>(i))));
  }
  return make_labelled_set(context, {samples, length, 1}, values, labels, classes);
}

std::unique_ptr<Classifier> network(Context& context) {
  return make_model("inception-time-1", {&context}, {.channels = 1, .classes = classes, .length = length});
}

std::unique_ptr<Classifier> started(Context& context, uint64_t start) {
  auto made = network(context);
  initialize(*made, start);
  return made;
}

// A network and what moves its weights.
struct Learner {
  Learner(Context& context, uint64_t start)
      : set(waves(context)),
        model(started(context, start)),
        flat(*model),
        adam(flat),
        schedule(make_schedule({.name = "constant", .rate = static_cast<double>(rate)})) {}
  LabelledSet set;
  std::unique_ptr<Classifier> model;
  FlatParameters flat;
  Adam adam;
  std::unique_ptr<Schedule> schedule;
};

// What the library does with a method.
struct Training : Learner {
  Training(Context& context, const std::string& name, const Given& given = {}, uint64_t start = seed)
      : Learner(context, start),
        recipe(recipe_of(context, name, given, start)),
        moving(recipe.moving({.context = context,
                              .labels = set.labels,
                              .student = flat,
                              .copy_of =
                                  [&] {
                                    auto copy = network(context);
                                    load_state(*copy, state_of(*model), "copy");
                                    return copy;
                                  }})),
        trainer({*model, flat, adam, *schedule}, set, {.labels = {}, .q1 = recipe.q1}, recipe.weights,
                {.batch_size = batch_size, .seed = start}, moving.get()) {}
  Recipe recipe_of(Context& context, const std::string& name, const Given& given, uint64_t start) const {
    const Method& method = find_method(name);
    return method.build(
        {.context = context, .labels = set.truth, .classes = classes, .epochs = epochs, .seed = start},
        resolve_options(method, "inception-time-1", given));
  }
  Recipe recipe;
  std::unique_ptr<MovingLabels> moving;
  Trainer trainer;
};

// What a method does in a step of the loop by hand.
struct Hooks {
  std::function<Rows(const Tensor& x, const Index& index)> labels;
  std::function<void(const Index& index, const Rows& p)> seen = [](auto&, auto&) {};
  std::function<void()> updated = [] {};
};

// The same loop by hand, with labels that the test makes for every step.
struct Twin : Learner {
  explicit Twin(Context& where) : Learner(where, seed), context(where) {}

  double epoch(int64_t number, const Hooks& hooks) {
    const Tensor order = Tensor::empty(context, {samples}, DType::i32);
    internal::on_device(context,
                        [&](auto& device) { shuffle(device, seed, static_cast<uint64_t>(number), order); });
    const auto sequence = order.to_vector<int32_t>();
    double total = 0;
    for (size_t from = 0; from < sequence.size(); from += batch_size) {
      const size_t size = std::min<size_t>(batch_size, sequence.size() - from);
      total += step({&sequence[from], &sequence[from] + size}, hooks) * static_cast<double>(size);
    }
    return total / samples;
  }

  double step(const Index& index, const Hooks& hooks) {
    const auto n = static_cast<int64_t>(index.size());
    const auto values = set.x.to_vector<float>();
    std::vector<float> x;
    Index y;
    for (const int32_t i : index) {
      x.insert(x.end(), &values[static_cast<size_t>(i * length)],
               &values[static_cast<size_t>(i * length)] + length);
      y.push_back(set.truth[static_cast<size_t>(i)]);
    }
    const Tensor series = Tensor::from(context, {n, length, 1}, x);
    ++steps;
    const SoftLabels q{Tensor::from(context, {n, classes}, hooks.labels(series, index)), true};
    model->set_training(true);
    flat.gradients().zero();
    Tensor logits, loss;
    {
      Tape tape(context);
      logits = model->logits(series);
      loss = soft_label_loss(logits, {.labels = Tensor::from(context, {n}, y), .q1 = q}, {});
      tape.backward(loss);
    }
    hooks.seen(index, softmax(logits).to_vector<float>());
    adam.update(flat, Tensor::from(context, {1}, std::vector<float>{rate}),
                Tensor::from(context, {1}, std::vector<int64_t>{steps}));
    hooks.updated();
    return static_cast<double>(loss.item<float>());
  }

  int32_t truth(int32_t sample) const { return set.truth[static_cast<size_t>(sample)]; }

  Context& context;
  int64_t steps = 0;
};

void check_same_network(const Classifier& got, const Classifier& expected, double tolerance) {
  const NamedArrays a = state_of(got), b = state_of(expected);
  for (size_t i = 0; i < a.arrays.size(); ++i) {
    CAPTURE(a.arrays[i].first);
    HostArray x = a.arrays[i].second, y = b.arrays[i].second;
    x.shape = y.shape = {x.shape.count()};
    const auto left = host_values<float>(x, "a"), right = host_values<float>(y, "b");
    check_close({left.begin(), left.end()}, {right.begin(), right.end()}, tolerance, "weights");
  }
}

// The judge's parameters after an update, every weight by the definition; its buffers stay its own.
void average_into(Classifier& judge, const Classifier& student, double kept) {
  NamedArrays mine = state_of(judge);
  const NamedArrays theirs = state_of(student);
  for (const auto& entry : student.parameters())
    for (auto& [name, array] : mine.arrays) {
      if (name != entry.name) continue;
      auto* a = reinterpret_cast<float*>(array.bytes.data());
      const auto* w = reinterpret_cast<const float*>(theirs.at(name).bytes.data());
      for (int64_t i = 0; i < array.shape.count(); ++i)
        a[i] = static_cast<float>(kept * static_cast<double>(a[i]) + (1 - kept) * static_cast<double>(w[i]));
    }
  load_state(judge, mine, "judge");
}

}  // namespace

TEST_CASE("ps-kd trains as written out: hard labels first, then a_t of the epoch before") {
  for (Device device : devices()) {
    Context context(strict(device)), other(strict(device));
    Training training(context, "ps-kd", {{"alpha", "0.7"}});
    Twin twin(other);
    Rows now(static_cast<size_t>(samples * classes)), before;
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      const double a = epoch == 0 ? 0 : 0.7 * static_cast<double>(epoch + 1) / epochs;
      before = now;
      const double loss = twin.epoch(
          epoch,
          {.labels =
               [&](const Tensor&, const Index& index) {
                 Rows q;
                 for (const int32_t i : index)
                   for (int32_t c = 0; c < classes; ++c) {
                     const double hard = c == twin.truth(i) ? 1 : 0,
                                  soft = static_cast<double>(before[static_cast<size_t>(i * classes + c)]);
                     q.push_back(static_cast<float>((1 - a) * hard + a * soft));
                   }
                 return q;
               },
           .seen =
               [&](const Index& index, const Rows& p) {
                 for (size_t b = 0; b < index.size(); ++b)
                   std::copy_n(&p[b * classes], classes, &now[static_cast<size_t>(index[b] * classes)]);
               }});
      CHECK(training.trainer.run_epoch()->loss == doctest::Approx(loss).epsilon(1e-5));
    }
    check_same_network(*training.model, *twin.model, 1e-5);
  }
}

TEST_CASE("ols trains as written out: the mean right prediction of the epoch before") {
  for (Device device : devices()) {
    Context context(strict(device)), other(strict(device));
    Training training(context, "ols");
    Twin twin(other);
    std::vector<double> table(classes * classes, 1.0 / classes);
    bool learnt = false;
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      std::vector<double> sums(classes * classes, 0.0), right(classes, 0.0);
      const auto add = [&](int32_t sample, const float* p) {
        const auto y = static_cast<size_t>(twin.truth(sample));
        if (std::max_element(p, p + classes) != p + y) return;
        ++right[y];
        for (size_t c = 0; c < classes; ++c) sums[y * classes + c] += static_cast<double>(p[c]);
      };
      const double loss =
          twin.epoch(epoch, {.labels =
                                 [&](const Tensor&, const Index& index) {
                                   Rows q;
                                   for (const int32_t i : index)
                                     for (int32_t c = 0; c < classes; ++c) {
                                       const int32_t y = twin.truth(i);
                                       const double mean = table[static_cast<size_t>(y * classes + c)];
                                       q.push_back(static_cast<float>((c == y ? .5 : 0) + .5 * mean));
                                     }
                                   return q;
                                 },
                             .seen =
                                 [&](const Index& index, const Rows& p) {
                                   for (size_t b = 0; b < index.size(); ++b) add(index[b], &p[b * classes]);
                                 }});
      for (size_t i = 0; i < table.size(); ++i) {
        const double seen = right[i / classes];
        table[i] = seen > 0 ? sums[i] / seen : 1.0 / classes;
        learnt = learnt || seen > 0;
      }
      CHECK(training.trainer.run_epoch()->loss == doctest::Approx(loss).epsilon(1e-5));
    }
    CHECK(learnt);  // else only uniform rows were tried
    check_same_network(*training.model, *twin.model, 1e-5);
  }
}

TEST_CASE("disturb-label trains as written out") {
  for (Device device : devices()) {
    Context context(strict(device)), other(strict(device));
    Training training(context, "disturb-label", {{"epsilon", "0.6"}});
    Twin twin(other);
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      const auto drawn = disturbed_labels(twin.set.truth, classes, .6 * 2 / 3, seed, epoch);
      const double loss =
          twin.epoch(epoch, {.labels = [&](const Tensor&, const Index& index) {
                       Rows q(index.size() * classes, 0.0f);
                       for (size_t b = 0; b < index.size(); ++b)
                         q[b * classes + static_cast<size_t>(drawn[static_cast<size_t>(index[b])])] = 1;
                       return q;
                     }});
      CHECK(training.trainer.run_epoch()->loss == doctest::Approx(loss).epsilon(1e-5));
    }
    check_same_network(*training.model, *twin.model, 1e-5);
  }
}

TEST_CASE("beta trains as written out: draws in the order of an averaged copy's confidence") {
  for (Device device : devices()) {
    Context context(strict(device)), other(strict(device));
    Training training(context, "beta", {{"decay", "0.7"}});
    Twin twin(other);
    const auto judge = network(other);
    load_state(*judge, state_of(*twin.model), "judge");
    const FlatParameters averaged(*judge);
    const auto labels = [&](const Tensor& x, const Index& index) {
      judge->set_training(true);
      const Rows p = softmax(judge->logits(x)).to_vector<float>();
      const auto confidence = [&](size_t b) {
        return p[b * classes + static_cast<size_t>(twin.truth(index[b]))];
      };
      std::vector<double> draws;  // Beta(0.6 / 0.1 - 1, 1) by inversion
      for (size_t k = 0; k < index.size(); ++k)
        draws.push_back(
            std::pow(static_cast<double>(beta_uniform(seed, twin.steps, static_cast<int64_t>(k))), 1 / 5.0));
      std::sort(draws.begin(), draws.end());
      Rows q;
      for (size_t b = 0; b < index.size(); ++b) {
        size_t rank = 0;
        for (size_t o = 0; o < index.size(); ++o) rank += confidence(o) < confidence(b);
        for (int32_t c = 0; c < classes; ++c)
          q.push_back(static_cast<float>(c == twin.truth(index[b]) ? .4 + .6 * draws[rank]
                                                                   : .6 * (1 - draws[rank]) / 2));
      }
      return q;
    };
    const auto updated = [&] {
      average_into(*judge, *twin.model, std::min(1 - 1 / static_cast<double>(twin.steps + 1), .7));
    };
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      const double loss = twin.epoch(epoch, {.labels = labels, .updated = updated});
      CHECK(training.trainer.run_epoch()->loss == doctest::Approx(loss).epsilon(1e-5));
    }
    for (const auto& [name, tensor] : training.moving->tensors())
      if (name == "teacher") check_close(to_doubles(tensor), to_doubles(averaged.weights()), 1e-5, "teacher");
    check_same_network(*training.model, *twin.model, 1e-5);
  }
}

TEST_CASE("beta says that it needs a copy of the student") {
  Context context(strict(Device::cpu));
  const Index labels = {0, 1};
  const Method& beta = find_method("beta");
  const Recipe recipe =
      beta.build({.context = context, .labels = labels, .classes = 2}, resolve_options(beta, "fcn", {}));
  const auto model = make_model("mlp", {&context}, {.length = 4});
  const FlatParameters flat(*model);
  const MovingInputs in{context, Tensor::from(context, {2}, labels), flat, {}};
  CHECK(contains(message_of([&] { recipe.moving(in); }), "MovingInputs::copy_of"));
}

TEST_CASE("disturb-label: rates and classes are those of label smoothing") {
  constexpr int64_t n = 40'000, k = 5;
  constexpr double epsilon = .1, share = epsilon * (k - 1) / k;
  const std::vector<int32_t> labels(n, 3);
  const auto drawn = disturbed_labels(labels, k, share, 7, 2);
  std::vector<double> mean(k, 0.0);
  for (const int32_t label : drawn) {
    REQUIRE((label >= 0 && label < k));
    mean[static_cast<size_t>(label)] += 1.0 / n;
  }
  for (size_t c = 0; c < k; ++c) {
    const double p = c == 3 ? 1 - epsilon + epsilon / k : epsilon / k;
    CHECK(std::abs(mean[c] - p) < 4 * std::sqrt(p * (1 - p) / n));
  }
  CHECK(drawn == disturbed_labels(labels, k, share, 7, 2));
  CHECK(drawn != disturbed_labels(labels, k, share, 7, 3));
  CHECK(drawn != disturbed_labels(labels, k, share, 8, 2));
  // A sample's draw does not depend on how many others there are.
  const std::vector<int32_t> few(100, 3);
  CHECK(std::equal(drawn.begin(), drawn.begin() + 100, disturbed_labels(few, k, share, 7, 2).begin()));
  CHECK(disturbed_labels(labels, k, 0, 7, 2) == labels);
  CHECK(disturbed_labels(few, 1, 1, 7, 2) == few);  // there is no other class
  for (const int32_t label : disturbed_labels(few, 2, 1, 7, 2)) CHECK((label == 1 || label == 0));
}

TEST_CASE("moving labels: the same seed gives the same bytes, another seed others") {
  for (Device device : devices())
    for (const std::string& method : moving_methods) {
      CAPTURE(method);
      const auto after = [&](uint64_t start) {
        Context context(strict(device));
        Training t(context, method, {}, start);
        for (int epoch = 0; epoch < 2; ++epoch) t.trainer.run_epoch();
        return t.trainer.save();
      };
      const NamedArrays first = after(3);
      CHECK(first == after(3));
      CHECK(!(first == after(4)));
    }
}

TEST_CASE("moving labels: a training stopped at any step and loaded elsewhere goes on to the same bytes") {
  for (Device device : devices())
    for (const std::string& method : moving_methods) {
      CAPTURE(method);
      Context context(strict(device));
      constexpr int64_t last = 3, steps = 9;  // three batches an epoch
      Training whole(context, method);
      std::vector<double> losses;
      while (whole.trainer.epoch() < last) losses.push_back(whole.trainer.run_epoch()->loss);
      const NamedArrays expected = whole.trainer.save();
      for (int stop_after = 0; stop_after < steps; ++stop_after) {
        CAPTURE(stop_after);
        NamedArrays saved;
        {
          Training t(context, method);
          int taken = 0;
          while (t.trainer.run_epoch([&] { return taken++ == stop_after; })) {
          }
          saved = t.trainer.save();
        }
        Training resumed(context, method);
        resumed.trainer.load(saved, "checkpoint");
        while (resumed.trainer.epoch() < last) {
          const auto report = resumed.trainer.run_epoch();
          CHECK(report->loss == losses[static_cast<size_t>(report->epoch - 1)]);
        }
        CHECK(resumed.trainer.save() == expected);
      }
    }
}

TEST_CASE("moving labels: a checkpoint without them is refused") {
  Context context(strict(Device::cpu));
  for (const std::string& method : moving_methods) {
    Training t(context, method);
    t.trainer.run_epoch();
    NamedArrays state = t.trainer.save();
    std::erase_if(state.arrays, [](const auto& entry) { return entry.first == "moving.labels"; });
    CHECK(contains(message_of([&] { t.trainer.load(state, "checkpoint"); }), "moving.labels"));
  }
}
