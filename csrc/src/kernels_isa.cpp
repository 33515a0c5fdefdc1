// Compiled once per instruction set (CMakeLists.txt), so everything here but the table has internal
// linkage and no standard template is instantiated: the linker could otherwise hand the AVX2 copy of
// an inline function to a machine without AVX2.
//
// Vectors are the compiler's own generic ones. Every output goes through the same additions in the
// same order, whichever group or lane computes it; no loop is left to be split into a vector body and
// a tail that differ.
#include "sonicrtc/kernels.hpp"

#include <bit>
#include <utility>

#ifndef SONICRTC_KERNELS
#error "SONICRTC_KERNELS names the table to define"
#endif

namespace sonicrtc {
namespace {

#if defined(__AVX2__)
constexpr std::size_t kVectorFloats = 8;
#else
constexpr std::size_t kVectorFloats = 4;
#endif
// Outputs that are summed side by side, in vectors: as many as there are registers for beside the
// coefficients. Twenty milliseconds, 320 outputs, are whole groups of either size.
#if defined(__AVX512VL__) || defined(__aarch64__)
constexpr std::size_t kWideVectors = 10;  // of 32 registers
#else
constexpr std::size_t kWideVectors = 8;  // of 16
#endif
constexpr std::size_t kMiddleVectors = 4;
constexpr std::size_t kTapVectors = 5;  // coefficients held at once
typedef float Vector __attribute__((vector_size(kVectorFloats * sizeof(float))));
typedef float LooseVector __attribute__((vector_size(kVectorFloats * sizeof(float)), aligned(4), may_alias));

typedef std::int32_t IntVector __attribute__((vector_size(sizeof(Vector))));
typedef std::int32_t LooseIntVector __attribute__((vector_size(sizeof(Vector)), aligned(2), may_alias));
typedef std::int16_t ShortVector __attribute__((vector_size(sizeof(Vector) / 2)));
typedef std::int16_t LooseShortVector __attribute__((vector_size(sizeof(Vector) / 2), aligned(2), may_alias));

static_assert(kRunTaps % kVectorFloats == 0);

inline Vector load(const float* p) { return *reinterpret_cast<const LooseVector*>(p); }
inline void store(float* p, Vector v) { *reinterpret_cast<LooseVector*>(p) = v; }

// ---- spread ----------------------------------------------------------------------------------

constexpr float kScale = 1.0F / 32768.0F;
constexpr std::size_t kTile = 480;  // a multiple of every number of streams up to 6

template <Mix mix>
inline float mixed(const std::int16_t* in, std::size_t i) {
  if constexpr (mix == Mix::mono) return static_cast<float>(in[i]) * kScale;
  if constexpr (mix == Mix::left) return static_cast<float>(in[2 * i]) * kScale;
  if constexpr (mix == Mix::right) return static_cast<float>(in[2 * i + 1]) * kScale;
  // The sum of two int16 is exact in a float, so this is the exact mean.
  return static_cast<float>(in[2 * i] + in[2 * i + 1]) * (kScale * 0.5F);
}

// A vector of consecutive frames; of two channels, both int16 of a frame in one int32.
template <Mix mix>
inline IntVector load_frames(const std::int16_t* in) {
  if constexpr (mix == Mix::mono) {
    return __builtin_convertvector(*reinterpret_cast<const LooseShortVector*>(in), IntVector);
  } else {
    return *reinterpret_cast<const LooseIntVector*>(in);
  }
}

// What load_frames() gave, mixed to one channel.
template <Mix mix>
inline Vector mixed(IntVector frames) {
  constexpr float scale = mix == Mix::mean ? kScale * 0.5F : kScale;
  constexpr bool little = std::endian::native == std::endian::little;
  if constexpr (mix != Mix::mono) {
    const IntVector low = (frames << 16) >> 16;
    const IntVector high = frames >> 16;
    if constexpr (mix == Mix::mean) {
      frames = low + high;
    } else {
      frames = (mix == Mix::left) == little ? low : high;
    }
  }
  return __builtin_convertvector(frames, Vector) * scale;
}

template <Mix mix>
void mix_into(const std::int16_t* in, std::size_t frames, float* out) {
  constexpr std::size_t channels = channels_of(mix);
  std::size_t i = 0;
  for (; i + kVectorFloats <= frames; i += kVectorFloats) {
    store(out + i, mixed<mix>(load_frames<mix>(in + i * channels)));
  }
  for (; i < frames; ++i) out[i] = mixed<mix>(in, i);
}

template <std::size_t streams>
void deal(const float* __restrict in, std::size_t rows, float* __restrict out, std::size_t stride) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t s = 0; s < streams; ++s) out[s * stride + r] = in[r * streams + s];
  }
}

using Lanes = std::make_index_sequence<kVectorFloats>;

// Which of three vectors in a row holds, in its lane `lane`, an element whose number is `stream` modulo 3.
constexpr std::size_t third_source(std::size_t stream, std::size_t lane) {
  std::size_t vector = 0;
  while ((vector * kVectorFloats + lane) % 3 != stream) ++vector;
  return vector;
}

// Every third element from number `stream` on. No two of them stand in the same lane, so that two blends
// and one permutation gather them.
template <std::size_t stream, std::size_t... lane>
inline IntVector every_third(IntVector x, IntVector y, IntVector z, std::index_sequence<lane...>) {
  const IntVector xy = __builtin_shufflevector(x, y, (third_source(stream, lane) == 1 ? kVectorFloats + lane : lane)...);
  const IntVector xyz = __builtin_shufflevector(xy, z, (third_source(stream, lane) == 2 ? kVectorFloats + lane : lane)...);
  return __builtin_shufflevector(xyz, xyz, ((stream + 3 * lane) % kVectorFloats)...);
}

// Three streams, as 48 to 16 kHz needs them in every call: dealt before they are mixed, without a tile.
// Returns how many rows that were.
template <Mix mix>
std::size_t mix_and_deal_three(const std::int16_t* in, std::size_t rows, float* out, std::size_t stride) {
  constexpr std::size_t step = kVectorFloats * channels_of(mix);
  std::size_t row = 0;
  for (; row + kVectorFloats <= rows; row += kVectorFloats, in += 3 * step) {
    const IntVector x = load_frames<mix>(in);
    const IntVector y = load_frames<mix>(in + step);
    const IntVector z = load_frames<mix>(in + 2 * step);
    store(out + row, mixed<mix>(every_third<0>(x, y, z, Lanes{})));
    store(out + stride + row, mixed<mix>(every_third<1>(x, y, z, Lanes{})));
    store(out + 2 * stride + row, mixed<mix>(every_third<2>(x, y, z, Lanes{})));
  }
  return row;
}

void deal_rows(const float* in, std::size_t rows, float* out, std::size_t streams, std::size_t stride) {
  switch (streams) {
    case 2: return deal<2>(in, rows, out, stride);
    case 3: return deal<3>(in, rows, out, stride);
    case 6: return deal<6>(in, rows, out, stride);
    default:
      for (std::size_t i = 0; i < rows * streams; ++i) out[(i % streams) * stride + i / streams] = in[i];
  }
}

template <Mix mix>
void spread_mix(const std::int16_t* in, std::size_t frames, float* out, std::size_t streams, std::size_t stride,
                std::size_t position) {
  constexpr std::size_t channels = channels_of(mix);
  if (streams == 1) return mix_into<mix>(in, frames, out + position);
  while (frames > 0 && position % streams != 0) {
    out[(position % streams) * stride + position / streams] = mixed<mix>(in, 0);
    in += channels;
    ++position;
    --frames;
  }
  if (streams == 3) {
    const std::size_t rows = mix_and_deal_three<mix>(in, frames / 3, out + position / 3, stride);
    in += rows * 3 * channels;
    position += rows * 3;
    frames -= rows * 3;
  }
  alignas(64) float tile[kTile];
  while (frames >= streams) {
    const std::size_t rows = (frames < kTile ? frames : kTile) / streams;
    mix_into<mix>(in, rows * streams, tile);
    deal_rows(tile, rows, out + position / streams, streams, stride);
    in += rows * streams * channels;
    position += rows * streams;
    frames -= rows * streams;
  }
  for (std::size_t i = 0; i < frames; ++i) out[i * stride + position / streams] = mixed<mix>(in, i);
}

void spread(const std::int16_t* in, std::size_t frames, Mix mix, float* out, std::size_t streams, std::size_t stride,
            std::size_t position) {
  switch (mix) {
    case Mix::mono: return spread_mix<Mix::mono>(in, frames, out, streams, stride, position);
    case Mix::mean: return spread_mix<Mix::mean>(in, frames, out, streams, stride, position);
    case Mix::left: return spread_mix<Mix::left>(in, frames, out, streams, stride, position);
    case Mix::right: return spread_mix<Mix::right>(in, frames, out, streams, stride, position);
  }
}

// ---- fir -------------------------------------------------------------------------------------

inline Vector splat(float value) { return value - Vector{}; }

// Adds to each of `outputs` vectors of sums the taps `residue + v * kVectorFloats`, v < taps, for every
// residue. One vector of input serves up to `taps` sums, so most multiplications load nothing; where
// each tap loaded its own unaligned vector, the loads took longer than the arithmetic.
template <std::size_t outputs, std::size_t taps>
void add_taps(const float* x, const float* coefs, Vector* sums) {
  Vector sum[outputs];
#pragma GCC unroll 16
  for (std::size_t v = 0; v < outputs; ++v) sum[v] = sums[v];
  for (std::size_t residue = 0; residue < kVectorFloats; ++residue) {
    Vector coef[taps];
#pragma GCC unroll 16
    for (std::size_t t = 0; t < taps; ++t) coef[t] = splat(coefs[residue + t * kVectorFloats]);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < outputs + taps - 1; ++i) {
      const Vector input = load(x + residue + i * kVectorFloats);
#pragma GCC unroll 16
      for (std::size_t t = 0; t < taps; ++t) {
        if (t <= i && i - t < outputs) sum[i - t] += input * coef[t];
      }
    }
  }
#pragma GCC unroll 16
  for (std::size_t v = 0; v < outputs; ++v) sums[v] = sum[v];
}

template <std::size_t outputs>
void add_run(const float* x, const float* coefs, std::size_t taps, Vector* sums) {
  std::size_t left = taps / kVectorFloats;
  while (left > 0) {
    const std::size_t parts = (left + kTapVectors - 1) / kTapVectors;
    const std::size_t step = (left + parts - 1) / parts;
    switch (step) {
      case 1: add_taps<outputs, 1>(x, coefs, sums); break;
      case 2: add_taps<outputs, 2>(x, coefs, sums); break;
      case 3: add_taps<outputs, 3>(x, coefs, sums); break;
      case 4: add_taps<outputs, 4>(x, coefs, sums); break;
      default: add_taps<outputs, kTapVectors>(x, coefs, sums);
    }
    x += step * kVectorFloats;
    coefs += step * kVectorFloats;
    left -= step;
  }
}

template <std::size_t outputs>
inline void fir_group(const float* x, const Run* runs, std::size_t count, const float* coefs, float* y) {
  Vector sums[outputs] = {};
  for (std::size_t r = 0; r < count; ++r) {
    add_run<outputs>(x + runs[r].offset, coefs, runs[r].taps, sums);
    coefs += runs[r].taps;
  }
#pragma GCC unroll 16
  for (std::size_t v = 0; v < outputs; ++v) store(y + v * kVectorFloats, sums[v]);
}

void fir(const float* x, const Run* runs, std::size_t run_count, const float* coefs, float* y, std::size_t count) {
  constexpr std::size_t wide = kWideVectors * kVectorFloats;
  constexpr std::size_t middle = kMiddleVectors * kVectorFloats;
  std::size_t n = 0;
  for (; n + wide <= count; n += wide) fir_group<kWideVectors>(x + n, runs, run_count, coefs, y + n);
  for (; n + middle <= count; n += middle) fir_group<kMiddleVectors>(x + n, runs, run_count, coefs, y + n);
  for (; n + kVectorFloats <= count; n += kVectorFloats) fir_group<1>(x + n, runs, run_count, coefs, y + n);
  if (n < count) {
    float rest[kVectorFloats];
    fir_group<1>(x + n, runs, run_count, coefs, rest);
    for (std::size_t i = 0; n + i < count; ++i) y[n + i] = rest[i];
  }
}

float dot(const float* x, const float* coefs, std::size_t taps) {
  constexpr std::size_t vectors = 8 / kVectorFloats;
  Vector sum[vectors] = {};
  for (std::size_t t = 0; t < taps; t += 8) {
    for (std::size_t v = 0; v < vectors; ++v) {
      sum[v] += load(x + t + v * kVectorFloats) * load(coefs + t + v * kVectorFloats);
    }
  }
  float lanes[8];
  for (std::size_t v = 0; v < vectors; ++v) store(lanes + v * kVectorFloats, sum[v]);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// ---- emit ------------------------------------------------------------------------------------

constexpr float kLargest = 32767.0F / 32768.0F;  // the most that int16 can say
constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to nearest and leaves an integer
constexpr std::int32_t kRounderBits = 0x4B400000;

// Clamps and rounds one vector; returns the clamped floats.
inline Vector emit_vector(float* f32, std::int16_t* s16) {
  const Vector low = splat(-1.0F);
  const Vector high = splat(kLargest);
  Vector v = load(f32);
  v = v < low ? low : v;
  v = v > high ? high : v;
  store(f32, v);
  const Vector rounded = v * 32768.0F + kRounder;
  const IntVector integers = reinterpret_cast<IntVector>(rounded) - kRounderBits;
  *reinterpret_cast<LooseShortVector*>(s16) = __builtin_convertvector(integers, ShortVector);
  return v;
}

float emit(float* f32, std::int16_t* s16, std::size_t count) {
  Vector energy = {};
  std::size_t i = 0;
  for (; i + kVectorFloats <= count; i += kVectorFloats) {
    const Vector v = emit_vector(f32 + i, s16 + i);
    energy += v * v;
  }
  if (i < count) {
    float rest_f32[kVectorFloats] = {};
    std::int16_t rest_s16[kVectorFloats];
    for (std::size_t l = 0; i + l < count; ++l) rest_f32[l] = f32[i + l];
    const Vector v = emit_vector(rest_f32, rest_s16);
    energy += v * v;
    for (std::size_t l = 0; i + l < count; ++l) {
      f32[i + l] = rest_f32[l];
      s16[i + l] = rest_s16[l];
    }
  }
  float total = 0.0F;
  for (std::size_t l = 0; l < kVectorFloats; ++l) total += energy[l];
  return total;
}

}  // namespace

extern const Kernels SONICRTC_KERNELS;
const Kernels SONICRTC_KERNELS{SONICRTC_ISA_NAME, &spread, &fir, &dot, &emit};

}  // namespace sonicrtc
