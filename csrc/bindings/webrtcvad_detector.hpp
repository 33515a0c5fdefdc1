// The `_webrtcvad` extension as a Detector.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "python_detector.hpp"

namespace sonicrtc::bindings {

/// Calls `_webrtcvad.process` once per window, on one view of one buffer of its own. It gives no score.
class WebrtcvadDetector final : public PythonDetector {
 public:
  /// Raises ImportError when `_webrtcvad` is missing or not the module that is known here.
  WebrtcvadDetector(int mode, int frame_ms);

  [[nodiscard]] std::size_t window_frames() const noexcept override { return window_.size(); }
  Judgement judge(std::span<const std::int16_t> window) noexcept override;
  void reset() noexcept override;

 private:
  std::vector<std::int16_t> window_;
  py::object init_;
  py::object set_mode_;
  py::object process_;
  py::object mode_;
  std::array<py::object, 4> arguments_;  // handle, rate, view of window_, length
};

}  // namespace sonicrtc::bindings
