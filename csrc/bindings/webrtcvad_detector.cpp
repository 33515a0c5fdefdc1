#include "webrtcvad_detector.hpp"

#include <algorithm>

#include "sonicrtc/pcm.hpp"

namespace sonicrtc::bindings {
namespace {

constexpr Requirement kExtension{.detector = "webrtcvad",
                                 .module = "_webrtcvad",
                                 .advice = "pip install 'webrtcvad-wheels>=2.0.14,<3'"};

}  // namespace

WebrtcvadDetector::WebrtcvadDetector(int mode, int frame_ms)
    : window_(frames_of_window(frame_ms)), mode_(py::int_(mode)) {
  // Private to its distribution, so every name that is used here is checked.
  const py::object module = kExtension.import({"create", "init", "set_mode", "process"});
  init_ = module.attr("init");
  set_mode_ = module.attr("set_mode");
  process_ = module.attr("process");
  const py::object handle = module.attr("create")();
  init_(handle);
  set_mode_(handle, mode_);
  const auto bytes = static_cast<py::ssize_t>(window_.size() * sizeof(std::int16_t));
  arguments_ = {handle, py::int_(kUplinkRateHz), py::memoryview::from_memory(window_.data(), bytes),
                py::int_(window_.size())};
}

Judgement WebrtcvadDetector::judge(std::span<const std::int16_t> window) noexcept {
  std::copy(window.begin(), window.end(), window_.begin());
  PyObject* const arguments[] = {arguments_[0].ptr(), arguments_[1].ptr(), arguments_[2].ptr(), arguments_[3].ptr()};
  PyObject* const answer = PyObject_Vectorcall(process_.ptr(), arguments, 4, nullptr);
  if (answer == nullptr) return fail();
  const int voiced = PyObject_IsTrue(answer);
  Py_DECREF(answer);
  if (voiced < 0) return fail();
  return {.verdict = voiced != 0 ? Verdict::voiced : Verdict::unvoiced};
}

void WebrtcvadDetector::reset() noexcept {
  PyObject* const initialised = PyObject_CallOneArg(init_.ptr(), arguments_[0].ptr());
  if (initialised == nullptr) {
    keep_error();
    return;
  }
  Py_DECREF(initialised);
  PyObject* const arguments[] = {arguments_[0].ptr(), mode_.ptr()};
  PyObject* const set = PyObject_Vectorcall(set_mode_.ptr(), arguments, 2, nullptr);
  if (set == nullptr) {
    keep_error();
    return;
  }
  Py_DECREF(set);
}

}  // namespace sonicrtc::bindings
