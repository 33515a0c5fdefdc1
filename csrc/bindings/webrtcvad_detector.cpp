#include "webrtcvad_detector.hpp"

#include <algorithm>
#include <string>

#include "sonicrtc/pcm.hpp"

namespace sonicrtc::bindings {
namespace {

// `_webrtcvad` is private to the distribution webrtcvad-wheels, so every name that is used here is checked.
py::object import_extension() {
  constexpr const char* advice = "; install it with: pip install 'webrtcvad-wheels>=2.0.14,<3'";
  py::object module;
  try {
    module = py::module_::import("_webrtcvad");
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ImportError)) throw;
    py::raise_from(error, PyExc_ImportError, (std::string("detector 'webrtcvad': _webrtcvad is missing") + advice).c_str());
    throw py::error_already_set();
  }
  for (const char* const name : {"create", "init", "set_mode", "process"}) {
    if (!py::hasattr(module, name)) {
      throw py::import_error("detector 'webrtcvad': expected _webrtcvad to have " + std::string(name) + advice);
    }
  }
  return module;
}

}  // namespace

WebrtcvadDetector::WebrtcvadDetector(int mode, int frame_ms)
    : frame_(static_cast<std::size_t>(frame_ms) * kUplinkRateHz / 1000), mode_(py::int_(mode)) {
  const py::object module = import_extension();
  init_ = module.attr("init");
  set_mode_ = module.attr("set_mode");
  process_ = module.attr("process");
  const py::object handle = module.attr("create")();
  init_(handle);
  set_mode_(handle, mode_);
  arguments_ = {handle, py::int_(kUplinkRateHz),
                py::memoryview::from_memory(frame_.data(), static_cast<py::ssize_t>(frame_.size() * sizeof(std::int16_t))),
                py::int_(frame_.size())};
}

WebrtcvadDetector::~WebrtcvadDetector() { Py_XDECREF(error_); }

Verdict WebrtcvadDetector::judge(std::span<const std::int16_t> frame) noexcept {
  std::copy(frame.begin(), frame.end(), frame_.begin());
  PyObject* const arguments[] = {arguments_[0].ptr(), arguments_[1].ptr(), arguments_[2].ptr(), arguments_[3].ptr()};
  PyObject* const answer = PyObject_Vectorcall(process_.ptr(), arguments, 4, nullptr);
  if (answer == nullptr) return fail();
  const int voiced = PyObject_IsTrue(answer);
  Py_DECREF(answer);
  if (voiced < 0) return fail();
  return voiced != 0 ? Verdict::voiced : Verdict::unvoiced;
}

void WebrtcvadDetector::reset() noexcept {
  PyObject* const initialised = PyObject_CallOneArg(init_.ptr(), arguments_[0].ptr());
  if (initialised == nullptr) {
    fail();
    return;
  }
  Py_DECREF(initialised);
  PyObject* const arguments[] = {arguments_[0].ptr(), mode_.ptr()};
  PyObject* const set = PyObject_Vectorcall(set_mode_.ptr(), arguments, 2, nullptr);
  if (set == nullptr) {
    fail();
    return;
  }
  Py_DECREF(set);
}

Verdict WebrtcvadDetector::fail() noexcept {
  if (error_ == nullptr) {
    error_ = PyErr_GetRaisedException();
  } else {
    PyErr_Clear();
  }
  return Verdict::failed;
}

void WebrtcvadDetector::raise_kept_error() {
  if (error_ == nullptr) return;
  PyErr_SetRaisedException(error_);
  error_ = nullptr;
  throw py::error_already_set();
}

}  // namespace sonicrtc::bindings
