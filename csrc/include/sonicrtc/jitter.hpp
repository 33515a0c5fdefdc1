// From packets as the network brings them to audio in order, with as little waiting as there can be.
//
// Time is an argument everywhere: seconds on any clock that runs evenly. One thread at a time may use an object.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "sonicrtc/flagged_audio.hpp"
#include "sonicrtc/frame_decoder.hpp"
#include "sonicrtc/jitter_statistics.hpp"

namespace sonicrtc {

/// Who listens.
enum class JitterMode : std::uint8_t {
  /// A machine (recogniser, speech model): audio comes out when its packet does, in bursts where the network
  /// brings bursts. Nothing is stretched or cut: the time line of the output is the sender's, but for pauses that
  /// become longer where a stall of the network met them.
  arrival,
  /// A person, now: 20 ms come out every 20 ms, `target` behind the network's best. Where packets are later than
  /// that, audio is made up; in silence, the delay goes back to the target.
  playout,
};

struct JitterOptions {
  JitterMode mode = JitterMode::arrival;
  /// Whether what is made up for lost packets takes what follows it into account (interpolator.hpp), in mode arrival.
  bool interpolates = false;
};

struct JitterCounters {
  std::uint64_t received = 0;     ///< packets, without duplicates
  std::uint64_t duplicates = 0;   ///< ignored
  std::uint64_t late = 0;         ///< of `received`: came when their time had passed
  std::uint64_t undecodable = 0;  ///< of `received`: the decoder could not read them
  std::uint64_t dropped = 0;      ///< of `received`: waited in vain when the stream jumped, or the delay was cut short
  std::uint64_t lost = 0;         ///< packets given up
  std::uint64_t resyncs = 0;      ///< jumps of sequence number or timestamp that were followed
  std::uint64_t underruns = 0;    ///< blocks of 20 ms that had no packet in time (mode playout)
  std::array<std::uint64_t, 4> frames{};  ///< given out, for each AudioKind
};

class JitterEngine;

/// The rules, with their measured parameters in jitter_engine.hpp:
///
/// - A packet is played once. Duplicates change nothing at all, statistics included.
/// - An in-order packet is decoded and given out at once. A hole is waited for as long as reordering has lately
///   been seen (0 without any, at most 120 ms). Then the last missing packet comes from the FEC of the next, and
///   what was before it is made up.
/// - A gap of timestamps without one of sequence numbers is a pause of the sender (DTX): it is filled, so that
///   the time line stays the sender's. A payload of 1 or 2 bytes says that a pause begins; then `advance` fills
///   it in real time. Other quiet is filled after 500 ms. At most 10 s are filled without a packet.
/// - Packets that come for a time that was filled are played behind it, in mode arrival: the pause becomes longer, and
///   no word is lost. In mode playout they are dropped.
/// - A jump of more than 200 packets or 4 s, or a timestamp that goes back, starts anew, without filling.
///
/// Any bytes, numbers and times may come, in any order; memory is taken at construction only.
class JitterBuffer {
 public:
  /// Throws std::invalid_argument without a decoder, or when 48000 is no multiple of its rate.
  explicit JitterBuffer(std::unique_ptr<FrameDecoder> decoder, JitterOptions options = {});
  JitterBuffer(JitterBuffer&&) noexcept;
  JitterBuffer& operator=(JitterBuffer&&) noexcept;
  ~JitterBuffer();

  /// Takes a packet. `timestamp` counts in 1/48000 s (RFC 7587), `marker` is the bit of the RTP header, `at_s`
  /// is when it came.
  void push(std::span<const std::uint8_t> payload, std::uint16_t sequence_number, std::uint32_t timestamp, bool marker,
            double at_s) noexcept;

  /// Lets time pass: call it at `due_s`.
  void advance(double at_s) noexcept;

  /// When `advance` has something to do; infinity while only a packet can change that.
  [[nodiscard]] double due_s() const noexcept;

  /// What the last push or advance made ready, at most 1.12 s: where there is more, `due_s` has passed already.
  [[nodiscard]] std::span<const std::int16_t> ready() const noexcept;

  /// The kinds of `ready`, in order; neighbours differ.
  [[nodiscard]] std::span<const Piece> pieces() const noexcept;

  [[nodiscard]] const JitterCounters& counters() const noexcept;

  /// How long after the network's best (the least arrival - timestamp of the last 500 packets) each packet was
  /// given out, or what stands for it: delay of the network's jitter and of this buffer together.
  [[nodiscard]] const DelayHistogram& delays() const noexcept;

  /// How long a hole is waited for, in ms (mode arrival).
  [[nodiscard]] double hold_ms() const noexcept;

  /// The delay that is aimed at, in ms: 0 in mode arrival.
  [[nodiscard]] double target_ms() const noexcept;

  [[nodiscard]] int rate_hz() const noexcept;

  /// The state after construction.
  void reset() noexcept;

 private:
  std::unique_ptr<JitterEngine> engine_;
};

}  // namespace sonicrtc
