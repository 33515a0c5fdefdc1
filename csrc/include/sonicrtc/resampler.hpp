// int16 mono in, int16 mono out at another rate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sonicrtc/fir.hpp"

namespace sonicrtc {

/// Streaming: the output of a signal is the same bits however it is cut into blocks, and after t frames of
/// input ceil(t * output_rate / input_rate) have come out. Full scale saturates. One thread at a time may
/// use an object.
class Resampler {
 public:
  /// Both rates are any of kRatesHz; throws std::invalid_argument for another. Equal rates copy.
  Resampler(int input_rate_hz, int output_rate_hz, Quality quality = Quality::standard);

  /// Frames that the next `frames` of input will give.
  [[nodiscard]] std::size_t output_frames(std::size_t frames) const noexcept { return fir_.output_frames(frames); }

  /// The fewest frames of input that will give `frames` of output.
  [[nodiscard]] std::size_t input_frames(std::size_t frames) const noexcept { return fir_.input_frames(frames); }

  /// Converts `frames` (any number) of input; `out` has room for output_frames(frames). Returns how many
  /// were written. Allocates nothing.
  std::size_t process(const std::int16_t* in, std::size_t frames, std::int16_t* out) noexcept;

  /// Zeros to push after the last block, so that the whole of it has come out.
  [[nodiscard]] std::size_t tail_frames() const noexcept { return fir_.bank().taps_per_phase - 1; }

  /// How late the output is, in output frames: the group delay, averaged over the pass band.
  [[nodiscard]] double delay_frames() const noexcept { return fir_.bank().delay_frames; }

  /// Back to the state after construction.
  void reset() noexcept { fir_.reset(); }

 private:
  PolyphaseFir fir_;
  std::vector<float> scratch_;
};

}  // namespace sonicrtc
