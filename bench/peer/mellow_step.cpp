// SPDX-License-Identifier: MIT
// mellow's side of bench/peer/run.py: writes the start (weights, data, crops) to a file for the other side,
// prints the first answers, then runs as many steps as each line of the standard input asks for.
//
//   mellow_peer_step MODEL LENGTH BATCH EPOCH PRECISION TRAININGS START.safetensors
//
// EPOCH is the number of batches between two readings of the loss, TRAININGS the number of equal trainings
// that run at once, each in a thread and a context of its own. Device and threads come from MELLOW_DEVICE and
// MELLOW_THREADS.
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <numeric>
#include <thread>

#include <malloc.h>

#include "mellow/bench/support.h"
#include "mellow/engine/nn/state.h"
#include "mellow/engine/ops/batch.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/models/make_model.h"
#include "mellow/models/ts2vec.h"

namespace {

using namespace mellow;

constexpr int64_t classes = 5, exported_crops = 256;
constexpr SoftLabelWeights loss_weights = {.ce = 1, .kl = 4, .tau = 2};

// Training of one kind, step by step.
class Job {
 public:
  virtual ~Job() = default;
  virtual std::vector<double> first_answers() = 0;  // called once, before run
  virtual void run(int64_t steps) = 0;
  NamedArrays start;  // what the other side begins with

 protected:
  void add_weights(const Module& module) {
    for (auto& [name, array] : state_of(module).arrays) start.arrays.emplace_back("model." + name, array);
  }
};

// Whole batches of a labelled set: cross entropy and KL to per-class soft labels, Adam.
class Classification final : public Job {
 public:
  Classification(Context& context, const std::string& name, int64_t length, int64_t batch, int64_t epoch)
      : epoch_(epoch),
        set_(labelled(context, batch, length)),
        soft_(soft_labels(context)),
        model_(make_model(name, {&context}, {.classes = classes, .length = length})),
        flat_((initialize(*model_, 1), *model_)),
        adam_(flat_),
        schedule_(make_schedule({})) {
    add_weights(*model_);
    start.arrays.emplace_back("x", to_host(set_.x));
    start.arrays.emplace_back("labels", to_host(set_.labels));
    start.arrays.emplace_back("soft", to_host(soft_));
  }
  // The loss in evaluation, and of three steps.
  std::vector<double> first_answers() override {
    std::vector<double> losses = to_doubles(
        soft_label_loss(model_->logits(set_.x), {.labels = set_.labels, .q2 = {soft_}}, loss_weights));
    const int64_t batch = set_.samples();
    train(set_, batch);  // an epoch is one batch here
    for (int i = 0; i < 3; ++i) losses.push_back(trainer_->run_epoch()->loss);
    if (epoch_ > 1) train(labelled(set_.x.context(), epoch_ * batch, set_.x.dim(1)), batch);
    return losses;
  }
  void run(int64_t steps) override {
    for (int64_t i = 0; i < steps; i += epoch_) trainer_->run_epoch();
  }

 private:
  void train(const LabelledSet& set, int64_t batch) {
    trainer_.emplace(Student{*model_, flat_, adam_, *schedule_}, set, SoftLabelTargets{.q2 = {soft_}},
                     loss_weights, TrainerOptions{.batch_size = batch});
  }
  static LabelledSet labelled(Context& context, int64_t batch, int64_t length) {
    const Tensor x = bench::random_tensor<float>(context, {batch, length, 1}, 3);
    std::vector<int32_t> labels(static_cast<size_t>(batch));
    for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % classes);
    return make_labelled_set(context, x.shape(), x.to_vector<float>(), labels, classes);
  }
  static Tensor soft_labels(Context& context) {
    std::vector<float> rows(static_cast<size_t>(classes * classes), 0.1f);
    for (size_t c = 0; c < classes; ++c) rows[c * classes + c] = 0.6f;
    return Tensor::from(context, {classes, classes}, rows);
  }

  int64_t epoch_;
  LabelledSet set_;
  Tensor soft_;
  std::unique_ptr<Classifier> model_;
  FlatParameters flat_;
  Adam adam_;
  std::unique_ptr<Schedule> schedule_;
  std::optional<Trainer> trainer_;
};

// TS2Vec's iterations, with the crops of draw_crops(0, iteration, …).
class Pretraining final : public Job {
 public:
  Pretraining(Context& context, int64_t length, int64_t batch)
      : x_(bench::random_tensor<float>(context, {batch, length, 1}, 3)),
        encoder_({&context}, {}),
        pretrainer_((initialize(encoder_, 1), encoder_), x_,
                    {.iterations = int64_t{1} << 30, .batch_size = batch}) {
    add_weights(encoder_);
    start.arrays.emplace_back("x", to_host(x_));
    std::vector<int32_t> crops;
    for (int64_t i = 0; i < exported_crops; ++i) {
      const Crops c = draw_crops(0, i, length, batch);
      for (const int64_t bound : {c.left, c.right, c.early, c.late})
        crops.push_back(static_cast<int32_t>(bound));
      crops.insert(crops.end(), c.offsets.begin(), c.offsets.end());
    }
    start.arrays.emplace_back("crops", host_array(crops));
    const Crops first = draw_crops(0, 0, length, batch);
    views_ = {view(first, first.early, first.right, 0), view(first, first.left, first.late, 1)};
    for (size_t i = 0; i < 2; ++i) start.arrays.emplace_back(text("mask", i + 1), to_host(views_[i].mask));
    kept_ = first.right - first.left;
  }
  // The loss of the first crops and masks, without dropout.
  std::vector<double> first_answers() override {
    return to_doubles(contrast_views(encoder_, views_[0], views_[1], kept_, {}));
  }
  void run(int64_t steps) override {
    pretrainer_.run({}, [&] { return steps-- == 0; });
  }

 private:
  MaskedView view(const Crops& crops, int64_t from, int64_t to, uint64_t draw) const {
    Context& context = x_.context();
    std::vector<int32_t> rows(static_cast<size_t>(x_.dim(0)));
    std::iota(rows.begin(), rows.end(), 0);
    const MaskedView v = {Tensor::empty(context, {x_.dim(0), to - from, x_.dim(2)}),
                          Tensor::empty(context, {x_.dim(0), to - from}, DType::u8)};
    gather_crops(context.cpu(), x_, Tensor::from(context, {x_.dim(0)}, rows),
                 Tensor::from(context, {x_.dim(0)}, crops.offsets), from, v.x);
    mask_missing(context.cpu(), v.x, {.keep = 0.5, .draw = draw}, v.mask);
    return v;
  }

  Tensor x_;
  Ts2Vec encoder_;
  Pretrainer pretrainer_;
  std::vector<MaskedView> views_;
  int64_t kept_ = 0;
};

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The most memory this process ever held, in MB.
double peak_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kilobytes = 0; word == "VmHWM:" && status >> kilobytes) return kilobytes / 1024;
  return 0;
}

Precision precision_of(const std::string& name) {
  for (const Precision p : {Precision::fp32, Precision::tf32, Precision::bf16, Precision::bf16x3})
    if (name == name_of(p)) return p;
  throw Error("precision is fp32, tf32, bf16 or bf16x3, not " + name, ErrorKind::input);
}

std::unique_ptr<Job> make_job(Context& context, const std::string& model, int64_t length, int64_t batch,
                              int64_t epoch) {
  if (model == "ts2vec") return std::make_unique<Pretraining>(context, length, batch);
  return std::make_unique<Classification>(context, model, length, batch, epoch);
}

// A training with all that is its own.
struct Training {
  explicit Training(const ContextOptions& options) : context(options) {}
  void run(int64_t steps) {
    job->run(steps);
    context.backend().synchronize();
  }

  Context context;
  std::unique_ptr<Job> job;
};

void run_at_once(std::vector<std::unique_ptr<Training>>& trainings, int64_t steps) {
  std::vector<std::jthread> others;
  for (size_t i = 1; i < trainings.size(); ++i) others.emplace_back([&, i] { trainings[i]->run(steps); });
  trainings[0]->run(steps);
}

// The most memory that was in use: of the process, or on the GPU.
double peak_megabytes(const std::vector<std::unique_ptr<Training>>& trainings) {
  if (trainings[0]->context.device() == Device::cpu) return peak_megabytes();
  size_t bytes = 0;
  for (const auto& training : trainings) bytes += training->context.memory().peak;
  return static_cast<double>(bytes) / (1 << 20);
}

void serve(const std::vector<std::string>& arguments) {
  MELLOW_CHECK(arguments.size() == 7,
               "usage: MODEL LENGTH BATCH EPOCH PRECISION TRAININGS START.safetensors");
  const int64_t length = std::stoll(arguments[1]), batch = std::stoll(arguments[2]),
                epoch = std::stoll(arguments[3]);
  const ContextOptions options = bench::wanted_context(precision_of(arguments[4]));
  std::vector<std::unique_ptr<Training>> trainings;
  for (int i = 0; i < std::stoi(arguments[5]); ++i) {
    trainings.push_back(std::make_unique<Training>(options));
    Training& made = *trainings.back();
    made.job = make_job(made.context, arguments[0], length, batch, epoch);
    if (i == 0) write_safetensors(arguments[6], made.job->start);
    made.job->start = {};
  }
  malloc_trim(0);  // the weights just written are the comparison's, not the training's: their heap goes back
  std::printf("{\"answers\": [");
  const char* comma = "";
  for (const double answer : trainings.at(0)->job->first_answers()) {
    std::printf("%s%.9g", comma, answer);
    comma = ", ";
  }
  std::printf("]}\n");
  std::fflush(stdout);
  for (size_t i = 1; i < trainings.size(); ++i) trainings[i]->job->first_answers();
  for (int64_t steps = 0; std::cin >> steps;) {
    const double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    run_at_once(trainings, steps);
    std::printf("{\"wall\": %.6f, \"cpu\": %.6f, \"peak_mb\": %.1f, \"baseline_mb\": 0}\n",
                seconds_of(CLOCK_MONOTONIC) - wall, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu,
                peak_megabytes(trainings));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    serve({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mellow_peer_step: %s\n", error.what());
    return 2;
  }
  return 0;
}
