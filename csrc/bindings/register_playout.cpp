#include <pybind11/stl.h>

#include <algorithm>

#include "array_args.hpp"
#include "register.hpp"
#include "sonicrtc/playout.hpp"

namespace sonicrtc::bindings {
namespace {

double to_ms(const Playout& playout, std::uint64_t frames) {
  return static_cast<double>(frames) * 1000.0 / playout.input_rate_hz();
}

std::size_t push(Playout& self, const BufferObject& chunk, FrameCount frames) {
  const Int16Buffer input(chunk, "chunk", 1, frames);
  return self.push(input.data(), input.frames());
}

Int16Array pull(Playout& self, Py_ssize_t frames, const py::object& out) {
  const std::size_t count = checked_size(frames, "frames");
  if (out.is_none()) {
    std::int16_t* data = nullptr;
    Int16Array array = new_int16_array(count, data);
    self.pull(data, count);
    return array;
  }
  Int16Buffer target(out, "out", 1, frames, Int16Buffer::Access::write);
  self.pull(target.writable(), count);
  return py::reinterpret_borrow<Int16Array>(out);
}

}  // namespace

void register_playout(py::module_& m) {
  py::class_<Playout>(m, "Playout", R"(The queue between a model that speaks faster than real time and a listener.

Audio is kept at the model's rate and resampled when it is pulled. Chunks join without a seam.
Where audio ends, or is flushed, it fades to silence within 5 ms.

Parameters
----------
input_rate_hz, output_rate_hz : {8000, 16000, 24000, 44100, 48000}
    The model's rate and the listener's.
capacity_ms : int
    How much audio is kept, 100 to 3600000 ms. Memory is taken one second at a time.

Raises
------
ValueError
    A rate is unknown or the capacity out of range.)")
      .def(py::init<int, int, int>(), py::arg("input_rate_hz") = 24000, py::arg("output_rate_hz") = 48000,
           py::arg("capacity_ms") = 60000)
      .def("push", &push, py::arg("chunk"), py::arg("frames") = py::none(),
           R"(Queue a chunk from the model.

Parameters
----------
chunk : buffer of int16, shape (frames,) or (frames, 1), or bytes
    Any length, 0 included.
frames : int, optional
    How many frames of a longer buffer are audio.

Returns
-------
int
    Frames that fitted. What did not is dropped and counted in `dropped_frames`.)")
      .def("pull", &pull, py::arg("frames"), py::arg("out") = py::none(),
           R"(Take audio for the listener.

Parameters
----------
frames : int
    How many frames, at the output rate.
out : writable buffer of int16, optional
    Filled and returned instead of a new array.

Returns
-------
numpy.ndarray of int16, shape (frames,)
    Audio, and zeros where there is none.)")
      .def(
          "flush", [](Playout& self) { return to_ms(self, self.flush()); },
          R"(Throw away what is queued; what was about to be heard fades out within 5 ms.

Returns
-------
float
    How much was thrown away, in ms.)")
      .def("end", &Playout::end, "Say that the audio so far is complete: running empty after it is no underrun.")
      .def("reset", &Playout::reset, "Forget audio and counters.")
      .def_property_readonly(
          "buffered_ms", [](const Playout& self) { return to_ms(self, self.buffered_frames()); }, "Audio queued, in ms.")
      .def_property_readonly(
          "played_ms", [](const Playout& self) { return to_ms(self, self.played_frames()); },
          "The model's audio that was pulled since construction, in ms: what was really heard.")
      .def_property_readonly("dropped_frames", &Playout::dropped_frames, "Frames that did not fit.")
      .def_property_readonly("underruns", &Playout::underruns,
                             "How often the queue ran empty while audio was playing, `end` not having been called.");
}

}  // namespace sonicrtc::bindings
