// Compiled once per instruction set (CMakeLists.txt), so everything here but the table has internal
// linkage and no standard template is instantiated: the linker could otherwise hand the AVX2 copy of
// an inline function to a machine without AVX2.
//
// Vectors are the compiler's own generic ones. Every output goes through the same additions in the
// same order, whichever group or lane computes it; no loop is left to be split into a vector body and
// a tail that differ.
#include "sonicrtc/kernels.hpp"

#include <bit>

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

// A vector of consecutive frames, before it is scaled. Two int16 are read as one int32 and taken apart.
template <Mix mix>
inline IntVector mixed_integers(const std::int16_t* in) {
  if constexpr (mix == Mix::mono) {
    return __builtin_convertvector(*reinterpret_cast<const LooseShortVector*>(in), IntVector);
  } else {
    constexpr bool little = std::endian::native == std::endian::little;
    const IntVector pairs = *reinterpret_cast<const LooseIntVector*>(in);
    const IntVector low = (pairs << 16) >> 16;
    const IntVector high = pairs >> 16;
    if constexpr (mix == Mix::mean) return low + high;
    return (mix == Mix::left) == little ? low : high;
  }
}

template <Mix mix>
void mix_into(const std::int16_t* in, std::size_t frames, float* out) {
  constexpr std::size_t channels = mix == Mix::mono ? 1 : 2;
  constexpr float scale = mix == Mix::mean ? kScale * 0.5F : kScale;
  std::size_t i = 0;
  for (; i + kVectorFloats <= frames; i += kVectorFloats) {
    store(out + i, __builtin_convertvector(mixed_integers<mix>(in + i * channels), Vector) * scale);
  }
  for (; i < frames; ++i) out[i] = mixed<mix>(in, i);
}

template <std::size_t streams>
void deal(const float* __restrict in, std::size_t rows, float* __restrict out, std::size_t stride) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t s = 0; s < streams; ++s) out[s * stride + r] = in[r * streams + s];
  }
}

// The ratio that every call uses, 48 to 16 kHz: twelve floats become four rows by shuffles.
void deal_three(const float* in, std::size_t rows, float* a, float* b, float* c) {
  typedef float Four __attribute__((vector_size(16)));
  typedef float LooseFour __attribute__((vector_size(16), aligned(4), may_alias));
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const Four x = *reinterpret_cast<const LooseFour*>(in + 3 * r);
    const Four y = *reinterpret_cast<const LooseFour*>(in + 3 * r + 4);
    const Four z = *reinterpret_cast<const LooseFour*>(in + 3 * r + 8);
    const Four x12_y01 = __builtin_shufflevector(x, y, 1, 2, 4, 5);
    const Four y23_z12 = __builtin_shufflevector(y, z, 2, 3, 5, 6);
    *reinterpret_cast<LooseFour*>(a + r) = __builtin_shufflevector(x, y23_z12, 0, 3, 4, 6);
    *reinterpret_cast<LooseFour*>(b + r) = __builtin_shufflevector(x12_y01, y23_z12, 0, 2, 5, 7);
    *reinterpret_cast<LooseFour*>(c + r) = __builtin_shufflevector(x12_y01, z, 1, 3, 4, 7);
  }
  for (; r < rows; ++r) {
    a[r] = in[3 * r];
    b[r] = in[3 * r + 1];
    c[r] = in[3 * r + 2];
  }
}

void deal_rows(const float* in, std::size_t rows, float* out, std::size_t streams, std::size_t stride) {
  switch (streams) {
    case 2: return deal<2>(in, rows, out, stride);
    case 3: return deal_three(in, rows, out, out + stride, out + 2 * stride);
    case 6: return deal<6>(in, rows, out, stride);
    default:
      for (std::size_t i = 0; i < rows * streams; ++i) out[(i % streams) * stride + i / streams] = in[i];
  }
}

template <Mix mix>
void spread_mix(const std::int16_t* in, std::size_t frames, float* out, std::size_t streams, std::size_t stride,
                std::size_t position) {
  constexpr std::size_t channels = mix == Mix::mono ? 1 : 2;
  if (streams == 1) return mix_into<mix>(in, frames, out + position);
  while (frames > 0 && position % streams != 0) {
    out[(position % streams) * stride + position / streams] = mixed<mix>(in, 0);
    in += channels;
    ++position;
    --frames;
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

constexpr float kAlmostOne = 0x1.fffffep-1F;
constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to nearest and leaves an integer
constexpr std::int32_t kRounderBits = 0x4B400000;

// Clamps and rounds one vector; returns the clamped floats.
inline Vector emit_vector(float* f32, std::int16_t* s16) {
  const Vector low = Vector{} - 1.0F;
  const Vector high = Vector{} + kAlmostOne;
  const Vector full_scale = Vector{} + 32767.0F;
  Vector v = load(f32);
  v = v < low ? low : v;
  v = v > high ? high : v;
  store(f32, v);
  Vector scaled = v * 32768.0F;
  scaled = scaled > full_scale ? full_scale : scaled;
  const Vector rounded = scaled + kRounder;
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
