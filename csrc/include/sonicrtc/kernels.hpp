// The inner loops, compiled once per instruction set and chosen at construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sonicrtc/pcm.hpp"

namespace sonicrtc {

/// Consecutive input samples, oldest first, that a filter multiplies by as many coefficients.
struct Run {
  std::size_t offset;  ///< of the first sample, from where the input of output 0 is counted
  std::size_t taps;    ///< a multiple of kRunTaps
};

inline constexpr std::size_t kRunTaps = 8;

/// Function pointers of one instruction set. None of them allocates or throws, and each gives
/// every output the same operations in the same order wherever it stands in a block.
struct Kernels {
  const char* name;  ///< "baseline", "avx2" or "avx512"

  /// Mixes `frames` of `in` to floats in [-1, 1) and deals them to `streams` in turn: sample number
  /// `position + i` goes to stream `(position + i) % streams`, row `(position + i) / streams`.
  /// Stream s starts at `out + s * stride`.
  void (*spread)(const std::int16_t* in, std::size_t frames, Mix mix, float* out, std::size_t streams,
                 std::size_t stride, std::size_t position);

  /// y[n] = the sum, over the runs r and t < runs[r].taps, of coefs[..] * x[runs[r].offset + t + n], for
  /// n < count; `coefs` has the runs' coefficients one after the other. May read kRunTaps - 1 floats
  /// past the last one that it needs.
  void (*fir)(const float* x, const Run* runs, std::size_t run_count, const float* coefs, float* y, std::size_t count);

  /// The scalar product of `taps` floats; `taps` is a multiple of 8.
  float (*dot)(const float* x, const float* coefs, std::size_t taps);

  /// Clamps `f32` to [-1, 32767/32768] in place, rounds it into `s16`, and returns its sum of squares.
  float (*emit)(float* f32, std::int16_t* s16, std::size_t count);
};

/// What this machine can run, slowest first; "baseline" is always there.
std::span<const Kernels* const> available_kernels();

/// The fastest kernels for this machine. The environment variable SONICRTC_ISA=baseline|avx2|avx512
/// chooses for tests; throws std::invalid_argument when it names a set that is unknown or absent.
/// "avx512" is "avx2" with its 32 registers: the same operations, so the same bits.
const Kernels& select_kernels();

}  // namespace sonicrtc
