// What detectors have in common that are Python extensions.
#pragma once

#include <pybind11/pybind11.h>

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "sonicrtc/vad.hpp"

namespace py = pybind11;

namespace sonicrtc::bindings {

/// A Detector that asks Python. Judging is noexcept, so the first Python error is kept and raised after
/// the block by raise_kept_error(). Needs the GIL for everything, its destructor included.
class PythonDetector : public Detector {
 public:
  ~PythonDetector() override { Py_XDECREF(error_); }

  /// Raises the first error since the last call, if there was one.
  void raise_kept_error();

 protected:
  /// Keeps the Python error that is set.
  void keep_error() noexcept;

  /// keep_error() as the answer of judge().
  Judgement fail() noexcept {
    keep_error();
    return {.verdict = Verdict::failed};
  }

 private:
  PyObject* error_ = nullptr;
};

/// A module and how to get it, for the messages of the errors.
struct Requirement {
  const char* detector;
  const char* module;
  const char* advice;  ///< the command that installs it

  /// Imports the module. Raises ImportError with the advice when it is missing, or when it lacks one of
  /// `names`: private ones, or ones that another version may not have.
  [[nodiscard]] py::object import(std::initializer_list<const char*> names) const;

  /// The ImportError that says `problem` and the advice.
  [[nodiscard]] py::import_error error(const std::string& problem) const;
};

}  // namespace sonicrtc::bindings
