// The `_webrtcvad` extension as a Detector.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sonicrtc/vad.hpp"

namespace py = pybind11;

namespace sonicrtc::bindings {

/// Calls `_webrtcvad.process` once per frame, on one view of one buffer of its own. A Python error
/// is kept, because judging is noexcept, and raised after the block by raise_kept_error().
/// Needs the GIL, as does its destructor.
class WebrtcvadDetector final : public Detector {
 public:
  /// Raises ImportError when `_webrtcvad` is missing or not the module that is known here.
  WebrtcvadDetector(int mode, int frame_ms);
  ~WebrtcvadDetector() override;

  Verdict judge(std::span<const std::int16_t> frame) noexcept override;
  void reset() noexcept override;

  /// Raises the first error since the last call, if there was one.
  void raise_kept_error();

 private:
  Verdict fail() noexcept;

  std::vector<std::int16_t> frame_;
  py::object init_;
  py::object set_mode_;
  py::object process_;
  py::object mode_;
  std::array<py::object, 4> arguments_;  // handle, rate, view of frame_, length
  PyObject* error_ = nullptr;
};

}  // namespace sonicrtc::bindings
