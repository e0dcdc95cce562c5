// SPDX-License-Identifier: MIT
#include "mellow/engine/internal/small_mlp.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "mellow/engine/core/error.h"
#include "mellow/kernels/cpu/adam_range.h"
#include "mellow/kernels/cpu/arena.h"
#include "mellow/kernels/cpu/small_mlp_rows.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::internal {
namespace {

using cpu::Tile;

constexpr int64_t rows_at_once = 64;  // of logits(): one layer's activations stay in the first-level cache
constexpr size_t alignment = 64;

// How the units of a layer lie: `padded` columns in panels of `panel` columns, as the register tiles want.
struct Width {
  int64_t units, padded, panel;
  int64_t panels() const { return padded / panel; }
};

Width width_of(int64_t units, int64_t lanes) {
  const int64_t padded = cpu::round_up(units, lanes);
  return {units, padded, padded % (2 * lanes) == 0 ? 2 * lanes : lanes};
}

// One layer. Padding is zero and stays zero: padded units have no weights, so no activation and no gradient.
struct Layer {
  Width in, out;
  int64_t depth;         // rows of the weights: features, or in.padded
  int64_t weight, bias;  // offsets in the parameter arrays: [panel of out][depth][panel], [out.padded]
  float* transposed;     // [panel of in][out.padded][panel], for the gradient of the input; not in the first
  float* activation;     // output after ReLU, [rows][out.padded]
  float* delta;          // its gradient, [panel of out][batch][panel]
};

}  // namespace

struct SmallMlp::Layers {
  const cpu::TileKernels<float>& tiles;
  int64_t features, classes, batch, size = 0;
  std::vector<Layer> layers;
  struct Free {
    void operator()(std::byte* block) const { ::operator delete[](block, std::align_val_t{alignment}); }
  };
  std::unique_ptr<std::byte[], Free> block;
  float *weight = nullptr, *gradient = nullptr, *first = nullptr, *second = nullptr, *zeros = nullptr;

  Layers(std::span<const int64_t> widths, int64_t most_rows)
      : tiles(cpu::tiles_for(cpu::KernelOptions{}, 0.0f)),
        features(widths.front()),
        classes(widths.back()),
        batch(most_rows) {
    for (size_t i = 0; i + 1 < widths.size(); ++i) {
      Layer layer{width_of(widths[i], tiles.lanes), width_of(widths[i + 1], tiles.lanes), 0, size, 0};
      layer.depth = i == 0 ? features : layer.in.padded;
      layer.bias = size + layer.depth * layer.out.padded;
      size = layer.bias + layer.out.padded;
      layers.push_back(layer);
    }
    cpu::Arena counting;
    lay_out(counting);
    block.reset(static_cast<std::byte*>(::operator new[](counting.used(), std::align_val_t{alignment})));
    std::fill_n(block.get(), counting.used(), std::byte{0});
    cpu::Arena arena(block.get());
    lay_out(arena);
  }

  void lay_out(cpu::Arena& arena) {
    for (float** array : {&weight, &gradient, &first, &second}) *array = arena.take<float>(size);
    zeros = arena.take<float>(cpu::max_tile_columns);
    for (Layer& layer : layers) {
      layer.transposed = arena.take<float>(&layer == &layers[0] ? 0 : layer.in.padded * layer.out.padded);
      layer.activation = arena.take<float>(std::max(batch, rows_at_once) * layer.out.padded);
      layer.delta = arena.take<float>(batch * layer.out.padded);
    }
  }

  // f(place in memory, place in PyTorch's order) for every parameter.
  template <class F>
  void for_parameters(F&& f) const {
    size_t plain = 0;
    for (const Layer& layer : layers) {
      for (int64_t o = 0; o < layer.out.units; ++o) {
        const int64_t panel = o / layer.out.panel, column = o % layer.out.panel;
        for (int64_t i = 0; i < layer.in.units; ++i)
          f(layer.weight + (panel * layer.depth + i) * layer.out.panel + column, plain++);
      }
      for (int64_t o = 0; o < layer.out.units; ++o) f(layer.bias + o, plain++);
    }
  }

  void transpose_weights() {
    for (const Layer& layer : std::span(layers).subspan(1))
      cpu::transpose_panels(weight + layer.weight, layer.depth, layer.out.panels(), layer.out.panel,
                            layer.in.panel, layer.transposed);
  }

  // All register tiles of one product: `rows` rows in nearly equal tiles, for each of `panels` panels. `at`
  // moves the tile to a row and a panel.
  template <class At>
  void run_tiles(bool down, int64_t rows, int64_t panels, int64_t panel, Tile<float> tile, At&& at) const {
    const auto& functions = down ? tiles.down : tiles.across;
    const int vectors = panel == tiles.lanes ? 0 : 1;
    const int64_t count = cpu::ceil_div(rows, tiles.rows);
    for (int64_t m = 0; m < count; ++m) {
      const cpu::Range part = cpu::part_of_range(rows, m, count);
      for (int64_t p = 0; p < panels; ++p) {
        at(tile, part.begin, p);
        functions[part.size() - 1][vectors](tile);
      }
    }
  }

  // Activations of all layers for `rows` rows of x.
  void forward(const float* x, int64_t rows) {
    const float* input = x;
    int64_t pitch = features;
    for (const Layer& layer : layers) {
      Tile<float> tile{.a_step = pitch,
                       .a_segment = 0,
                       .b_segment = 0,
                       .init_row = 0,
                       .c_row = layer.out.padded,
                       .segments = 1,
                       .depth = layer.depth};
      run_tiles(false, rows, layer.out.panels(), layer.out.panel, tile,
                [&](Tile<float>& t, int64_t row, int64_t panel) {
                  t.a = input + row * pitch;
                  t.b = weight + layer.weight + panel * layer.depth * layer.out.panel;
                  t.init = weight + layer.bias + panel * layer.out.panel;
                  t.c = layer.activation + row * layer.out.padded + panel * layer.out.panel;
                });
      if (&layer != &layers.back()) cpu::relu(rows * layer.out.padded, layer.activation);
      input = layer.activation;
      pitch = layer.out.padded;
    }
  }

  void weight_gradient(const Layer& layer, const float* input, int64_t pitch, int64_t rows) {
    const Width& out = layer.out;
    Tile<float> tile{.a_step = pitch,
                     .a_segment = 0,
                     .b_segment = 0,
                     .init = zeros,
                     .init_row = 0,
                     .c_row = out.panel,
                     .segments = 1,
                     .depth = rows};
    run_tiles(true, layer.depth, out.panels(), out.panel, tile,
              [&](Tile<float>& t, int64_t row, int64_t panel) {
                t.a = input + row;
                t.b = layer.delta + panel * batch * out.panel;
                t.c = gradient + layer.weight + (panel * layer.depth + row) * out.panel;
              });
    for (int64_t panel = 0; panel < out.panels(); ++panel)
      cpu::sum_rows(rows, out.panel, layer.delta + panel * batch * out.panel,
                    gradient + layer.bias + panel * out.panel);
  }

  // delta of the layer below: through the weights, and zero where its ReLU was.
  void input_gradient(const Layer& layer, const Layer& below, int64_t rows) {
    const Width &in = layer.in, &out = layer.out;
    Tile<float> tile{.a_step = out.panel,
                     .a_segment = batch * out.panel,
                     .b_segment = out.panel * in.panel,
                     .init = zeros,
                     .init_row = 0,
                     .c_row = in.panel,
                     .segments = out.panels(),
                     .depth = out.panel};
    run_tiles(false, rows, in.panels(), in.panel, tile, [&](Tile<float>& t, int64_t row, int64_t panel) {
      t.a = layer.delta + row * out.panel;
      t.b = layer.transposed + panel * out.padded * in.panel;
      t.c = below.delta + (panel * batch + row) * in.panel;
    });
    for (int64_t panel = 0; panel < in.panels(); ++panel)
      cpu::mask_by_relu(rows, in.panel, below.activation + panel * in.panel, in.padded,
                        below.delta + panel * batch * in.panel);
  }
};

SmallMlp::SmallMlp(std::span<const int64_t> widths, int64_t batch) {
  MELLOW_CHECK(widths.size() >= 2 && *std::min_element(widths.begin(), widths.end()) > 0 && batch > 0,
               "[small_mlp] needs features, classes and a batch of at least 1, got ", widths.size(),
               " widths and batch ", batch);
  layers_ = std::make_unique<Layers>(widths, batch);
}

SmallMlp::~SmallMlp() = default;

int64_t SmallMlp::parameter_count() const {
  int64_t count = 0;
  for (const Layer& layer : layers_->layers) count += (layer.in.units + 1) * layer.out.units;
  return count;
}

void SmallMlp::set_parameters(std::span<const float> parameters) {
  Layers& n = *layers_;
  MELLOW_CHECK(std::ssize(parameters) == parameter_count(), "[small_mlp] has ", parameter_count(),
               " parameters, got ", parameters.size());
  n.for_parameters([&](int64_t place, size_t plain) { n.weight[place] = parameters[plain]; });
  std::fill_n(n.first, n.size, 0.0f);
  std::fill_n(n.second, n.size, 0.0f);
  n.transpose_weights();
}

std::vector<float> SmallMlp::parameters() const {
  std::vector<float> out(static_cast<size_t>(parameter_count()));
  layers_->for_parameters([&](int64_t place, size_t plain) { out[plain] = layers_->weight[place]; });
  return out;
}

std::vector<float> SmallMlp::last_gradient() const {
  std::vector<float> out(static_cast<size_t>(parameter_count()));
  layers_->for_parameters([&](int64_t place, size_t plain) { out[plain] = layers_->gradient[place]; });
  return out;
}

void SmallMlp::save(std::vector<float>& snapshot) const {
  snapshot.assign(layers_->weight, layers_->weight + layers_->size);
}

void SmallMlp::restore(std::span<const float> snapshot) {
  MELLOW_CHECK(std::ssize(snapshot) == layers_->size, "[small_mlp] a snapshot of this network has ",
               layers_->size, " values, got ", snapshot.size());
  std::copy(snapshot.begin(), snapshot.end(), layers_->weight);
  layers_->transpose_weights();
}

void SmallMlp::logits(std::span<const float> x, int64_t rows, float* out) {
  Layers& n = *layers_;
  MELLOW_CHECK(std::ssize(x) == rows * n.features, "[small_mlp] ", rows, " rows of ", n.features,
               " features, got ", x.size(), " values");
  const Layer& last = n.layers.back();
  for (int64_t begin = 0; begin < rows; begin += rows_at_once) {
    const int64_t count = std::min(rows_at_once, rows - begin);
    n.forward(x.data() + begin * n.features, count);
    for (int64_t r = 0; r < count; ++r)
      std::copy_n(last.activation + r * last.out.padded, n.classes, out + (begin + r) * n.classes);
  }
}

void SmallMlp::gradient(std::span<const float> x, std::span<const float> targets, int64_t rows) {
  Layers& n = *layers_;
  MELLOW_CHECK(rows > 0 && rows <= n.batch && std::ssize(x) == rows * n.features &&
                   std::ssize(targets) == rows * n.classes,
               "[small_mlp] a batch has 1 to ", n.batch, " rows of ", n.features, " features and ", n.classes,
               " targets, got ", rows, " rows, ", x.size(), " and ", targets.size(), " values");
  n.forward(x.data(), rows);
  const Layer& last = n.layers.back();
  for (int64_t r = 0; r < rows; ++r) {
    const float* z = last.activation + r * last.out.padded;
    const float* q = targets.data() + r * n.classes;
    cpu::cross_entropy_gradient(n.classes, z, q, 1.0f / static_cast<float>(rows), [&](int64_t c) -> float& {
      return last.delta[(c / last.out.panel * n.batch + r) * last.out.panel + c % last.out.panel];
    });
  }
  for (size_t i = n.layers.size(); i-- > 0;) {
    const Layer& layer = n.layers[i];
    const float* input = i == 0 ? x.data() : n.layers[i - 1].activation;
    n.weight_gradient(layer, input, i == 0 ? n.features : layer.in.padded, rows);
    if (i > 0) n.input_gradient(layer, n.layers[i - 1], rows);
  }
}

void SmallMlp::adam(double lr, int64_t step) {
  Layers& n = *layers_;
  cpu::adam_range(n.size, cpu::adam_step<float>({}, lr, static_cast<double>(step)), n.gradient, n.weight,
                  n.first, n.second);
  n.transpose_weights();
}

}  // namespace mellow::internal
