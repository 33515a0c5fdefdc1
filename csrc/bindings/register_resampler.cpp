#include <string>
#include <vector>

#include "array_args.hpp"
#include "register.hpp"
#include "sonicrtc/resampler.hpp"

namespace sonicrtc::bindings {
namespace {

Int16Array process(Resampler& self, const std::int16_t* in, std::size_t frames) {
  std::int16_t* out = nullptr;
  Int16Array array = new_int16_array(self.output_frames(frames), out);
  self.process(in, frames, out);
  return array;
}

Int16Array push(Resampler& self, const BufferObject& block, const OptionalInt& frames) {
  const Int16Buffer input(block, "block", 1, optional_count(frames, "frames"));
  return process(self, input.data(), input.frames());
}

Int16Array flush(Resampler& self) {
  const std::vector<std::int16_t> zeros(self.tail_frames());
  Int16Array rest = process(self, zeros.data(), zeros.size());
  self.reset();
  return rest;
}

}  // namespace

Quality parse_quality(const QualityName& quality) {
  const std::string name = py::str(quality);
  if (name == "default") return Quality::standard;
  if (name == "hq" || name == "high") return Quality::hq;
  if (name == "low_latency") return Quality::low_latency;
  throw py::value_error("quality: expected 'default', 'hq' or 'low_latency', got '" + name + "'");
}

void register_resampler(py::module_& m) {
  py::class_<Resampler>(m, "Resampler", R"(Streaming sample-rate conversion of mono int16.

The output of a signal is the same bits however it is cut into blocks: after `t` frames of input,
``ceil(t * output_rate_hz / input_rate_hz)`` frames have come out.

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
    A rate or quality is unknown.)")
      .def(py::init([](int input_rate_hz, int output_rate_hz, const QualityName& quality) {
             return Resampler(input_rate_hz, output_rate_hz, parse_quality(quality));
           }),
           py::arg("input_rate_hz").noconvert() = 24000, py::arg("output_rate_hz").noconvert() = 48000,
           py::arg("quality") = "default")
      .def("push", &push, py::arg("block"), py::arg("frames") = py::none(),
           R"(Convert one block.

Parameters
----------
block : buffer of int16, shape (frames,) or (frames, 1), or bytes
    Any length, 0 included.
frames : int, optional
    How many frames of a longer buffer are audio.

Returns
-------
numpy.ndarray of int16, shape (n,)
    What the block completed.)")
      .def("flush", &flush, R"(End the signal: return what is still in the filter, shape (n,), and start anew.)")
      .def("reset", &Resampler::reset, "Forget the signal so far.")
      .def_property_readonly("delay_frames", &Resampler::delay_frames, R"(How late the output is, in output frames: the group delay, averaged over the pass band.)");
}

}  // namespace sonicrtc::bindings
