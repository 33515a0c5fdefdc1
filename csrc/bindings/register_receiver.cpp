#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "array_args.hpp"
#include "array_view.hpp"
#include "busy.hpp"
#include "fast_method.hpp"
#include "register.hpp"
#include "sonicrtc/jitter.hpp"
#include "sonicrtc/opus.hpp"

namespace sonicrtc::bindings {
namespace {

using OptionalFloat = Named<"float | None">;
using KindList = Named<"list[tuple[typing.Literal['real', 'fec', 'plc', 'comfort'], int]]">;

constexpr const char* kType = "AudioReceiver";

struct Receiver {
  Receiver(std::shared_ptr<OpusLibrary> library, int rate_hz, bool playout_clock, bool interpolates)
      : buffer(std::make_shared<JitterBuffer>(
            std::make_unique<OpusDecoder>(std::move(library), rate_hz),
            JitterOptions{.mode = playout_clock ? JitterMode::playout : JitterMode::arrival,
                          .interpolates = interpolates})) {}

  std::shared_ptr<JitterBuffer> buffer;  // shared with the array of its audio
  ArrayView audio;
};

using PyReceiver = Guarded<Receiver>;

struct Stats {
  JitterCounters counters;
  DelayHistogram delays;
  double hold_ms;
  double target_ms;
};

double to_seconds(PyObject* value) {
  const double seconds = PyFloat_AsDouble(value);
  if (seconds == -1.0 && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw py::type_error(std::string("at_s: expected a float, got ") + Py_TYPE(value)->tp_name);
  }
  return seconds;
}

template <typename Number>
Number to_number(PyObject* value, const char* name) {
  const std::size_t number = required_size(value, name);
  if (number > std::numeric_limits<Number>::max()) {
    throw py::value_error(std::string(name) + ": expected 0 to " +
                          std::to_string(std::numeric_limits<Number>::max()) + ", got " + std::to_string(number));
  }
  return static_cast<Number>(number);
}

PyObject* push(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return translated([&] {
    static const auto names = interned("payload", "sequence_number", "timestamp", "at_s", "marker");
    const auto [payload, sequence_number, timestamp, at_s, marker] =
        bind_arguments("push", names, 4, values, positional, keywords);
    auto& receiver = bound_self<PyReceiver>(self);
    const ByteBuffer packet(payload, "payload");
    const auto sequence = to_number<std::uint16_t>(sequence_number, "sequence_number");
    const auto time = to_number<std::uint32_t>(timestamp, "timestamp");
    const double seconds = to_seconds(at_s);
    const int marked = marker == nullptr ? 0 : PyObject_IsTrue(marker);
    if (marked < 0) throw py::error_already_set();
    const InUse use(receiver.busy, kType);
    receiver.buffer->push(packet.bytes(), sequence, time, marked != 0, seconds);
    return PyLong_FromSize_t(receiver.buffer->ready().size());
  });
}

PyObject* advance(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  return translated([&] {
    static const auto names = interned("at_s");
    const auto [at_s] = bind_arguments("advance", names, 1, values, positional, keywords);
    auto& receiver = bound_self<PyReceiver>(self);
    const double seconds = to_seconds(at_s);
    const InUse use(receiver.busy, kType);
    receiver.buffer->advance(seconds);
    return PyLong_FromSize_t(receiver.buffer->ready().size());
  });
}

PyMethodDef push_method = fast_method("push", &push, R"(push(self: sonicrtc._core.AudioReceiver, payload: collections.abc.Buffer, sequence_number: int, timestamp: int, at_s: float, marker: bool = False) -> int

Take a packet, whatever is in it and whenever it comes.

Parameters
----------
payload : bytes
    An Opus packet. One of one or two bytes says that the sender goes quiet.
sequence_number : int
    Of the RTP header, 0 to 65535.
timestamp : int
    Of the RTP header, in units of 1/48000 s (RFC 7587), 0 to 2**32 - 1.
at_s : float
    When it came, in seconds on the clock of `advance`.
marker : bool
    Of the RTP header: whether it begins a talk spurt.

Returns
-------
int
    How many frames are ready in `audio`.

Raises
------
TypeError, ValueError
    A number is out of range, or the payload is no buffer.
RuntimeError
    Another thread is using this object.)");

PyMethodDef advance_method = fast_method("advance", &advance, R"(advance(self: sonicrtc._core.AudioReceiver, at_s: float) -> int

Let time pass: give up what is waited for in vain, and fill a pause. To be called at `due_s`.

Parameters
----------
at_s : float
    Now, in seconds on the clock of `push`; one that runs evenly.

Returns
-------
int
    How many frames are ready in `audio`.

Raises
------
TypeError
    `at_s` is no number.
RuntimeError
    Another thread is using this object.)");

KindList kinds(const Receiver& self) {
  static constexpr std::array names{"real", "fec", "plc", "comfort"};
  py::list list;
  for (const Piece& piece : self.buffer->pieces()) {
    list.append(py::make_tuple(names[static_cast<std::size_t>(piece.kind)], piece.frames));
  }
  return py::reinterpret_steal<KindList>(list.release());
}

OptionalFloat due_s(const Receiver& self) {
  const double due = self.buffer->due_s();
  if (std::isinf(due)) return py::reinterpret_borrow<OptionalFloat>(py::none());
  return py::reinterpret_steal<OptionalFloat>(PyFloat_FromDouble(due));
}

Stats stats(const Receiver& self) {
  return {.counters = self.buffer->counters(),
          .delays = self.buffer->delays(),
          .hold_ms = self.buffer->hold_ms(),
          .target_ms = self.buffer->target_ms()};
}

double delay_quantile_ms(const Stats& self, double q) {
  if (!(q >= 0.0 && q <= 1.0)) throw py::value_error("q: expected 0 to 1, got " + std::to_string(q));
  return self.delays.quantile_ms(q);
}

void register_stats(py::module_& m) {
  py::class_<Stats> stats(m, "ReceiverStats", "What an AudioReceiver has counted since construction.");
  const auto counter = [&stats](const char* name, std::uint64_t JitterCounters::*of, const char* documentation) {
    stats.def_property_readonly(name, [of](const Stats& self) { return self.counters.*of; }, documentation);
  };
  counter("received", &JitterCounters::received, "Packets, without duplicates.");
  counter("duplicates", &JitterCounters::duplicates, "Packets that came again and were ignored.");
  counter("late", &JitterCounters::late, "Of `received`, those that came when their time had passed.");
  counter("undecodable", &JitterCounters::undecodable, "Of `received`, those that the decoder could not read.");
  counter("dropped", &JitterCounters::dropped,
          "Of `received`, those that were thrown away when the stream jumped or the delay was cut short.");
  counter("lost", &JitterCounters::lost, "Packets that were given up.");
  counter("resyncs", &JitterCounters::resyncs, "Jumps of the stream that were followed without filling.");
  counter("underruns", &JitterCounters::underruns, "With a playout clock: blocks of 20 ms that had no packet in time.");
  const auto frames = [&stats](const char* name, AudioKind kind, const char* documentation) {
    stats.def_property_readonly(
        name, [kind](const Stats& self) { return self.counters.frames[static_cast<std::size_t>(kind)]; }, documentation);
  };
  frames("real_frames", AudioKind::real, "Frames decoded from their own packet.");
  frames("fec_frames", AudioKind::fec, "Frames restored from the in-band FEC of the next packet.");
  frames("plc_frames", AudioKind::plc, "Frames made up for what was lost.");
  frames("comfort_frames", AudioKind::comfort, "Frames made up where the sender was quiet.");
  stats
      .def_property_readonly("hold_ms", [](const Stats& self) { return self.hold_ms; },
                             "How long a hole is waited for now, 0 to 120 ms.")
      .def_property_readonly("target_ms", [](const Stats& self) { return self.target_ms; },
                             "With a playout clock: the delay that is aimed at now, 20 to 400 ms.")
      .def_property_readonly("delay_mean_ms", [](const Stats& self) { return self.delays.mean_ms(); },
                             R"(How late packets were given out on average, or what stands for them.

In ms after the network's best: the least difference of arrival and timestamp of the last 500 packets.
What the network's jitter costs is in it.)")
      .def_property_readonly("delay_most_ms", [](const Stats& self) { return self.delays.most_ms(); },
                             "The longest of these delays, in ms.")
      .def("delay_quantile_ms", &delay_quantile_ms, py::arg("q"), R"(The delay that a share of the packets does not exceed.

Parameters
----------
q : float
    The share, 0 to 1.

Returns
-------
float
    In ms, to the next 0.25 ms up to 20 ms, then to the next 2.5 ms.

Raises
------
ValueError
    `q` is out of range.)");
}

}  // namespace

void register_receiver(py::module_& m) {
  register_stats(m);
  py::class_<PyReceiver> receiver(m, "AudioReceiver", R"(From the packets of an RTP stream of Opus to mono audio in order: jitter buffer and decoder.

A packet that is next is decoded and ready at once. Only a hole is waited for: as long as packets have
lately overtaken each other, not at all where they have not, and 120 ms at most. Then the last missing
packet comes from the in-band FEC of the next, and those before it are made up from what is on both sides.
Pauses of a sender with DTX are filled by `advance`, in real time after the mark of one, else after 500 ms,
and for 10 s at most. So the time line is the sender's, and audio comes in bursts where the network brings
bursts. Packets are heard once, whatever their order.

Memory is taken at construction only; an object belongs to one thread at a time.

Parameters
----------
library : OpusLibrary
    What decodes.
rate_hz : {8000, 12000, 16000, 24000, 48000}
    Rate of the audio.
playout_clock : bool
    For a person who listens now: 20 ms come out every 20 ms, by `advance`, as late as 97 % of the packets need
    (20 to 400 ms). What is later is made up for, and the delay goes back in silence.
interpolate : bool
    Whether what is made up for lost packets, 240 ms at most, takes into account what follows it; not with
    `playout_clock`, where that is not known yet.

Raises
------
ValueError
    The rate is none of Opus's.)");
  receiver
      .def(py::init<std::shared_ptr<OpusLibrary>, int, bool, bool>(), py::arg("library").none(false), py::kw_only(),
           py::arg("rate_hz").noconvert() = kUplinkRateHz, py::arg("playout_clock") = false,
           py::arg("interpolate") = true)
      .def("reset", alone<Receiver>(kType, [](Receiver& self) { self.buffer->reset(); }),
           "Back to the state after construction.")
      .def_property_readonly("audio", alone<Receiver>(kType, [](Receiver& self) {
                               const auto ready = self.buffer->ready();
                               return self.audio.get<Int16Array>(self.buffer, ready.data(), ready.size());
                             }),
                             R"(What the last `push` or `advance` made ready, int16, shape (frames,), 1.12 s at most.

A view of memory that is used again: it holds until the next of these calls. Where there is more, `due_s`
has passed already.)")
      .def_property_readonly("kinds", alone<Receiver>(kType, &kinds),
                             R"(Where the frames of `audio` come from, in order, as runs of (kind, frames).

"real" from their own packet, "fec" from the next one, "plc" made up for what was lost, "comfort" made up
where the sender was quiet.)")
      .def_property_readonly("due_s", alone<Receiver>(kType, &due_s),
                             "When `advance` has something to do; None while only a packet can change that.")
      .def_property_readonly("stats", alone<Receiver>(kType, &stats), "What was counted so far: a copy.");
  add_fast_method(receiver, push_method);
  add_fast_method(receiver, advance_method);
}

}  // namespace sonicrtc::bindings
