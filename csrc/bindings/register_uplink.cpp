#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "array_args.hpp"
#include "array_view.hpp"
#include "busy.hpp"
#include "fast_method.hpp"
#include "gil.hpp"
#include "register.hpp"
#include "silero_detector.hpp"
#include "sonicrtc/energy_detector.hpp"
#include "sonicrtc/uplink.hpp"
#include "webrtcvad_detector.hpp"

namespace sonicrtc::bindings {
namespace {

struct PyBlock {
  PyBlock(std::size_t capacity, std::size_t preroll_capacity)
      : block(std::make_shared<Block>(capacity, preroll_capacity)) {}

  template <typename Array, typename Sample>
  Array view(ArrayView& of, Sample* data, std::size_t frames) {
    return of.get<Array>(block, data, frames);
  }

  std::shared_ptr<Block> block;
  ArrayView s16;
  ArrayView f32;
  ArrayView preroll;
};

using GuardedBlock = Guarded<PyBlock>;

constexpr const char* kBlock = "Block";
constexpr const char* kUplink = "Uplink";

using BlockObject = Named<"sonicrtc._core.Block">;
using OptionalVadConfig = Named<"sonicrtc.config.VadConfig | None">;
using DownmixName = Named<"typing.Literal['mean', 'left', 'right']">;

Mix parse_mix(int channels, const DownmixName& name) {
  if (channels != 1 && channels != 2) {
    throw py::value_error("channels: expected 1 or 2, got " + std::to_string(channels));
  }
  const std::string downmix = py::str(name);
  if (downmix != "mean" && downmix != "left" && downmix != "right") {
    throw py::value_error("downmix: expected 'mean', 'left' or 'right', got '" + downmix + "'");
  }
  if (channels == 1) return Mix::mono;
  return downmix == "mean" ? Mix::mean : downmix == "left" ? Mix::left : Mix::right;
}

class PyUplink {
 public:
  PyUplink(int input_rate_hz, int channels, const DownmixName& downmix, const QualityName& quality,
           const OptionalVadConfig& vad, int output_rate_hz)
      : channels_(static_cast<std::size_t>(channels)),
        uplink_(input_rate_hz, parse_mix(channels, downmix), parse_quality(quality), make_gate(vad), output_rate_hz) {}

  /// Returns a new reference to the block that was filled.
  PyObject* push(PyObject* block, PyObject* frames, PyObject* out) {
    const Int16Buffer input(block, "block", channels_, optional_count(frames, "frames"));
    const std::size_t needed = uplink_.output_frames(input.frames());
    py::object made;
    if (out == nullptr || out == Py_None) {
      made = new_block(needed);
      out = made.ptr();
    }
    GuardedBlock& target = checked_target(out, needed);
    {
      const InUse use(target.busy, kBlock);
      const ReleaseInBatch release(detector_ == nullptr ? input.frames() : 0);
      uplink_.push(input.data(), input.frames(), *target.block);
    }
    if (detector_ != nullptr) detector_->raise_kept_error();
    return Py_NewRef(out);
  }

  [[nodiscard]] BlockObject block(Py_ssize_t max_frames) const {
    return new_block(uplink_.max_output_frames(checked_size(max_frames, "max_frames")));
  }

  void reset() {
    uplink_.reset();
    if (detector_ != nullptr) detector_->raise_kept_error();
  }

  [[nodiscard]] double delay_frames() const { return uplink_.delay_frames(); }

 private:
  std::unique_ptr<SpeechGate> make_gate(const OptionalVadConfig& vad);
  std::unique_ptr<Detector> make_detector(const OptionalVadConfig& vad);

  [[nodiscard]] BlockObject new_block(std::size_t capacity) const {
    py::object made = py::cast(std::make_unique<GuardedBlock>(capacity, uplink_.preroll_capacity()));
    return py::reinterpret_steal<BlockObject>(made.release());
  }

  [[nodiscard]] GuardedBlock& checked_target(PyObject* out, std::size_t needed) const {
    GuardedBlock* const target = bound_object<GuardedBlock>(out);
    if (target == nullptr) {
      throw py::type_error(std::string("out: expected a Block from Uplink.block(), got ") + Py_TYPE(out)->tp_name);
    }
    const Block& block = *target->block;
    if (block.capacity() < needed || block.preroll_capacity() < uplink_.preroll_capacity()) {
      throw py::value_error("out: expected a Block with room for " + std::to_string(needed) + " frames and " +
                            std::to_string(uplink_.preroll_capacity()) + " of pre-roll, got one with room for " +
                            std::to_string(block.capacity()) + " and " + std::to_string(block.preroll_capacity()) +
                            "; make it with block(max_frames) of this Uplink");
    }
    return *target;
  }

  std::size_t channels_;
  PythonDetector* detector_ = nullptr;  // owned by the gate; null when no Python is called
  Uplink uplink_;
};

GatePolicy parse_policy(const std::string& name) {
  if (name == "off") return GatePolicy::off;
  if (name == "zeros") return GatePolicy::zeros;
  if (name == "withhold") return GatePolicy::withhold;
  throw py::value_error("vad.gate: expected 'zeros', 'off' or 'withhold', got '" + name + "'");
}

std::unique_ptr<Detector> PyUplink::make_detector(const OptionalVadConfig& vad) {
  const auto name = vad.attr("detector").cast<std::string>();
  const auto frame_ms = vad.attr("frame_ms").cast<int>();
  const auto threshold = vad.attr("threshold").cast<float>();
  const auto remembered = [this](auto detector) {
    detector_ = detector.get();
    return detector;
  };
  if (name == "webrtcvad") {
    return remembered(std::make_unique<WebrtcvadDetector>(vad.attr("mode").cast<int>(), frame_ms));
  }
  if (name == "silero") return remembered(std::make_unique<SileroDetector>(threshold));
  if (name == "energy") return std::make_unique<EnergyDetector>(frame_ms, threshold);
  throw py::value_error("vad.detector: expected 'webrtcvad', 'energy' or 'silero', got '" + name + "'");
}

std::unique_ptr<SpeechGate> PyUplink::make_gate(const OptionalVadConfig& vad) {
  if (vad.is_none()) return nullptr;
  for (const char* const name : {"detector", "mode", "threshold", "frame_ms", "start_k", "start_n", "hangover_ms",
                                 "preroll_ms", "gate", "withhold_after_ms"}) {
    if (!py::hasattr(vad, name)) {
      throw py::type_error(std::string("vad: expected None or a VadConfig, got ") + Py_TYPE(vad.ptr())->tp_name);
    }
  }
  const auto number = [&vad](const char* name) { return vad.attr(name).cast<int>(); };
  const GateSettings settings{.start_k = number("start_k"),
                              .start_n = number("start_n"),
                              .hangover_ms = number("hangover_ms"),
                              .preroll_ms = number("preroll_ms"),
                              .policy = parse_policy(vad.attr("gate").cast<std::string>()),
                              .withhold_after_ms = number("withhold_after_ms")};
  return std::make_unique<SpeechGate>(settings, make_detector(vad));
}

void register_block(py::module_& m) {
  py::class_<GuardedBlock> block(m, "Block", R"(One block of uplink audio, mono, at the output rate of its Uplink.

The arrays are views of memory that belongs to the block; they hold until it is filled again.)");
  const auto property = [&block](const char* name, auto read, const char* documentation) {
    block.def_property_readonly(name, alone<PyBlock>(kBlock, read), documentation);
  };
  property("s16", [](PyBlock& self) { return self.view<Int16Array>(self.s16, self.block->s16(), self.block->frames()); },
           "Gated audio as int16, shape (frames,).");
  property("f32",
           [](PyBlock& self) { return self.view<Float32Array>(self.f32, self.block->f32(), self.block->frames()); },
           "Gated audio as float32 in [-1, 32767/32768], shape (frames,).");
  property("preroll",
           [](PyBlock& self) {
             return self.view<Int16Array>(self.preroll, self.block->preroll(), self.block->gate().preroll_frames);
           },
           R"(Audio from just before `onset` that had not been let through, int16, shape (m,).

Empty unless the gate opened in this block and its policy is not "off". Send ``s16[:onset]``, `preroll`,
``s16[onset:]``. A block in which the gate opened twice (only one longer than the hangover can)
holds the pre-roll of the last opening.)");
  property("frames", [](const PyBlock& self) { return self.block->frames(); },
           "How many frames are valid: those that are to be sent.");
  property("withheld_frames", [](const PyBlock& self) { return self.block->withheld_frames(); },
           "How many more the block would have without the gate; 0 unless it is \"withhold\".");
  property("speech", [](const PyBlock& self) { return self.block->gate().speech; },
           "Whether the gate was open at the end of the block; always true without a detector.");
  property("score",
           [](const PyBlock& self) {
             const float score = self.block->gate().score;
             return std::isnan(score) ? std::nullopt : std::optional(score);
           },
           R"(How sure the detector is of speech, 0 to 1: its highest score of the frames that ended in the block.

None when none did, or when the detector has no score (webrtcvad).)");
  property("onset", [](const PyBlock& self) { return self.block->gate().onset; },
           "Where in the block the gate opened, 0 to `frames`; -1 when it did not.");
  property("offset", [](const PyBlock& self) { return self.block->gate().offset; },
           "Where in the block the gate closed, 0 to `frames`; -1 when it did not.");
  property("level_dbfs", [](const PyBlock& self) { return self.block->level_dbfs(); },
           "RMS before the gate in dB relative to full scale (a full-scale sine is at -3); -120 at least.");
}

PyObject* push(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return translated([&] {
    static const auto names = interned("block", "frames", "out");
    const auto [block, frames, out] = bind_arguments("push", names, 1, values, positional, keywords);
    auto& uplink = bound_self<Guarded<PyUplink>>(self);
    const InUse use(uplink.busy, kUplink);
    return uplink.push(block, frames, out);
  });
}

PyMethodDef push_method = fast_method("push", &push,
    R"(push(self: sonicrtc._core.Uplink, block: collections.abc.Buffer, frames: int | None = None, out: sonicrtc._core.Block | None = None) -> sonicrtc._core.Block

Convert one block.

Parameters
----------
block : buffer of int16, shape (frames, channels) or flat interleaved, or bytes
    Any length, 0 included. Bytes are native-endian int16.
frames : int, optional
    How many frames of a longer buffer are audio.
out : Block, optional
    Filled and returned instead of a new one; made by :meth:`block`.

Returns
-------
Block
    After `t` frames of input in all, ``ceil(t * output_rate_hz / input_rate_hz)`` frames have come out
    or been withheld.

Raises
------
TypeError, ValueError
    The buffer is not what is described above; the message says what came.
RuntimeError
    Another thread is using this object, or `out`.)");

}  // namespace

void register_uplink(py::module_& m) {
  register_block(m);
  py::class_<Guarded<PyUplink>> uplink(m, "Uplink", R"(From a caller's audio to the model's: mono at 16 kHz or what it listens at, int16 and float32 from one pass.

The output is the same bits however the input is cut into blocks, with and without a gate: a decision
of the detector takes effect where its frame ends on the 16 kHz time line. A block at the input rate
is downmixed, filtered, judged and gated by one call that allocates nothing when `out` is given. An
object belongs to one thread at a time. A second of audio or more lets other Python threads run, unless
the detector needs Python.

Parameters
----------
input_rate_hz : {8000, 16000, 24000, 44100, 48000}
    Rate of the input.
channels : {1, 2}
    Interleaved channels of the input.
downmix : {"mean", "left", "right"}
    How two channels become one.
quality : {"default", "hq", "low_latency"}
    From 48 kHz, "default" is flat to 7 kHz, below -90 dB from 9 kHz and 1.24 ms late; what folds back
    stays above 7 kHz. "hq" is below -90 dB from 8 kHz, so that nothing folds back, and 2.49 ms late.
    "low_latency" has the magnitude response of "default" with minimum phase: 0.18 ms late on average
    over the pass band. "high" is an older spelling of "hq".
vad : VadConfig, optional
    Detect speech, and gate by it.
output_rate_hz : {8000, 16000, 24000, 44100, 48000}
    Rate of the output; a detector needs 16000.

Raises
------
ValueError
    An argument is out of range.
ImportError
    The detector is not installed.)");
  uplink
      .def(py::init<int, int, const DownmixName&, const QualityName&, const OptionalVadConfig&, int>(),
           py::arg("input_rate_hz").noconvert() = 48000, py::arg("channels").noconvert() = 2, py::arg("downmix") = "mean",
           py::arg("quality") = "default", py::arg("vad") = py::none(), py::arg("output_rate_hz").noconvert() = kUplinkRateHz)
      .def("block", &PyUplink::block, py::arg("max_frames").noconvert(),
           "A reusable Block for pushes of up to `max_frames` frames of input.")
      .def("reset", alone<PyUplink>(kUplink, &PyUplink::reset), "Back to the state after construction.")
      .def_property_readonly("delay_frames", &PyUplink::delay_frames, R"(How late the output is, in output frames: the group delay, averaged over the pass band.)");
  add_fast_method(uplink, push_method);
}

}  // namespace sonicrtc::bindings
