// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/reduce.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/windows.h"

using namespace mellow;
using namespace mellow::test;

namespace {

template <class Op>
Tensor into(Op op, const Tensor& x, const Tensor& place) {
  const Tensor in[] = {x};
  return internal::apply_into(std::move(op), in, place);
}

}  // namespace

TEST_CASE("join: ops write their results into one array") {
  check_op(
      [](const Inputs& in) {
        Join join(in[0].context(), {2, 3, 6}, in[0].dtype());
        into(Scale{2}, in[0], join.part(1));
        into(Tanh{}, in[1], join.part(4));
        into(Scale{-1}, in[0], join.part(1));
        return join.whole();
      },
      {{2, 3, 1}, {2, 3, 4}});
  Context context(strict(Device::cpu));
  Join join(context, {2, 3}, DType::f32);
  into(Scale{2}, Tensor::from(context, {2, 1}, std::vector<float>{1, 2}), join.part(1));
  CHECK_THROWS_AS(join.whole(), Error);
  CHECK_THROWS_AS(join.part(3), Error);
  CHECK_THROWS_AS(join.part(0), Error);
  into(Scale{3}, Tensor::from(context, {2, 2}, std::vector<float>{1, 2, 3, 4}), join.part(2));
  CHECK(join.whole().to_vector<float>() == std::vector<float>{2, 3, 6, 4, 9, 12});
}

TEST_CASE("join: a part that is used elsewhere as well") {
  check_op(
      [](const Inputs& in) {
        Join join(in[0].context(), {2, 3, 5}, in[0].dtype());
        const Tensor a = into(Tanh{}, in[0], join.part(2));
        into(Sigmoid{}, in[1], join.part(3));
        const Tensor whole = join.whole();
        return concatenate(std::vector<Tensor>{multiply(a, a), whole});
      },
      {{2, 3, 2}, {2, 3, 3}});
}

// add() hands one dy to both sides. The join must not let its parts' gradients grow inside it: the other side
// still reads the same elements.
TEST_CASE("join: gradients added to a part leave a shared upstream gradient alone") {
  check_op(
      [](const Inputs& in) {
        const Tensor x = scale(in[0], 2), side = scale(in[1], 3);  // side's backward runs after the parts'
        const Tensor square = multiply(x, x);
        const Tensor parts[] = {x, square};
        return add(side, concatenate(parts));
      },
      {{2, 3, 2}, {2, 3, 4}});
  check_op(
      [](const Inputs& in) {
        const Tensor x = scale(in[0], 2), side = scale(in[1], 3);
        const Tensor square = multiply(x, x);
        return add(side, add(reshape(x, {6}), reshape(square, {6})));
      },
      {{2, 3}, {6}});
}

TEST_CASE("concatenate: gradients and values") {
  check_op([](const Inputs& in) { return concatenate(in); }, {{2, 3, 1}, {2, 3, 4}, {2, 3, 2}});
  check_op([](const Inputs& in) { return concatenate(std::vector<Tensor>{in[0], in[0]}); }, {{3}});
  check_op(through_windows([](const Inputs& in) { return concatenate(in); }), {{1, 1, 1}, {1, 1, 1}});
  Context context(strict(Device::cpu));
  const Tensor a = Tensor::zeros(context, {2, 3});
  CHECK_THROWS_AS(concatenate({}), Error);
  CHECK_THROWS_AS(concatenate(std::vector<Tensor>{a, Tensor::zeros(context, {3, 3})}), Error);
  CHECK_THROWS_AS(concatenate(std::vector<Tensor>{a, Tensor::zeros(context, {2, 3, 1})}), Error);
  CHECK_THROWS_AS(concatenate(std::vector<Tensor>{a, Tensor::zeros(context, {2, 3}, DType::f64)}), Error);
}

TEST_CASE("slice: along every dimension, alone and added to other gradients") {
  const Shape shape = {3, 5, 4};
  for (int dim : {0, 1, 2, -1, -2})
    for (int64_t from : {0, 1}) {
      CAPTURE(dim);
      const auto op = [=](const Inputs& in) { return slice(in[0], dim, from, 3); };
      check_op(op, {shape});
      // The other use comes first in backward: the slice adds to a sum that exists.
      check_op([=](const Inputs& in) { return add(sum(op(in)), sum(multiply(in[0], in[0]))); }, {shape});
      check_op([=](const Inputs& in) { return add(sum(multiply(in[0], in[0])), sum(op(in))); }, {shape});
    }
  check_op(through_windows([](const Inputs& in) { return slice(in[0], 2, 1, 3); }), {shape});
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(slice(x, 1, 1, 3).to_vector<float>() == std::vector<float>{2, 3, 5, 6});
  CHECK(slice(x, 0, 1, 1).count() == 0);
  CHECK_THROWS_AS(slice(x, 2, 0, 1), Error);
  CHECK_THROWS_AS(slice(x, 1, 2, 4), Error);
  CHECK_THROWS_AS(slice(x, 1, 2, 1), Error);
}

TEST_CASE("reshape: shares elements forward and gradients backward") {
  check_op([](const Inputs& in) { return reshape(in[0], {6, 2}); }, {{3, 4}});
  check_op(through_windows([](const Inputs& in) {
             return reshape(reshape(scale(in[0], 2), {12}), {3, 4});
           }),
           {{3, 4}});
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::zeros(context, {3, 4});
  CHECK(reshape(x, {12}).raw_data() == x.raw_data());
  CHECK_THROWS_AS(reshape(x, {5}), Error);
  CHECK_THROWS_AS(reshape(x.window(1, 0, 2), {6}), Error);
}

TEST_CASE("copy_rows: windows along any dimension, any element type") {
  Context context(strict(Device::cpu, 3));
  std::vector<uint8_t> numbers(24);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<uint8_t>(i);
  const Tensor x = Tensor::from(context, {2, 3, 4}, numbers);
  const Tensor y = Tensor::zeros(context, {2, 2, 2}, DType::u8);
  copy_rows(context.cpu(), x.window(1, 1, 3).window(2, 0, 2), y);
  CHECK(y.to_vector<uint8_t>() == std::vector<uint8_t>{4, 5, 8, 9, 16, 17, 20, 21});
  copy_rows(context.cpu(), y, x.window(1, 0, 2).window(2, 2, 4));
  CHECK(x.to_vector<uint8_t>()[2] == 4);
  CHECK(x.to_vector<uint8_t>()[19] == 21);
  CHECK_THROWS_AS(copy_rows(context.cpu(), x, y), Error);
  CHECK_THROWS_AS(copy_rows(context.cpu(), y, Tensor::zeros(context, {2, 2, 2})), Error);
}
