#include "array_args.hpp"

#include <pybind11/numpy.h>

#include <bit>
#include <cstring>
#include <string>
#include <string_view>

namespace sonicrtc::bindings {
namespace {

constexpr const char* kExpected = "a C-contiguous int16 buffer";

std::string type_name(py::handle object) { return Py_TYPE(object.ptr())->tp_name; }

std::string shape_text(const Py_buffer& view) {
  if (view.shape == nullptr) return "(" + std::to_string(view.len) + ",)";
  std::string text = "(";
  for (int i = 0; i < view.ndim; ++i) text += (i > 0 ? ", " : "") + std::to_string(view.shape[i]);
  return text + (view.ndim == 1 ? ",)" : ")");
}

bool is_int16(std::string_view format) {
  if (format.size() == 2) {
    const char order = format.front();
    const bool native = order == '@' || order == '=' || order == (std::endian::native == std::endian::little ? '<' : '>');
    if (!native) return false;
    format.remove_prefix(1);
  }
  return format == "h";
}

bool is_bytes(std::string_view format) { return format == "B" || format == "b" || format == "c"; }

// Explains why the buffer was refused; the request itself failed with an error that is replaced.
[[noreturn]] void refuse(py::handle object, const char* name, bool write) {
  PyErr_Clear();
  Py_buffer any{};
  if (PyObject_GetBuffer(object.ptr(), &any, PyBUF_FULL_RO) != 0) {
    PyErr_Clear();
    throw py::type_error(std::string(name) + ": expected " + kExpected + ", got " + type_name(object));
  }
  const bool read_only = any.readonly != 0;
  const bool contiguous = PyBuffer_IsContiguous(&any, 'C') != 0;
  const std::string shape = shape_text(any);
  PyBuffer_Release(&any);
  if (!contiguous) {
    throw py::value_error(std::string(name) + ": expected " + kExpected + ", got " + type_name(object) + " of shape " +
                          shape + " that is not C-contiguous; pass a copy of it");
  }
  if (write && read_only) {
    throw py::value_error(std::string(name) + ": expected a writable int16 buffer, got read-only " +
                          type_name(object));
  }
  throw py::type_error(std::string(name) + ": expected " + kExpected + ", got " + type_name(object));
}

Py_ssize_t as_count(py::handle value, const char* name, const char* expected) {
  if (PyIndex_Check(value.ptr()) == 0) {
    throw py::type_error(std::string(name) + ": expected " + expected + ", got " + type_name(value));
  }
  const Py_ssize_t count = PyNumber_AsSsize_t(value.ptr(), PyExc_OverflowError);
  if (count == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return count;
}

}  // namespace

Int16Buffer::Int16Buffer(py::handle object, const char* name, std::size_t channels, FrameCount frames,
                         Access access) {
  acquire(object, name, access);
  try {
    check(name, channels, frames);
  } catch (...) {
    PyBuffer_Release(&view_);
    throw;
  }
}

void Int16Buffer::acquire(py::handle object, const char* name, Access access) {
  const bool write = access == Access::write;
  const int flags = PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (write ? PyBUF_WRITABLE : 0);
  if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) refuse(object, name, write);
}

void Int16Buffer::check(const char* name, std::size_t channels, FrameCount frames) {
  const std::string_view format = view_.format == nullptr ? "B" : view_.format;
  const bool bytes = is_bytes(format) && view_.ndim == 1;
  const auto fail = [name](const std::string& text) { return std::string(name) + ": " + text; };
  if (!bytes && !(is_int16(format) && view_.itemsize == 2)) {
    throw py::type_error(fail("expected int16 (format 'h') or flat bytes, got format '" + std::string(format) +
                              "' of shape " + shape_text(view_)));
  }
  if (!bytes && view_.ndim != 1 && !(view_.ndim == 2 && view_.shape[1] == static_cast<Py_ssize_t>(channels))) {
    throw py::value_error(fail("expected shape (frames, " + std::to_string(channels) + ") or flat, got " +
                               shape_text(view_)));
  }
  const auto length = static_cast<std::size_t>(view_.len);
  const std::size_t frame_bytes = 2 * channels;
  if (frames) {
    frames_ = checked_size(*frames, "frames");
    if (frames_ > length / frame_bytes) {
      throw py::value_error(fail("expected at least " + std::to_string(frames_) + " frames of " +
                                 std::to_string(channels) + " channel(s), got " + std::to_string(length) + " bytes"));
    }
  } else {
    if (length % frame_bytes != 0) {
      throw py::value_error(fail("expected whole frames of " + std::to_string(channels) + " int16 channel(s), got " +
                                 std::to_string(length) + " bytes"));
    }
    frames_ = length / frame_bytes;
  }
  if (reinterpret_cast<std::uintptr_t>(view_.buf) % alignof(std::int16_t) != 0 && frames_ > 0) {
    throw py::value_error(fail("expected an int16 buffer at an even address, got an odd one; pass a copy of it"));
  }
}

ByteBuffer::ByteBuffer(py::handle object, const char* name) {
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) == 0) return;
  PyErr_Clear();
  throw py::type_error(std::string(name) + ": expected bytes, got " + type_name(object));
}

FrameCount optional_count(py::handle value, const char* name) {
  if (!value || value.is_none()) return std::nullopt;
  return as_count(value, name, "an int or None");
}

std::size_t checked_size(Py_ssize_t value, const char* name) {
  if (value < 0) throw py::value_error(std::string(name) + ": expected 0 or more, got " + std::to_string(value));
  return static_cast<std::size_t>(value);
}

std::size_t required_size(py::handle value, const char* name) {
  return checked_size(as_count(value, name, "an int"), name);
}

Int16Array new_int16_array(std::size_t frames, std::int16_t*& data) {
  py::array_t<std::int16_t> array(static_cast<Py_ssize_t>(frames));
  data = array.mutable_data();
  return py::reinterpret_steal<Int16Array>(array.release());
}

}  // namespace sonicrtc::bindings
