// The inner loops, compiled once per instruction set and chosen at construction.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sonicrtc/pcm.hpp"

namespace sonicrtc {

/// Function pointers of one instruction set. None of them allocates or throws, and each gives
/// every output the same operations in the same order wherever it stands in a block.
struct Kernels {
  const char* name;  ///< "baseline" or "avx2"

  /// Mixes `frames` of `in` to floats in [-1, 1) and deals them to `streams` in turn: sample number
  /// `position + i` goes to stream `(position + i) % streams`, row `(position + i) / streams`.
  /// Stream s starts at `out + s * stride`.
  void (*spread)(const std::int16_t* in, std::size_t frames, Mix mix, float* out, std::size_t streams,
                 std::size_t stride, std::size_t position);

  /// y[n] = sum over t of coefs[t] * x[offsets[t] + n], n < count. May read `kFirOverread` floats
  /// past the last one that it needs.
  void (*fir)(const float* x, const std::int32_t* offsets, const float* coefs, std::size_t taps, float* y,
              std::size_t count);

  /// The scalar product of `taps` floats; `taps` is a multiple of 8.
  float (*dot)(const float* x, const float* coefs, std::size_t taps);

  /// Clamps `f32` to [-1, 1) in place, rounds it into `s16`, and returns its sum of squares.
  float (*emit)(float* f32, std::int16_t* s16, std::size_t count);
};

inline constexpr std::size_t kFirOverread = 96;

/// The fastest kernels for this machine. The environment variable SONICRTC_ISA=baseline|avx2
/// chooses for tests; throws std::invalid_argument when it names a set that is unknown or absent.
const Kernels& select_kernels();

}  // namespace sonicrtc
