// Which filter stands behind each pair of rates. Designed once per process and shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sonicrtc {

enum class Quality : std::uint8_t {
  standard,  ///< 48 -> 16 kHz: flat to 7 kHz, below -90 dB from 9 kHz, 1.2 ms delay; what folds stays above 7 kHz
  high,      ///< 48 -> 16 kHz: flat to 7 kHz, below -90 dB from 8 kHz, 2.5 ms delay; nothing folds
};

/// A polyphase low-pass for the ratio up/down. Immutable.
struct FilterBank {
  std::size_t up;               ///< phases (L)
  std::size_t down;             ///< input frames per `up` output frames (M)
  std::size_t taps_per_phase;   ///< prototype length / up
  double delay_frames;          ///< delay of the linear-phase prototype, in output frames
  std::vector<float> prototype; ///< up * taps_per_phase coefficients, gain `up` at 0 Hz
};

/// The bank for a conversion. Throws std::invalid_argument for a rate outside kRatesHz.
const FilterBank& filter_bank(int input_rate_hz, int output_rate_hz, Quality quality);

}  // namespace sonicrtc
