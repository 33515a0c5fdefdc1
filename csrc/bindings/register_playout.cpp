#include <cstdint>

#include "array_args.hpp"
#include "busy.hpp"
#include "fast_method.hpp"
#include "gil.hpp"
#include "register.hpp"
#include "sonicrtc/playout.hpp"

namespace sonicrtc::bindings {
namespace {

using PyPlayout = Guarded<Playout>;

constexpr const char* kType = "Playout";

double to_ms(const Playout& playout, std::uint64_t frames) {
  return static_cast<double>(frames) * 1000.0 / playout.input_rate_hz();
}

std::size_t push(PyPlayout& self, const Int16Buffer& input) {
  const InUse use(self.busy, kType);
  const ReleaseInBatch release(input.frames());
  return self.push(input.data(), input.frames());
}

PyObject* push(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return translated([&] {
    static const auto names = interned("chunk", "frames");
    const auto [chunk, frames] = bind_arguments("push", names, 1, values, positional, keywords);
    auto& playout = bound_self<PyPlayout>(self);
    const Int16Buffer input(chunk, "chunk", 1, optional_count(frames, "frames"));
    return PyLong_FromSize_t(push(playout, input));
  });
}

void pull(PyPlayout& self, std::int16_t* out, std::size_t frames) {
  const InUse use(self.busy, kType);
  const ReleaseInBatch release(frames);
  self.pull(out, frames);
}

PyObject* pull(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return translated([&] {
    static const auto names = interned("frames", "out");
    const auto [frames, out] = bind_arguments("pull", names, 1, values, positional, keywords);
    auto& playout = bound_self<PyPlayout>(self);
    const std::size_t count = required_size(frames, "frames");
    if (out != nullptr && out != Py_None) {
      Int16Buffer target(out, "out", 1, static_cast<Py_ssize_t>(count), Int16Buffer::Access::write);
      pull(playout, target.writable(), count);
      return Py_NewRef(out);
    }
    std::int16_t* data = nullptr;
    Int16Array array = new_int16_array(count, data);
    pull(playout, data, count);
    return array.release().ptr();
  });
}

void duck(PyPlayout& self, double gain_db) {
  const InUse use(self.busy, kType);
  self.duck(gain_db);
}

PyMethodDef push_method = fast_method("push", &push, R"(push(self: sonicrtc._core.Playout, chunk: collections.abc.Buffer, frames: int | None = None) -> int

Queue a chunk from the model.

Parameters
----------
chunk : buffer of int16, shape (frames,) or (frames, 1), or bytes
    Any length, 0 included.
frames : int, optional
    How many frames of a longer buffer are audio.

Returns
-------
int
    Frames that fitted. What did not is dropped and counted in `dropped_frames`.

Raises
------
TypeError, ValueError
    The buffer is not what is described above; the message says what came.
RuntimeError
    Another thread is using this object.)");

PyMethodDef pull_method = fast_method("pull", &pull, R"(pull(self: sonicrtc._core.Playout, frames: int, out: collections.abc.Buffer | None = None) -> numpy.typing.NDArray[numpy.int16]

Take audio for the listener.

Parameters
----------
frames : int
    How many frames, at the output rate.
out : writable buffer of int16, optional
    Filled and returned instead of a new array; nothing is allocated then.

Returns
-------
numpy.ndarray of int16, shape (frames,)
    Audio, and zeros where there is none.

Raises
------
TypeError, ValueError
    `out` is not what is described above, or too small; the message says what came.
RuntimeError
    Another thread is using this object.)");

}  // namespace

void register_playout(py::module_& m) {
  py::class_<PyPlayout> playout(m, "Playout", R"(The queue between a model that speaks faster than real time and a listener.

Audio is kept at the model's rate and resampled when it is pulled. Chunks join without a seam.
Where audio ends, or is flushed, it fades to silence within 5 ms; where it goes on after an underrun,
it fades in as fast. Nothing else alters a sample. An object belongs to one thread at
a time. Blocks keep other Python threads waiting, which is shorter than changing threads; a second
of audio or more lets them run.

Parameters
----------
input_rate_hz, output_rate_hz : {8000, 16000, 24000, 44100, 48000}
    The model's rate and the listener's.
capacity_ms : int
    How much audio is kept, 100 to 3600000 ms. Memory is taken one second at a time.

Raises
------
ValueError
    A rate is unknown or the capacity out of range.)");
  playout
      .def(py::init<int, int, int>(), py::arg("input_rate_hz").noconvert() = 24000,
           py::arg("output_rate_hz").noconvert() = 48000, py::arg("capacity_ms").noconvert() = 60000)
      .def("flush", alone<Playout>(kType, [](Playout& self) { return to_ms(self, self.flush()); }),
           R"(Throw away what is queued; what was about to be heard fades out within 5 ms.

Returns
-------
float
    How much was thrown away, in ms.)")
      .def("duck", &duck, py::arg("gain_db") = -18.0,
           R"(Attenuate from the next frame on, without a click: the level changes over 20 ms.

Pushes and flushes do not end it; `unduck` and `reset` do.

Parameters
----------
gain_db : float
    Level while ducked, -60 to 0 dB.

Raises
------
ValueError
    `gain_db` is out of range.)")
      .def("unduck", alone<Playout>(kType, &Playout::unduck), "Return to full level over 20 ms.")
      .def("end", alone<Playout>(kType, &Playout::end),
           R"(Say that the audio so far is complete: running empty after it is no underrun.

Holds until the next push.)")
      .def("reset", alone<Playout>(kType, &Playout::reset), "Forget audio, counters and ducking.")
      .def_property_readonly("ducked", alone<Playout>(kType, &Playout::ducked),
                             "Whether the level is, or is going, below full.")
      .def_property_readonly("buffered_frames", alone<Playout>(kType, &Playout::buffered_frames),
                             "Audio queued, in frames at the model's rate.")
      .def_property_readonly(
          "buffered_ms",
          alone<Playout>(kType, [](const Playout& self) { return to_ms(self, self.buffered_frames()); }),
          "Audio queued, in ms.")
      .def_property_readonly("played_frames", alone<Playout>(kType, &Playout::played_frames),
                             R"(What the listener was really given since construction, in frames at the model's rate.

These are the frames that begin no later than the last one pulled: ``(n - 1) * input_rate_hz //
output_rate_hz + 1`` after `n` frames of unbroken audio. Silence and fades to silence do not count.
Always: pushed == played + buffered + thrown away.)")
      .def_property_readonly(
          "played_ms", alone<Playout>(kType, [](const Playout& self) { return to_ms(self, self.played_frames()); }),
          "`played_frames` in ms.")
      .def_property_readonly("dropped_frames", alone<Playout>(kType, &Playout::dropped_frames),
                             "Frames that did not fit.")
      .def_property_readonly("underruns", alone<Playout>(kType, &Playout::underruns),
                             "How often the queue ran empty while audio was playing, `end` not having been called.");
  add_fast_method(playout, push_method);
  add_fast_method(playout, pull_method);
}

}  // namespace sonicrtc::bindings
