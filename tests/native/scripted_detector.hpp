// A detector that follows a script and counts its calls.
#pragma once

#include <functional>
#include <utility>

#include "sonicrtc/vad.hpp"

/// Judges frame number n (from 0) as `script(n)` says.
class ScriptedDetector final : public sonicrtc::Detector {
 public:
  explicit ScriptedDetector(std::function<sonicrtc::Verdict(int)> script) : script_(std::move(script)) {}
  sonicrtc::Verdict judge(std::span<const std::int16_t>) noexcept override { return script_(calls_++); }
  void reset() noexcept override { calls_ = 0; }

 private:
  std::function<sonicrtc::Verdict(int)> script_;
  int calls_ = 0;
};
