#include <cstdint>

#include "array_args.hpp"
#include "busy.hpp"
#include "fast_method.hpp"
#include "gil.hpp"
#include "register.hpp"
#include "sonicrtc/echo_detector.hpp"

namespace sonicrtc::bindings {
namespace {

using PyEchoDetector = Guarded<EchoDetector>;

constexpr const char* kType = "EchoDetector";

/// Calls `body(detector, samples, frames)` with the arguments of a block method.
template <typename Body>
PyObject* with_block(const char* method, PyObject* self, PyObject* const* values, Py_ssize_t positional,
                     PyObject* keywords, const Body& body) {
  return translated([&] {
    static const auto names = interned("block", "frames");
    const auto [block, frames] = bind_arguments(method, names, 1, values, positional, keywords);
    auto& detector = bound_self<PyEchoDetector>(self);
    const Int16Buffer input(block, "block", 1, optional_count(frames, "frames"));
    const InUse use(detector.busy, kType);
    const ReleaseInBatch release(input.frames());
    return body(detector, input.data(), input.frames());
  });
}

PyObject* played(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return with_block("played", self, values, positional, keywords,
                    [](EchoDetector& detector, const std::int16_t* in, std::size_t frames) {
                      detector.played(in, frames);
                      return Py_NewRef(Py_None);
                    });
}

PyObject* heard(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return with_block("heard", self, values, positional, keywords,
                    [](EchoDetector& detector, const std::int16_t* in, std::size_t frames) {
                      return Py_NewRef(detector.heard(in, frames) ? Py_True : Py_False);
                    });
}

PyMethodDef played_method = fast_method("played", &played, R"(played(self: sonicrtc._core.EchoDetector, block: collections.abc.Buffer, frames: int | None = None) -> None

Take what was given to the listener.

Parameters
----------
block : buffer of int16, shape (frames,) or (frames, 1), or bytes
    Any length, 0 included, at the rate of the playout.
frames : int, optional
    How many frames of a longer buffer are audio.

Raises
------
TypeError, ValueError
    The buffer is not what is described above; the message says what came.
RuntimeError
    Another thread is using this object.)");

PyMethodDef heard_method = fast_method("heard", &heard, R"(heard(self: sonicrtc._core.EchoDetector, block: collections.abc.Buffer, frames: int | None = None) -> bool

Take what the microphone heard, of the same time as what was played last.

Parameters
----------
block : buffer of int16, shape (frames,) or (frames, 1), or bytes
    Any length, 0 included, at the rate of the microphone.
frames : int, optional
    How many frames of a longer buffer are audio.

Returns
-------
bool
    Whether the last whole 20 ms were mostly echo of the playout.

Raises
------
TypeError, ValueError
    The buffer is not what is described above; the message says what came.
RuntimeError
    Another thread is using this object.)");

}  // namespace

void register_echo_detector(py::module_& m) {
  py::class_<PyEchoDetector> detector(m, "EchoDetector", R"(Tells whether what a microphone hears is our own playout, 0 to 400 ms late.

Each 20 ms are compared with what was played, at every lag, by their coherence at 4 kHz over about 120 ms,
and with the path that the last seconds have shown. Neither the loudness of the echo matters nor what
loudspeaker and room do to it. A voice that is louder than the echo by a few dB is no echo. Blocks of
the two streams may come in bursts of up to 60 ms: positions are counted. Allocates nothing per block; an
object belongs to one thread at a time.

Parameters
----------
played_rate_hz, heard_rate_hz : {8000, 16000, 24000, 44100, 48000}
    Rates of the playout and of the microphone.

Raises
------
ValueError
    A rate is unknown.)");
  detector
      .def(py::init<int, int>(), py::arg("played_rate_hz").noconvert() = 48000,
           py::arg("heard_rate_hz").noconvert() = kUplinkRateHz)
      .def("reset", alone<EchoDetector>(kType, &EchoDetector::reset), "Back to the state after construction.")
      .def_property_readonly("echo", alone<EchoDetector>(kType, &EchoDetector::echo),
                             "Whether the last whole 20 ms were mostly echo.")
      .def_property_readonly("coherence", alone<EchoDetector>(kType, &EchoDetector::coherence),
                             "The share of the last 120 ms that the playout explains at its best lag, 0 to 1.")
      .def_property_readonly("lag_ms", alone<EchoDetector>(kType, &EchoDetector::lag_ms),
                             "How late the echo comes, in ms; -1 while no path is known.");
  add_fast_method(detector, played_method);
  add_fast_method(detector, heard_method);
}

}  // namespace sonicrtc::bindings
