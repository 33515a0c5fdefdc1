// The insides of JitterBuffer: what both modes share, and the two modes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "sonicrtc/flagged_audio.hpp"
#include "sonicrtc/frame_decoder.hpp"
#include "sonicrtc/interpolator.hpp"
#include "sonicrtc/jitter.hpp"
#include "sonicrtc/jitter_statistics.hpp"
#include "sonicrtc/packet_store.hpp"

namespace sonicrtc {

/// Makes of any caller's times one that begins at 0 and never goes back. A step of more than a second back or an
/// hour ahead is another clock; smaller ones back are two threads' readings in the wrong order.
class SteadyClock {
 public:
  double read(double at_s) noexcept;
  /// The caller's time for one of ours.
  [[nodiscard]] double to_caller(double internal_s) const noexcept { return internal_s + origin_s_; }

 private:
  bool running_ = false;
  double origin_s_ = 0.0;
  double now_s_ = 0.0;
};

/// Takes packets in: numbers without wrap-around, duplicates, statistics, jumps; and gives audio out. When a packet
/// is played, and what fills the holes, is for the mode to say.
class JitterEngine {
 public:
  static constexpr std::int64_t kClockHz = 48000;  // of RTP timestamps of Opus, at any rate (RFC 7587, section 4.1)
  static constexpr std::int64_t kMostJump = 200;   // packets
  static constexpr std::int64_t kMostGap = 4 * kClockHz;
  static constexpr double kMostHoldMs = 120.0;
  static constexpr std::int64_t kMostFill = 10 * kClockHz;
  static constexpr std::size_t kMarkBytes = 2;  // a payload this short says that the sender goes quiet
  static constexpr std::size_t kMostBytes = 8192;

  JitterEngine(std::unique_ptr<FrameDecoder> decoder, std::size_t payload_bytes);
  virtual ~JitterEngine() = default;
  JitterEngine(const JitterEngine&) = delete;
  JitterEngine& operator=(const JitterEngine&) = delete;

  void push(std::span<const std::uint8_t> payload, std::uint16_t sequence_number, std::uint32_t timestamp, bool marker,
            double at_s) noexcept;
  void advance(double at_s) noexcept;
  [[nodiscard]] double due_s() const noexcept { return started_ ? clock_.to_caller(due()) : due(); }
  void reset() noexcept;

  [[nodiscard]] const FlaggedAudio& ready() const noexcept { return ready_; }
  [[nodiscard]] const JitterCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const DelayHistogram& given_delays() const noexcept { return given_delays_; }
  [[nodiscard]] int rate_hz() const noexcept { return decoder_->rate_hz(); }
  [[nodiscard]] double hold_ms() const noexcept;
  [[nodiscard]] virtual double target_ms() const noexcept { return 0.0; }

 protected:
  /// Keeps a new packet that is not late, or plays it at once.
  virtual void admit(const Packet& packet) noexcept = 0;
  /// Makes ready what is due; with `give_up`, without waiting for holes.
  virtual void drain(bool give_up) noexcept = 0;
  /// `advance`, after `drain`.
  virtual void fill_quiet() noexcept {}
  /// When `advance` has something to do, on the steady clock.
  [[nodiscard]] virtual double due() const noexcept = 0;
  /// The stream starts anew.
  virtual void begin() noexcept {}

  void keep(const Packet& packet) noexcept;
  /// Whether a time has come; what a caller's clock rounds away counts as passed.
  [[nodiscard]] bool is_past(double at_s) const noexcept { return now_s_ + 1e-6 >= at_s; }
  /// When the network at its best would bring what begins at `timestamp`.
  [[nodiscard]] double best_arrival_s(std::int64_t timestamp) const noexcept;
  void note_delay(double ms) noexcept { given_delays_.add(ms); }

  /// Whether the packet's time can follow what was played.
  [[nodiscard]] bool follows(const Packet& packet) const noexcept;
  /// Lets the media clock go on at the packet's time, without filling.
  void jump_to(const Packet& packet) noexcept;
  /// Frames between what was given out and the packet.
  [[nodiscard]] std::size_t gap_before(const Packet& packet) const noexcept;
  /// Gives up the missing packets before this one, and says how much of the gap was lost rather than quiet.
  void give_up_before(const Packet& packet) noexcept;
  /// Fills one part of the gap before the packet and returns how.
  AudioKind bridge(const Packet& packet, FlaggedAudio& to) noexcept;
  /// Decodes the next packet, without what the media clock has passed already.
  void play(const Packet& packet, FlaggedAudio& to) noexcept;
  /// Goes on behind the packet.
  void leave(const Packet& packet) noexcept;
  void conceal(AudioKind kind, std::size_t frames, FlaggedAudio& to) noexcept;
  [[nodiscard]] std::size_t quiet_unit() const noexcept { return std::min(unit_, ms20_); }

  std::unique_ptr<FrameDecoder> decoder_;
  std::int64_t ticks_;      // of the RTP clock in a frame
  std::size_t longest_;     // frames of the longest packet
  std::size_t ms20_;        // frames
  PacketStore store_;
  FlaggedAudio ready_;
  JitterCounters counters_;
  RecentQuantile transits_{0.97};
  std::optional<Interpolator> interpolator_;

  bool started_ = false;
  double now_s_ = 0.0;
  std::int64_t next_sequence_ = 0;
  std::int64_t next_timestamp_ = 0;  // the media clock: where the next frame of output stands
  std::int64_t media_end_ = 0;       // where the last packet that was played ended; what is beyond was filled
  std::size_t unit_;                 // frames of the last packet
  std::size_t lost_frames_ = 0;      // of the gap before the next packet, what was lost
  double newest_arrived_s_ = 0.0;
  bool newest_is_mark_ = false;

 private:
  void accept(Packet packet) noexcept;
  void observe(const Packet& packet) noexcept;
  void restart(const Packet& packet) noexcept;
  [[nodiscard]] bool is_plausible(const Packet& packet) const noexcept;
  void finish() noexcept;

  SteadyClock clock_;
  ArrivalHistory history_;
  RecentQuantile lateness_{0.995};
  WindowMinimum best_transit_s_;
  DelayHistogram given_delays_;
  std::int64_t highest_ = 0;
  std::int64_t after_stray_;  // the sequence number that would show that a jump back was meant
};

/// JitterMode::arrival
class ArrivalEngine final : public JitterEngine {
 public:
  static constexpr double kUnexplainedS = 0.5;  // quiet that no mark has announced
  static constexpr double kLeastMarkedS = 0.04;  // quiet that a mark has announced
  static constexpr std::int64_t kMostStale = kClockHz * 2 / 5;

  ArrivalEngine(std::unique_ptr<FrameDecoder> decoder, bool interpolates)
      : JitterEngine(std::move(decoder), 32 * 1024) {
    if (interpolates) interpolator_.emplace(rate_hz());
  }

 protected:
  void admit(const Packet& packet) noexcept override;
  void drain(bool give_up) noexcept override;
  void fill_quiet() noexcept override;
  [[nodiscard]] double due() const noexcept override;

 private:
  [[nodiscard]] double fill_due_s() const noexcept;
  [[nodiscard]] bool is_stale(const Packet& packet) const noexcept;
};

/// JitterMode::playout
class PlayoutEngine final : public JitterEngine {
 public:
  static constexpr double kBlockS = 0.02;
  static constexpr double kLeastTargetMs = 20.0;
  static constexpr double kMostTargetMs = 400.0;
  static constexpr double kMostDelayMs = 1000.0;  // beyond it, audio is cut although it is not silent
  static constexpr double kQuietDbfs = -49.0;     // what may be cut or stretched

  explicit PlayoutEngine(std::unique_ptr<FrameDecoder> decoder);
  [[nodiscard]] double target_ms() const noexcept override;

 protected:
  void admit(const Packet& packet) noexcept override { keep(packet); }
  void drain(bool give_up) noexcept override;
  [[nodiscard]] double due() const noexcept override;
  void begin() noexcept override;

 private:
  void block() noexcept;
  void step() noexcept;
  void play_or_adapt(const Packet& packet) noexcept;
  void pass_hole(const Packet& first) noexcept;
  bool pass_gap(std::size_t gap) noexcept;
  void make_up(AudioKind kind) noexcept;
  [[nodiscard]] double delay_ms() const noexcept;

  std::size_t block_frames_;
  FlaggedAudio held_;     // decoded, to be given out
  FlaggedAudio scratch_;  // one packet that is looked at first
  bool starting_ = true;  // the delay has not reached the target yet
  bool running_ = false;
  double next_block_s_ = 0.0;
};

}  // namespace sonicrtc
