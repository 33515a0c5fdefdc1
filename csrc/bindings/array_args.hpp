// The only place that looks at Python buffers. The buffer protocol costs about 65 ns per argument,
// py::array_t about 340.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace py = pybind11;

namespace sonicrtc::bindings {

/// Text as a template argument.
template <std::size_t size>
struct Text {
  char characters[size]{};
  constexpr Text(const char (&text)[size]) { std::copy_n(text, size, characters); }  // NOLINT: meant to be implicit
};

/// Any object, called `text` in signatures and so in the stubs. What it really is, is checked where it is used.
template <Text text>
class Named : public py::object {
  PYBIND11_OBJECT(Named, py::object, is_anything)
  static bool is_anything(PyObject* object) { return object != nullptr; }
};

using BufferObject = Named<"collections.abc.Buffer">;
using OptionalBuffer = Named<"collections.abc.Buffer | None">;
using OptionalInt = Named<"int | None">;
using Int16Array = Named<"numpy.typing.NDArray[numpy.int16]">;
using Float32Array = Named<"numpy.typing.NDArray[numpy.float32]">;

/// Number of frames that the caller says are audio, out of a longer buffer.
using FrameCount = std::optional<Py_ssize_t>;

/// A C-contiguous int16 buffer of interleaved frames, held for the length of a call.
///
/// Taken are int16 of shape (frames, channels) or flat, and flat bytes as native-endian int16.
/// Raises TypeError for another type, ValueError for another shape, stride or length; the message
/// says what was expected and what came.
class Int16Buffer {
 public:
  enum class Access : std::uint8_t { read, write };

  Int16Buffer(py::handle object, const char* name, std::size_t channels, FrameCount frames,
              Access access = Access::read);
  ~Int16Buffer() { PyBuffer_Release(&view_); }
  Int16Buffer(const Int16Buffer&) = delete;
  Int16Buffer& operator=(const Int16Buffer&) = delete;

  [[nodiscard]] const std::int16_t* data() const noexcept { return static_cast<const std::int16_t*>(view_.buf); }
  [[nodiscard]] std::int16_t* writable() noexcept { return static_cast<std::int16_t*>(view_.buf); }
  [[nodiscard]] std::size_t frames() const noexcept { return frames_; }

 private:
  void acquire(py::handle object, const char* name, Access access);
  void check(const char* name, std::size_t channels, FrameCount frames);

  Py_buffer view_{};
  std::size_t frames_ = 0;
};

/// Any C-contiguous buffer, such as bytes, as the bytes that it is made of; held for the length of a call.
/// Raises TypeError for what is no buffer.
class ByteBuffer {
 public:
  ByteBuffer(py::handle object, const char* name);
  ~ByteBuffer() { PyBuffer_Release(&view_); }
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
    return {static_cast<const std::uint8_t*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

/// None (or null) means that no count was given. Raises TypeError for what is no integer.
FrameCount optional_count(py::handle value, const char* name);

/// A size given as a Python int: ValueError below zero.
std::size_t checked_size(Py_ssize_t value, const char* name);

/// A size that must be given: TypeError for what is no integer (None neither), ValueError below zero.
std::size_t required_size(py::handle value, const char* name);

/// A new int16 array of `frames`; `data` receives where it is to be written.
Int16Array new_int16_array(std::size_t frames, std::int16_t*& data);

}  // namespace sonicrtc::bindings

namespace pybind11::detail {
template <sonicrtc::bindings::Text text>
struct handle_type_name<sonicrtc::bindings::Named<text>> {
  static constexpr auto name = const_name(text.characters);
};
}  // namespace pybind11::detail
