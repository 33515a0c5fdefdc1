#include "sonicrtc/energy_detector.hpp"

#include <algorithm>
#include <cmath>

namespace sonicrtc {
namespace {

double power_of_db(double db) { return std::pow(10.0, db / 10.0); }

/// Variance relative to full scale, from exact sums.
double power_of(std::span<const std::int16_t> window) noexcept {
  std::int64_t sum = 0;
  std::int64_t squares = 0;
  for (const std::int32_t s : window) {
    sum += s;
    squares += s * s;
  }
  const auto count = static_cast<std::int64_t>(window.size());
  constexpr double full_scale = 32768.0 * 32768.0;
  return static_cast<double>(count * squares - sum * sum) / (static_cast<double>(count * count) * full_scale);
}

}  // namespace

EnergyDetector::EnergyDetector(int frame_ms, float threshold)
    : window_frames_(frames_of_window(frame_ms)),
      threshold_(checked_threshold(threshold)),
      margin_(power_of_db(kMarginDb)),
      quietest_(power_of_db(kQuietestDbfs)),
      fall_(1.0 - std::exp(-frame_ms / kFallMs)),
      rise_(power_of_db(kRiseDbPerS * frame_ms / 1000.0)) {}

Judgement EnergyDetector::judge(std::span<const std::int16_t> window) noexcept {
  const double power = power_of(window);
  if (floor_ == 0.0) floor_ = std::max(power, quietest_);
  const auto score = static_cast<float>(power / (power + margin_ * floor_));
  learn(power);
  return {score >= threshold_ ? Verdict::voiced : Verdict::unvoiced, score};
}

void EnergyDetector::learn(double power) noexcept {
  const double next = power < floor_ ? floor_ + fall_ * (power - floor_) : std::min(power, floor_ * rise_);
  floor_ = std::max(next, quietest_);
}

}  // namespace sonicrtc
