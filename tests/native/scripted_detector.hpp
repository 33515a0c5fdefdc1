// A detector that follows a script and counts its calls.
#pragma once

#include <functional>
#include <utility>

#include "sonicrtc/vad.hpp"

/// Judges window number n (from 0) as `script(n)` says.
class ScriptedDetector final : public sonicrtc::Detector {
 public:
  ScriptedDetector(std::size_t window_frames, std::function<sonicrtc::Judgement(int)> script)
      : window_frames_(window_frames), script_(std::move(script)) {}
  [[nodiscard]] std::size_t window_frames() const noexcept override { return window_frames_; }
  sonicrtc::Judgement judge(std::span<const std::int16_t>) noexcept override { return script_(calls_++); }
  void reset() noexcept override { calls_ = 0; }

 private:
  std::size_t window_frames_;
  std::function<sonicrtc::Judgement(int)> script_;
  int calls_ = 0;
};

inline sonicrtc::Judgement voiced_if(bool voiced) {
  return {.verdict = voiced ? sonicrtc::Verdict::voiced : sonicrtc::Verdict::unvoiced};
}
