// Which filter stands behind each pair of rates. Designed once per process and shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sonicrtc {

/// Pass band and stop band are fractions of the lower one of both rates; the delays are those of
/// 48 to 16 kHz. Ripple in the pass band is at most 0.01 dB, the stop band is at -90 dB or below.
enum class Quality : std::uint8_t {
  standard,     ///< flat to 7/16 (7 kHz), stopped from 9/16 (9 kHz): what folds back stays above 7 kHz; 1.24 ms
  hq,           ///< flat to 7/16, stopped from 8/16: nothing folds back; 2.49 ms
  low_latency,  ///< the magnitude of `standard` with minimum phase: 0.18 ms on average, more near the edge
};

/// A polyphase low-pass for the ratio up/down. Immutable.
struct FilterBank {
  std::size_t up;                ///< phases (L)
  std::size_t down;              ///< input frames per `up` output frames (M)
  std::size_t taps_per_phase;    ///< prototype length / up
  double delay_frames;           ///< group delay, averaged over the pass band, in output frames
  std::vector<float> prototype;  ///< up * taps_per_phase coefficients, gain `up` at 0 Hz
};

/// The bank for a conversion; the first call for it designs it, which takes 50 ms at most, most of them 5.
/// Throws std::invalid_argument for a rate outside kRatesHz.
const FilterBank& filter_bank(int input_rate_hz, int output_rate_hz, Quality quality);

}  // namespace sonicrtc
