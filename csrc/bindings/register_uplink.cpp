#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>

#include "array_args.hpp"
#include "register.hpp"
#include "sonicrtc/uplink.hpp"
#include "webrtcvad_detector.hpp"

namespace sonicrtc::bindings {
namespace {

/// A numpy array over part of a block's memory, kept until its length changes. The array's base is
/// a capsule that shares the memory, not the Python object that holds the array, so there is no cycle.
class View {
 public:
  template <typename Sample>
  py::object get(const std::shared_ptr<Block>& block, Sample* data, std::size_t frames) {
    if (!array_ || frames != frames_) {
      const py::capsule base(new std::shared_ptr<Block>(block),
                             [](void* shared) { delete static_cast<std::shared_ptr<Block>*>(shared); });
      array_ = py::array_t<Sample>(static_cast<Py_ssize_t>(frames), data, base);
      frames_ = frames;
    }
    return array_;
  }

 private:
  py::object array_;
  std::size_t frames_ = 0;
};

struct PyBlock {
  PyBlock(std::size_t capacity, std::size_t preroll_capacity)
      : block(std::make_shared<Block>(capacity, preroll_capacity)) {}

  std::shared_ptr<Block> block;
  View s16;
  View f32;
  View preroll;
};

/// A Block or None; names itself in signatures.
class OptionalBlock : public py::object {
  PYBIND11_OBJECT(OptionalBlock, py::object, is_anything)
  static bool is_anything(PyObject* object) { return object != nullptr; }
};
class BlockObject : public py::object {
  PYBIND11_OBJECT(BlockObject, py::object, is_anything)
  static bool is_anything(PyObject* object) { return object != nullptr; }
};
class OptionalVadConfig : public py::object {
  PYBIND11_OBJECT(OptionalVadConfig, py::object, is_anything)
  static bool is_anything(PyObject* object) { return object != nullptr; }
};

Mix parse_mix(int channels, const std::string& downmix) {
  if (channels != 1 && channels != 2) {
    throw py::value_error("channels: expected 1 or 2, got " + std::to_string(channels));
  }
  if (downmix != "mean" && downmix != "left" && downmix != "right") {
    throw py::value_error("downmix: expected 'mean', 'left' or 'right', got '" + downmix + "'");
  }
  if (channels == 1) return Mix::mono;
  return downmix == "mean" ? Mix::mean : downmix == "left" ? Mix::left : Mix::right;
}

class PyUplink {
 public:
  PyUplink(int input_rate_hz, int channels, const std::string& downmix, const std::string& quality,
           const OptionalVadConfig& vad)
      : channels_(static_cast<std::size_t>(channels)),
        uplink_(input_rate_hz, parse_mix(channels, downmix), parse_quality(quality), make_gate(vad)) {}

  BlockObject push(const BufferObject& block, FrameCount frames, const OptionalBlock& out) {
    const Int16Buffer input(block, "block", channels_, frames);
    const std::size_t needed = uplink_.output_frames(input.frames());
    py::object target = out.is_none() ? new_block(needed) : checked_target(out, needed);
    uplink_.push(input.data(), input.frames(), *target.cast<PyBlock&>().block);
    if (detector_ != nullptr) detector_->raise_kept_error();
    return py::reinterpret_steal<BlockObject>(target.release());
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

  [[nodiscard]] BlockObject new_block(std::size_t capacity) const {
    py::object made = py::cast(std::make_unique<PyBlock>(capacity, uplink_.preroll_capacity()));
    return py::reinterpret_steal<BlockObject>(made.release());
  }

  [[nodiscard]] py::object checked_target(const OptionalBlock& out, std::size_t needed) const {
    if (!py::isinstance<PyBlock>(out)) {
      throw py::type_error(std::string("out: expected a Block from Uplink.block(), got ") + Py_TYPE(out.ptr())->tp_name);
    }
    const Block& block = *out.cast<PyBlock&>().block;
    if (block.capacity() < needed || block.preroll_capacity() < uplink_.preroll_capacity()) {
      throw py::value_error("out: expected a Block with room for " + std::to_string(needed) + " frames and " +
                            std::to_string(uplink_.preroll_capacity()) + " of pre-roll, got one with room for " +
                            std::to_string(block.capacity()) + " and " + std::to_string(block.preroll_capacity()) +
                            "; make it with block(max_frames) of this Uplink");
    }
    return out;
  }

  std::size_t channels_;
  WebrtcvadDetector* detector_ = nullptr;  // owned by the gate
  Uplink uplink_;
};

std::unique_ptr<SpeechGate> PyUplink::make_gate(const OptionalVadConfig& vad) {
  if (vad.is_none()) return nullptr;
  for (const char* const name : {"detector", "mode", "frame_ms", "start_k", "start_n", "hangover_ms", "preroll_ms", "gate"}) {
    if (!py::hasattr(vad, name)) {
      throw py::type_error(std::string("vad: expected None or a VadConfig, got ") + Py_TYPE(vad.ptr())->tp_name);
    }
  }
  const auto detector = vad.attr("detector").cast<std::string>();
  if (detector != "webrtcvad") throw py::value_error("vad.detector: expected 'webrtcvad', got '" + detector + "'");
  const auto gate = vad.attr("gate").cast<std::string>();
  if (gate != "zeros" && gate != "off") throw py::value_error("vad.gate: expected 'zeros' or 'off', got '" + gate + "'");
  const auto number = [&vad](const char* name) { return vad.attr(name).cast<int>(); };
  const GateSettings settings{.frame_ms = number("frame_ms"),
                              .start_k = number("start_k"),
                              .start_n = number("start_n"),
                              .hangover_ms = number("hangover_ms"),
                              .preroll_ms = number("preroll_ms"),
                              .zeros = gate == "zeros"};
  auto owned = std::make_unique<WebrtcvadDetector>(number("mode"), settings.frame_ms);
  detector_ = owned.get();
  return std::make_unique<SpeechGate>(settings, std::move(owned));
}

}  // namespace
}  // namespace sonicrtc::bindings

namespace pybind11::detail {
template <>
struct handle_type_name<sonicrtc::bindings::OptionalBlock> {
  static constexpr auto name = const_name("sonicrtc._core.Block | None");
};
template <>
struct handle_type_name<sonicrtc::bindings::BlockObject> {
  static constexpr auto name = const_name("sonicrtc._core.Block");
};
template <>
struct handle_type_name<sonicrtc::bindings::OptionalVadConfig> {
  static constexpr auto name = const_name("sonicrtc.config.VadConfig | None");
};
}  // namespace pybind11::detail

namespace sonicrtc::bindings {
namespace {

void register_block(py::module_& m) {
  py::class_<PyBlock>(m, "Block", R"(One block of uplink audio at 16 kHz, mono.

The arrays are views of memory that belongs to the block; they hold until it is filled again.)")
      .def_property_readonly(
          "s16",
          [](PyBlock& self) {
            return py::reinterpret_borrow<Int16Array>(self.s16.get(self.block, self.block->s16(), self.block->frames()));
          },
          "Gated audio as int16, shape (frames,).")
      .def_property_readonly(
          "f32",
          [](PyBlock& self) {
            return py::reinterpret_borrow<Float32Array>(
                self.f32.get(self.block, self.block->f32(), self.block->frames()));
          },
          "Gated audio as float32 in [-1, 1), shape (frames,).")
      .def_property_readonly(
          "preroll",
          [](PyBlock& self) {
            return py::reinterpret_borrow<Int16Array>(
                self.preroll.get(self.block, self.block->preroll(), self.block->gate().preroll_frames));
          },
          R"(Audio from just before `onset` that had gone out as zeros, int16, shape (m,).

Empty unless the gate opened in this block and its policy is "zeros". Send ``s16[:onset]``, `preroll`,
``s16[onset:]``. A block in which the gate opened twice (only one longer than the hangover can)
holds the pre-roll of the last opening.)")
      .def_property_readonly("frames", [](const PyBlock& self) { return self.block->frames(); },
                             "How many frames are valid.")
      .def_property_readonly("speech", [](const PyBlock& self) { return self.block->gate().speech; },
                             "Whether the gate was open at the end of the block; always true without a detector.")
      .def_property_readonly("onset", [](const PyBlock& self) { return self.block->gate().onset; },
                             "Where in the block the gate opened, 0 to `frames`; -1 when it did not.")
      .def_property_readonly(
          "level_dbfs", [](const PyBlock& self) { return self.block->level_dbfs(); },
          "RMS before the gate in dB relative to full scale (a full-scale sine is at -3); -120 at least.");
}

}  // namespace

void register_uplink(py::module_& m) {
  register_block(m);
  py::class_<PyUplink>(m, "Uplink", R"(From a caller's audio to the model's: 16 kHz mono, as int16 and float32 from one pass.

The output is the same bits however the input is cut into blocks, with and without a gate: a decision
of the detector takes effect where its frame ends on the 16 kHz time line. A block at the input rate
is downmixed, filtered, judged and gated by one call that allocates nothing when `out` is given.

Parameters
----------
input_rate_hz : {8000, 16000, 24000, 44100, 48000}
    Rate of the input.
channels : {1, 2}
    Interleaved channels of the input.
downmix : {"mean", "left", "right"}
    How two channels become one.
quality : {"default", "high"}
    At 48 kHz, "default" is flat to 7 kHz, below -90 dB from 9 kHz, 1.2 ms late; what folds back stays
    above 7 kHz. "high" is below -90 dB from 8 kHz and 2.5 ms late.
vad : VadConfig, optional
    Detect speech, and gate by it.

Raises
------
ValueError
    An argument is out of range.
ImportError
    The detector is not installed.)")
      .def(py::init<int, int, const std::string&, const std::string&, const OptionalVadConfig&>(),
           py::arg("input_rate_hz") = 48000, py::arg("channels") = 2, py::arg("downmix") = "mean",
           py::arg("quality") = "default", py::arg("vad") = py::none())
      .def("push", &PyUplink::push, py::arg("block"), py::arg("frames") = py::none(), py::arg("out") = py::none(),
           R"(Convert one block.

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
    After `t` frames of input in all, ``ceil(t * 16000 / input_rate_hz)`` frames have come out.

Raises
------
TypeError, ValueError
    The buffer is not what is described above; the message says what came.)")
      .def("block", &PyUplink::block, py::arg("max_frames"),
           "A reusable Block for pushes of up to `max_frames` frames of input.")
      .def("reset", &PyUplink::reset, "Back to the state after construction.")
      .def_property_readonly("delay_frames", &PyUplink::delay_frames, "How late the output is, in frames of 16 kHz.");
}

}  // namespace sonicrtc::bindings
