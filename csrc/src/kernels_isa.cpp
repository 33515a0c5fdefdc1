// Compiled once per instruction set (CMakeLists.txt), so everything here but the table has internal
// linkage and no standard template is instantiated: the linker could otherwise hand the AVX2 copy of
// an inline function to a machine without AVX2.
//
// Vectors are the compiler's own generic ones. Every output goes through the same additions in the
// same order, whichever group or lane computes it; no loop is left to be split into a vector body and
// a tail that differ.
#include "sonicrtc/kernels.hpp"

#ifndef SONICRTC_KERNELS
#error "SONICRTC_KERNELS names the table to define"
#endif

namespace sonicrtc {
namespace {

#if defined(__AVX2__)
constexpr std::size_t kVectorFloats = 8;
constexpr std::size_t kWideVectors = 10;  // enough independent sums to hide the latency of an addition
#else
constexpr std::size_t kVectorFloats = 4;
constexpr std::size_t kWideVectors = 10;
#endif
constexpr std::size_t kNarrowVectors = 2;
typedef float Vector __attribute__((vector_size(kVectorFloats * sizeof(float))));
typedef float LooseVector __attribute__((vector_size(kVectorFloats * sizeof(float)), aligned(4), may_alias));

static_assert(kWideVectors * kVectorFloats <= kFirOverread);

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

template <Mix mix>
void mix_into(const std::int16_t* in, std::size_t frames, float* __restrict out) {
  for (std::size_t i = 0; i < frames; ++i) out[i] = mixed<mix>(in, i);
}

template <std::size_t streams>
void deal(const float* __restrict in, std::size_t rows, float* __restrict out, std::size_t stride) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t s = 0; s < streams; ++s) out[s * stride + r] = in[r * streams + s];
  }
}

void deal_three(const float* __restrict in, std::size_t rows, float* __restrict a, float* __restrict b,
                float* __restrict c) {
  for (std::size_t r = 0; r < rows; ++r) {
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

template <std::size_t vectors>
inline void fir_group(const float* x, const std::int32_t* offsets, const float* coefs, std::size_t taps, float* y) {
  Vector sum[vectors] = {};
  for (std::size_t t = 0; t < taps; ++t) {
    const float* const from = x + offsets[t];
    const float coef = coefs[t];
#pragma GCC unroll 16
    for (std::size_t v = 0; v < vectors; ++v) sum[v] += load(from + v * kVectorFloats) * coef;
  }
#pragma GCC unroll 16
  for (std::size_t v = 0; v < vectors; ++v) store(y + v * kVectorFloats, sum[v]);
}

void fir(const float* x, const std::int32_t* offsets, const float* coefs, std::size_t taps, float* y,
         std::size_t count) {
  constexpr std::size_t wide = kWideVectors * kVectorFloats;
  constexpr std::size_t narrow = kNarrowVectors * kVectorFloats;
  std::size_t n = 0;
  for (; n + wide <= count; n += wide) fir_group<kWideVectors>(x + n, offsets, coefs, taps, y + n);
  for (; n + narrow <= count; n += narrow) fir_group<kNarrowVectors>(x + n, offsets, coefs, taps, y + n);
  if (n < count) {
    float rest[narrow];
    fir_group<kNarrowVectors>(x + n, offsets, coefs, taps, rest);
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

float emit(float* __restrict f32, std::int16_t* __restrict s16, std::size_t count) {
  constexpr std::size_t lanes = 8;
  float energy[lanes] = {};
  const auto one = [f32, s16](std::size_t i) {
    float v = f32[i];
    v = v < -1.0F ? -1.0F : v;
    v = v > kAlmostOne ? kAlmostOne : v;
    f32[i] = v;
    float scaled = v * 32768.0F;
    scaled = scaled > 32767.0F ? 32767.0F : scaled;
    union {
      float value;
      std::int32_t bits;
    } rounded{scaled + kRounder};
    s16[i] = static_cast<std::int16_t>(rounded.bits & 0xFFFF);
    return v;
  };
  const std::size_t whole = count - count % lanes;
  for (std::size_t i = 0; i < whole; i += lanes) {
    for (std::size_t l = 0; l < lanes; ++l) {
      const float v = one(i + l);
      energy[l] += v * v;
    }
  }
  for (std::size_t i = whole; i < count; ++i) {
    const float v = one(i);
    energy[i - whole] += v * v;
  }
  float total = 0.0F;
  for (std::size_t l = 0; l < lanes; ++l) total += energy[l];
  return total;
}

}  // namespace

extern const Kernels SONICRTC_KERNELS;
const Kernels SONICRTC_KERNELS{SONICRTC_ISA_NAME, &spread, &fir, &dot, &emit};

}  // namespace sonicrtc
