// Arrays over memory that a C++ object keeps using.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <memory>
#include <type_traits>

namespace py = pybind11;

namespace sonicrtc::bindings {

/// A numpy array over the beginning of an object's memory, kept until its length changes: making one costs more than
/// a block. The array's base is a capsule that shares the memory, not the Python object that holds the array, so
/// there is no cycle. The memory stays where it is as long as `owner` lives.
class ArrayView {
 public:
  template <typename Array, typename Owner, typename Sample>
  Array get(const std::shared_ptr<Owner>& owner, Sample* data, std::size_t frames) {
    if (!array_ || frames != frames_) {
      const py::capsule base(new std::shared_ptr<Owner>(owner),
                             [](void* shared) { delete static_cast<std::shared_ptr<Owner>*>(shared); });
      array_ = py::array_t<std::remove_const_t<Sample>>(static_cast<Py_ssize_t>(frames), data, base);
      frames_ = frames;
    }
    return py::reinterpret_borrow<Array>(array_);
  }

 private:
  py::object array_;
  std::size_t frames_ = 0;
};

}  // namespace sonicrtc::bindings
