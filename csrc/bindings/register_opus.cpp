#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "array_args.hpp"
#include "busy.hpp"
#include "fast_method.hpp"
#include "register.hpp"
#include "sonicrtc/opus.hpp"

namespace sonicrtc::bindings {
namespace {

using PyEncoder = Guarded<OpusEncoder>;
using PyDecoder = Guarded<OpusDecoder>;
using OptionalInt16Array = Named<"numpy.typing.NDArray[numpy.int16] | None">;

constexpr const char* kEncoder = "OpusEncoder";
constexpr const char* kDecoder = "OpusDecoder";

// ---- packets ---------------------------------------------------------------------------------

bool has_fec(const BufferObject& packet) { return OpusPacket(ByteBuffer(packet, "packet").bytes()).has_fec(); }

std::size_t packet_frames(const BufferObject& packet, int rate_hz) {
  if (std::ranges::find(kOpusRatesHz, rate_hz) == kOpusRatesHz.end()) {
    throw py::value_error("rate_hz: expected 8000, 12000, 16000, 24000 or 48000, got " + std::to_string(rate_hz));
  }
  return OpusPacket(ByteBuffer(packet, "packet").bytes()).frames(rate_hz);
}

void register_packets(py::module_& m) {
  m.def("opus_has_fec", &has_fec, py::arg("packet"), R"(Whether an Opus packet carries in-band FEC, read without decoding it (RFC 6716 section 4.2.4).

Parameters
----------
packet : bytes
    The payload of an RTP packet. False for what is no Opus packet.)");
  m.def("opus_frames", &packet_frames, py::arg("packet"), py::arg("rate_hz").noconvert() = 48000,
        R"(How much audio an Opus packet holds, read without decoding it (RFC 6716 section 3).

Parameters
----------
packet : bytes
    The payload of an RTP packet.
rate_hz : {8000, 12000, 16000, 24000, 48000}
    What the frames are counted at; timestamps of RTP count at 48000 (RFC 7587).

Returns
-------
int
    Frames; 0 for what is no Opus packet.

Raises
------
ValueError
    The rate is none of Opus's.)");
}

// ---- library ---------------------------------------------------------------------------------

void register_library(py::module_& m) {
  py::class_<OpusLibrary, std::shared_ptr<OpusLibrary>>(m, "OpusLibrary", R"(A libopus, loaded from a file while the program runs.

Encoders and decoders keep it; many may share one, in any threads.

Parameters
----------
path : str
    A file, or a bare name such as "libopus.so.0" that the system's loader looks for.

Raises
------
RuntimeError
    It cannot be loaded, or is not libopus; the message says why.)")
      .def(py::init<const std::string&>(), py::arg("path"))
      .def_property_readonly("path", &OpusLibrary::path, "The file that was loaded.")
      .def_property_readonly("version", &OpusLibrary::version, "What it says of itself, such as 'libopus 1.6.1'.")
      .def("__repr__", [](const OpusLibrary& self) { return "<OpusLibrary " + self.version() + ", " + self.path() + ">"; });
}

// ---- encoder ---------------------------------------------------------------------------------

[[noreturn]] void refuse_length(const OpusEncoder& encoder, std::size_t frames) {
  const auto ms = [&encoder](int count) { return std::to_string(encoder.rate_hz() / 1000 * count); };
  throw py::value_error("pcm: expected " + ms(10) + ", " + ms(20) + ", " + ms(40) + " or " + ms(60) +
                        " frames (10, 20, 40 or 60 ms at " + std::to_string(encoder.rate_hz()) + " Hz), got " +
                        std::to_string(frames));
}

PyObject* encode(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return translated([&] {
    static const auto names = interned("pcm", "frames");
    const auto [pcm, frames] = bind_arguments("encode", names, 1, values, positional, keywords);
    auto& encoder = bound_self<PyEncoder>(self);
    const InUse use(encoder.busy, kEncoder);
    const Int16Buffer input(pcm, "pcm", 1, optional_count(frames, "frames"));
    if (!encoder.takes(input.frames())) refuse_length(encoder, input.frames());
    std::array<std::uint8_t, OpusEncoder::kMaxPacketBytes> packet;
    const int bytes = encoder.encode(input.data(), input.frames(), packet);
    if (bytes == 0) throw std::runtime_error("OpusEncoder: libopus could not encode a block");
    return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(packet.data()), bytes);
  });
}

PyMethodDef encode_method = fast_method("encode", &encode, R"(encode(self: sonicrtc._core.OpusEncoder, pcm: collections.abc.Buffer, frames: int | None = None) -> bytes

Make one packet of one block.

Parameters
----------
pcm : buffer of int16, shape (frames,) or (frames, 1), or bytes
    10, 20, 40 or 60 ms at `rate_hz`.
frames : int, optional
    How many frames of a longer buffer are audio.

Returns
-------
bytes
    The payload of an RTP packet, 1200 bytes at most.

Raises
------
TypeError, ValueError
    The buffer is not what is described above; the message says what came.
RuntimeError
    Another thread is using this object.)");

void set_bitrate(PyEncoder& self, int bitrate) {
  const InUse use(self.busy, kEncoder);
  if (!self.set_bitrate(bitrate)) {
    throw py::value_error("bitrate: expected " + std::to_string(OpusEncoder::kLowestBitrate) + " to " +
                          std::to_string(OpusEncoder::kHighestBitrate) + ", got " + std::to_string(bitrate));
  }
}

void set_expected_loss(PyEncoder& self, int percent) {
  const InUse use(self.busy, kEncoder);
  if (!self.set_expected_loss_percent(percent)) {
    throw py::value_error("expected_loss_percent: expected 0 to 100, got " + std::to_string(percent));
  }
}

void register_encoder(py::module_& m) {
  py::class_<PyEncoder> encoder(m, "OpusEncoder", R"(From mono speech to Opus packets: application "voip", variable bit rate, never discontinuous.

A block keeps other Python threads waiting, which is shorter than changing threads. An object belongs to
one thread at a time. Silence is coded like everything else: whoever calls may leave it out.

Parameters
----------
library : OpusLibrary
    What codes.
rate_hz : {8000, 12000, 16000, 24000, 48000}
    Rate of the blocks. A listener hears whatever rate it decodes at.
bitrate : int
    Aimed at on average, 6000 to 510000 bits per second.
complexity : int
    How much work is spent on quality, 0 (least) to 10.

Raises
------
ValueError
    An argument is out of range.)");
  encoder
      .def(py::init<std::shared_ptr<OpusLibrary>, int, int, int>(), py::arg("library").none(false), py::kw_only(),
           py::arg("rate_hz").noconvert() = 24000, py::arg("bitrate").noconvert() = 32000,
           py::arg("complexity").noconvert() = 5)
      .def_property("bitrate", alone<OpusEncoder>(kEncoder, &OpusEncoder::bitrate), &set_bitrate,
                    "Bits per second, 6000 to 510000; what is set holds from the next block on.")
      .def_property("expected_loss_percent", alone<OpusEncoder>(kEncoder, &OpusEncoder::expected_loss_percent),
                    &set_expected_loss, R"(Share of packets that the listener loses, 0 to 100 %.

0, as it begins, sends no in-band FEC. Else each packet holds the one before it once more, at a lower bit
rate and out of the same `bitrate`; below about 24000 nothing is left for it. Holds from the next block on.)")
      .def_property_readonly("rate_hz", alone<OpusEncoder>(kEncoder, &OpusEncoder::rate_hz), "Rate of the blocks.")
      .def_property_readonly("complexity", alone<OpusEncoder>(kEncoder, &OpusEncoder::complexity), "As constructed.")
      .def_property_readonly("lookahead_frames", alone<OpusEncoder>(kEncoder, &OpusEncoder::lookahead_frames),
                             "How late the decoded audio is, in frames at `rate_hz`: 6.5 ms.")
      .def("reset", alone<OpusEncoder>(kEncoder, &OpusEncoder::reset), "Begin a new stream; the settings stay.");
  add_fast_method(encoder, encode_method);
}

// ---- decoder ---------------------------------------------------------------------------------

constexpr std::size_t kLongestMs = FrameDecoder::kLongestPacketMs;

std::size_t at_most_one_packet(const OpusDecoder& decoder, Py_ssize_t frames) {
  const std::size_t count = checked_size(frames, "frames");
  const std::size_t most = static_cast<std::size_t>(decoder.rate_hz()) / 1000 * kLongestMs;
  if (count > most) {
    throw py::value_error("frames: expected at most " + std::to_string(most) + " (120 ms at " +
                          std::to_string(decoder.rate_hz()) + " Hz), got " + std::to_string(count));
  }
  return count;
}

Int16Array decode(PyDecoder& self, const BufferObject& packet) {
  const InUse use(self.busy, kDecoder);
  const ByteBuffer input(packet, "packet");
  std::array<std::int16_t, 48 * kLongestMs> audio;
  const std::size_t frames = self.decode(input.bytes(), audio.data());
  std::int16_t* out = nullptr;
  Int16Array array = new_int16_array(frames, out);
  std::copy_n(audio.data(), frames, out);
  return array;
}

OptionalInt16Array recover(PyDecoder& self, const BufferObject& next, Py_ssize_t frames) {
  const InUse use(self.busy, kDecoder);
  const ByteBuffer input(next, "next");
  std::int16_t* out = nullptr;
  const std::size_t count = at_most_one_packet(self, frames);
  Int16Array array = new_int16_array(count, out);
  if (!self.recover(input.bytes(), count, out)) return py::reinterpret_borrow<OptionalInt16Array>(py::none());
  return py::reinterpret_steal<OptionalInt16Array>(array.release());
}

Int16Array conceal(PyDecoder& self, Py_ssize_t frames) {
  const InUse use(self.busy, kDecoder);
  std::int16_t* out = nullptr;
  const std::size_t count = at_most_one_packet(self, frames);
  Int16Array array = new_int16_array(count, out);
  self.conceal(count, out);
  return array;
}

void register_decoder(py::module_& m) {
  py::class_<PyDecoder>(m, "OpusDecoder", R"(From Opus packets to mono, one packet at a time and without a jitter buffer.

A packet keeps other Python threads waiting. An object belongs to one thread at a time.

Parameters
----------
library : OpusLibrary
    What decodes.
rate_hz : {8000, 12000, 16000, 24000, 48000}
    Rate of the audio; a packet decodes at any, whatever it was made from.

Raises
------
ValueError
    The rate is none of Opus's.)")
      .def(py::init<std::shared_ptr<OpusLibrary>, int>(), py::arg("library").none(false), py::kw_only(),
           py::arg("rate_hz").noconvert() = kUplinkRateHz)
      .def("decode", &decode, py::arg("packet"), R"(Decode the packet that comes next.

Parameters
----------
packet : bytes
    The payload of an RTP packet.

Returns
-------
numpy.ndarray of int16, shape (frames,)
    Up to 120 ms; empty for what is no Opus packet.)")
      .def("recover", &recover, py::arg("next"), py::arg("frames").noconvert(), R"(Restore a lost packet from the one behind it.

Call it before that one is decoded.

Parameters
----------
next : bytes
    The packet behind the lost one.
frames : int
    How much the lost packet held, up to 120 ms. Where one packet holds several of Opus's frames, the last
    of them is restored and those before it are concealed.

Returns
-------
numpy.ndarray of int16, shape (frames,), or None
    None when `next` has nothing that could be restored: then :meth:`conceal`.)")
      .def("conceal", &conceal, py::arg("frames").noconvert(), R"(Make up for what was lost, from what came before.

Parameters
----------
frames : int
    Up to 120 ms.

Returns
-------
numpy.ndarray of int16, shape (frames,)
    Speech goes on and fades away.)")
      .def("reset", alone<OpusDecoder>(kDecoder, &OpusDecoder::reset), "Begin a new stream.")
      .def_property_readonly("rate_hz", alone<OpusDecoder>(kDecoder, &OpusDecoder::rate_hz), "Rate of the audio.");
}

}  // namespace

void register_opus(py::module_& m) {
  register_packets(m);
  register_library(m);
  register_encoder(m);
  register_decoder(m);
}

}  // namespace sonicrtc::bindings
