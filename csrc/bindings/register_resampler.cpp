#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "array_args.hpp"
#include "busy.hpp"
#include "fast_method.hpp"
#include "gil.hpp"
#include "register.hpp"
#include "sonicrtc/resampler.hpp"

namespace sonicrtc::bindings {
namespace {

using PyResampler = Guarded<Resampler>;

constexpr const char* kType = "Resampler";
constexpr std::size_t kMostFrames = std::size_t{1} << 40;  // keeps the arithmetic of lengths far from its end

std::size_t process(Resampler& self, const std::int16_t* in, std::size_t frames, std::int16_t* out) {
  const ReleaseInBatch release(std::max(frames, self.output_frames(frames)));
  return self.process(in, frames, out);
}

Int16Array process(Resampler& self, const std::int16_t* in, std::size_t frames) {
  std::int16_t* out = nullptr;
  Int16Array array = new_int16_array(self.output_frames(frames), out);
  process(self, in, frames, out);
  return array;
}

Int16Array flush(Resampler& self) {
  const std::vector<std::int16_t> zeros(self.tail_frames());
  Int16Array rest = process(self, zeros.data(), zeros.size());
  self.reset();
  return rest;
}

std::size_t output_frames(PyResampler& self, Py_ssize_t frames) {
  const std::size_t count = checked_size(frames, "frames");
  if (count > kMostFrames) throw py::value_error("frames: expected at most 2**40, got " + std::to_string(count));
  const InUse use(self.busy, kType);
  return self.output_frames(count);
}

PyObject* push(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return translated([&] {
    static const auto names = interned("block", "frames");
    const auto [block, frames] = bind_arguments("push", names, 1, values, positional, keywords);
    auto& resampler = bound_self<PyResampler>(self);
    const Int16Buffer input(block, "block", 1, optional_count(frames, "frames"));
    const InUse use(resampler.busy, kType);
    return process(resampler, input.data(), input.frames()).release().ptr();
  });
}

std::size_t push_into(PyResampler& self, const Int16Buffer& input, Int16Buffer& target) {
  const InUse use(self.busy, kType);
  const std::size_t needed = self.output_frames(input.frames());
  if (target.frames() < needed) {
    throw py::value_error("out: expected room for " + std::to_string(needed) + " frames, got " +
                          std::to_string(target.frames()));
  }
  if (input.data() < target.data() + needed && target.data() < input.data() + input.frames()) {
    throw py::value_error("out: expected memory apart from that of block, got some of the same");
  }
  return process(self, input.data(), input.frames(), target.writable());
}

PyObject* push_into(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return translated([&] {
    static const auto names = interned("block", "out", "frames");
    const auto [block, out, frames] = bind_arguments("push_into", names, 2, values, positional, keywords);
    auto& resampler = bound_self<PyResampler>(self);
    const Int16Buffer input(block, "block", 1, optional_count(frames, "frames"));
    Int16Buffer target(out, "out", 1, std::nullopt, Int16Buffer::Access::write);
    return PyLong_FromSize_t(push_into(resampler, input, target));
  });
}

PyMethodDef push_method = fast_method("push", &push, R"(push(self: sonicrtc._core.Resampler, block: collections.abc.Buffer, frames: int | None = None) -> numpy.typing.NDArray[numpy.int16]

Convert one block.

Parameters
----------
block : buffer of int16, shape (frames,) or (frames, 1), or bytes
    Any length, 0 included.
frames : int, optional
    How many frames of a longer buffer are audio.

Returns
-------
numpy.ndarray of int16, shape (n,)
    What the block completed.

Raises
------
TypeError, ValueError
    The buffer is not what is described above; the message says what came.
RuntimeError
    Another thread is using this object.)");

PyMethodDef push_into_method = fast_method("push_into", &push_into, R"(push_into(self: sonicrtc._core.Resampler, block: collections.abc.Buffer, out: collections.abc.Buffer, frames: int | None = None) -> int

Convert one block into memory of the caller's; no audio memory is allocated.

Parameters
----------
block : buffer of int16, shape (frames,) or (frames, 1), or bytes
    Any length, 0 included.
out : writable buffer of int16
    Room for :meth:`output_frames` of the block or more, in other memory than `block`.
frames : int, optional
    How many frames of a longer `block` are audio.

Returns
-------
int
    Frames written, from the start of `out`; the rest of it is left alone.

Raises
------
TypeError, ValueError
    A buffer is not what is described above, or too small; the message says what came.
RuntimeError
    Another thread is using this object.)");

}  // namespace

Quality parse_quality(const QualityName& quality) {
  const std::string name = py::str(quality);
  if (name == "default") return Quality::standard;
  if (name == "hq" || name == "high") return Quality::hq;
  if (name == "low_latency") return Quality::low_latency;
  throw py::value_error("quality: expected 'default', 'hq' or 'low_latency', got '" + name + "'");
}

void register_resampler(py::module_& m) {
  py::class_<PyResampler> resampler(m, "Resampler", R"(Streaming sample-rate conversion of mono int16.

The output of a signal is the same bits however it is cut into blocks: after `t` frames of input,
``ceil(t * output_rate_hz / input_rate_hz)`` frames have come out. An object belongs to one thread at
a time. Blocks keep other Python threads waiting, which is shorter than changing threads; a second
of audio or more lets them run.

Parameters
----------
input_rate_hz, output_rate_hz : {8000, 16000, 24000, 44100, 48000}
    Rates.
quality : {"default", "hq", "low_latency"}
    The filter; see :class:`Uplink`. Band edges are fractions of the lower rate: 7/16, 9/16 and, for
    "hq", 8/16. "high" is an older spelling of "hq".

Raises
------
ValueError
    A rate or quality is unknown.)");
  resampler
      .def(py::init([](int input_rate_hz, int output_rate_hz, const QualityName& quality) {
             return std::make_unique<PyResampler>(input_rate_hz, output_rate_hz, parse_quality(quality));
           }),
           py::arg("input_rate_hz").noconvert() = 24000, py::arg("output_rate_hz").noconvert() = 48000,
           py::arg("quality") = "default")
      .def("output_frames", &output_frames, py::arg("frames").noconvert(),
           "How many frames the next `frames` of input will give; they depend on where the signal stands.")
      .def("flush", alone<Resampler>(kType, &flush),
           R"(End the signal: return what is still in the filter, shape (n,), and start anew.)")
      .def("reset", alone<Resampler>(kType, &Resampler::reset), "Forget the signal so far.")
      .def_property_readonly("delay_frames", &PyResampler::delay_frames, "How late the output is, in output frames: the group delay, averaged over the pass band.");
  add_fast_method(resampler, push_method);
  add_fast_method(resampler, push_into_method);
}

}  // namespace sonicrtc::bindings
