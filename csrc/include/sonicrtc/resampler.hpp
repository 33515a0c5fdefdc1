// int16 mono in, int16 mono out at another rate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sonicrtc/fir.hpp"

namespace sonicrtc {

/// Streaming: the output of a signal is the same bits however it is cut into blocks.
class Resampler {
 public:
  /// Throws std::invalid_argument for a rate outside kRatesHz.
  Resampler(int input_rate_hz, int output_rate_hz, Quality quality = Quality::standard);

  [[nodiscard]] std::size_t output_frames(std::size_t frames) const noexcept { return fir_.output_frames(frames); }
  [[nodiscard]] std::size_t input_frames(std::size_t frames) const noexcept { return fir_.input_frames(frames); }

  /// Converts `frames` of input; `out` has room for output_frames(frames). Returns frames written.
  std::size_t process(const std::int16_t* in, std::size_t frames, std::int16_t* out) noexcept;

  /// Zeros to push after the last block, so that the whole of it has come out.
  [[nodiscard]] std::size_t tail_frames() const noexcept { return fir_.bank().taps_per_phase - 1; }

  /// How late the output is, in output frames.
  [[nodiscard]] double delay_frames() const noexcept { return fir_.bank().delay_frames; }

  void reset() noexcept { fir_.reset(); }

 private:
  PolyphaseFir fir_;
  std::vector<float> scratch_;
};

}  // namespace sonicrtc
