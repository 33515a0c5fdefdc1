#include "python_detector.hpp"

namespace sonicrtc::bindings {

void PythonDetector::keep_error() noexcept {
  if (error_ == nullptr) {
    error_ = PyErr_GetRaisedException();
  } else {
    PyErr_Clear();
  }
}

void PythonDetector::raise_kept_error() {
  if (error_ == nullptr) return;
  PyErr_SetRaisedException(error_);
  error_ = nullptr;
  throw py::error_already_set();
}

py::object Requirement::import(std::initializer_list<const char*> names) const {
  py::object found;
  try {
    found = py::module_::import(module);
  } catch (py::error_already_set& cause) {
    if (!cause.matches(PyExc_ImportError)) throw;
    py::raise_from(cause, PyExc_ImportError, error(std::string(module) + " is missing").what());
    throw py::error_already_set();
  }
  for (const char* const name : names) {
    if (!py::hasattr(found, name)) throw error(std::string("expected ") + module + " to have " + name);
  }
  return found;
}

py::import_error Requirement::error(const std::string& problem) const {
  return py::import_error(std::string("detector '") + detector + "': " + problem + "; install it with: " + advice);
}

}  // namespace sonicrtc::bindings
