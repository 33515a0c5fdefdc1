// Speech is what is louder than the room: a detector that needs no model and no Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sonicrtc/vad.hpp"

namespace sonicrtc {

/// Compares the power of a window with that of the background, which it learns as it goes.
///
/// The power is the variance of the samples, so a microphone's DC offset does not count. With P for it and
/// N for the noise floor, the score is P / (P + margin * N): 0 for digital silence, 0.5 where speech stands
/// kMarginDb above the floor, and a threshold t asks for kMarginDb + 10 * log10(t / (1 - t)) dB: 0.2 for
/// -2 dB, 0.8 for 10 dB, 0.95 for 17 dB.
///
/// The floor starts at the first window, follows a quieter one within kFallMs and a louder one at kRiseDbPerS,
/// so that the gaps between words hold it down. Noise that becomes louder by d dB counts as speech for
/// (d - kMarginDb) / kRiseDbPerS seconds. Digital silence would drag the floor to nothing, so it stops at
/// kQuietestDbfs; what is quieter than kQuietestDbfs + kMarginDb is therefore never speech at 0.5.
///
/// It takes any steady sound for background and any sudden one for speech. In a noisy or lively place a
/// model is better; where every cycle counts, and in quiet ones, this is enough.
class EnergyDetector final : public Detector {
 public:
  // Measured on read speech in silence and in white and pink noise at 20 and 10 dB, against a neural detector:
  // a smaller margin lets pink noise through, a larger one loses consonants.
  static constexpr double kMarginDb = 4.0;
  // About one window: a gap between words may be no longer.
  static constexpr double kFallMs = 20.0;
  // Slower is a little better in steady noise (by 0.5 % at half of it) but learns a louder room later.
  static constexpr double kRiseDbPerS = 2.0;
  // Below the noise of a quiet room at a sensitive microphone, above that of a microphone's own electronics.
  static constexpr double kQuietestDbfs = -65.0;

  /// `frame_ms` is 10, 20 or 30, `threshold` the score from which a window is voiced, 0 to 1. Throws
  /// std::invalid_argument for others.
  explicit EnergyDetector(int frame_ms = 20, float threshold = 0.5F);

  [[nodiscard]] std::size_t window_frames() const noexcept override { return window_frames_; }
  Judgement judge(std::span<const std::int16_t> window) noexcept override;
  void reset() noexcept override { floor_ = 0.0; }

 private:
  void learn(double power) noexcept;

  std::size_t window_frames_;
  float threshold_;
  double margin_;       // kMarginDb as a ratio
  double quietest_;     // kQuietestDbfs as a power
  double fall_;         // share of the way down that the floor goes in one window
  double rise_;         // factor by which it may grow in one window
  double floor_ = 0.0;  // power relative to full scale; 0 before the first window
};

}  // namespace sonicrtc
