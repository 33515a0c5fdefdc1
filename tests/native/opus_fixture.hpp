// The libopus that tests use, and something like speech for it to code.
#pragma once

#include <cmath>
#include <memory>
#include <numbers>

#include "check.hpp"
#include "sonicrtc/opus.hpp"

/// Null where CMake found none for the processor that is built for: only there are tests of it left out.
inline std::shared_ptr<const sonicrtc::OpusLibrary> opus_library() {
#ifdef SONICRTC_OPUS
  static const auto library = std::make_shared<const sonicrtc::OpusLibrary>(SONICRTC_OPUS);
  return library;
#else
  return nullptr;
#endif
}

/// A voice that glides between 110 and 170 Hz, in four syllables a second, each with another vowel.
inline std::vector<std::int16_t> voice(int rate_hz, double seconds) {
  constexpr double kFormants[][2] = {{730, 1090}, {270, 2290}, {300, 870}, {530, 1840}};
  std::vector<std::int16_t> result(static_cast<std::size_t>(seconds * rate_hz));
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double t = static_cast<double>(i) / rate_hz;
    const double glide = 2.0 * std::numbers::pi * 0.7;
    const double pitch_hz = 140.0 + 30.0 * std::sin(glide * t);
    const double phase = 140.0 * t - 30.0 * std::cos(glide * t) / glide;  // the pitch, summed up
    const auto& formants = kFormants[static_cast<std::size_t>(4.0 * t) % std::size(kFormants)];
    double sum = 0.0;
    for (int k = 1; k * pitch_hz < 3400.0; ++k) {
      double level = 0.02;
      for (const double formant : formants) level += std::exp(-std::pow((k * pitch_hz - formant) / 150.0, 2.0));
      sum += level * std::sin(2.0 * std::numbers::pi * k * phase);
    }
    const double syllable = std::abs(std::sin(std::numbers::pi * 4.0 * t));
    result[i] = static_cast<std::int16_t>(3000.0 * syllable * sum);
  }
  return result;
}
