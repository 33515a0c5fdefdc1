#include "sonicrtc/jitter_engine.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace sonicrtc {
namespace {

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();
constexpr std::size_t kReadyMs = 1000;
constexpr double kLeastLateMs = 0.1;  // of one that was overtaken, though both came at once

FrameDecoder& checked(const std::unique_ptr<FrameDecoder>& decoder) {
  if (!decoder) throw std::invalid_argument("decoder: expected one, got none");
  const int rate_hz = decoder->rate_hz();
  if (rate_hz < 8000 || JitterEngine::kClockHz % rate_hz != 0) {
    throw std::invalid_argument("rate of the decoder: expected 8000 or more that 48000 is a multiple of, got " +
                                std::to_string(rate_hz));
  }
  return *decoder;
}

std::size_t frames_in(const FrameDecoder& decoder, std::size_t tenths_of_ms) {
  return static_cast<std::size_t>(decoder.rate_hz()) * tenths_of_ms / 10'000;
}

double seconds(std::int64_t timestamp) noexcept {
  return static_cast<double>(timestamp) / static_cast<double>(JitterEngine::kClockHz);
}

}  // namespace

double SteadyClock::read(double at_s) noexcept {
  if (!std::isfinite(at_s)) return now_s_;
  const double elapsed = at_s - origin_s_ - now_s_;
  if (!running_ || elapsed < -1.0 || elapsed > 3600.0) {
    running_ = true;
    origin_s_ = at_s - now_s_;
  } else if (elapsed > 0.0) {
    now_s_ += elapsed;
  }
  return now_s_;
}

JitterEngine::JitterEngine(std::unique_ptr<FrameDecoder> decoder, std::size_t payload_bytes)
    : decoder_(std::move(decoder)),
      ticks_(kClockHz / checked(decoder_).rate_hz()),
      longest_(frames_in(*decoder_, FrameDecoder::kLongestPacketMs * 10)),
      ms20_(frames_in(*decoder_, 200)),
      store_(payload_bytes),
      ready_(frames_in(*decoder_, kReadyMs * 10), longest_, frames_in(*decoder_, 25)),
      unit_(ms20_),
      after_stray_(kNone) {}

void JitterEngine::push(std::span<const std::uint8_t> payload, std::uint16_t sequence_number, std::uint32_t timestamp,
                        bool marker, double at_s) noexcept {
  ready_.clear();
  now_s_ = clock_.read(at_s);
  const auto ahead = static_cast<std::int16_t>(sequence_number - static_cast<std::uint16_t>(highest_));
  const auto later = static_cast<std::int32_t>(timestamp - static_cast<std::uint32_t>(next_timestamp_));
  accept({.sequence = started_ ? highest_ + ahead : sequence_number,
          .timestamp = started_ ? next_timestamp_ + later : timestamp,
          .arrived_s = now_s_,
          .frames = 0,
          .marker = marker,
          .payload = payload});
  drain(false);
  finish();
}

void JitterEngine::advance(double at_s) noexcept {
  ready_.clear();
  now_s_ = clock_.read(at_s);
  if (!started_) return;
  drain(false);
  fill_quiet();
  finish();
}

/// After what is ready is there.
void JitterEngine::finish() noexcept {
  if (interpolator_) interpolator_->fill(ready_);
  for (const Piece& piece : ready_.pieces()) counters_.frames[static_cast<std::size_t>(piece.kind)] += piece.frames;
}

void JitterEngine::accept(Packet packet) noexcept {
  if (started_ && history_.holds(packet.sequence)) {
    ++counters_.duplicates;
    return;
  }
  ++counters_.received;
  const std::int64_t jump = started_ ? packet.sequence - highest_ : 0;
  if (jump < -kMostJump && packet.sequence != after_stray_) {  // more likely an old packet than a new beginning
    after_stray_ = packet.sequence + 1;
    ++counters_.late;
    return;
  }
  if (!started_) {
    restart(packet);
  } else if (std::abs(jump) > kMostJump) {
    drain(true);
    ++counters_.resyncs;
    restart(packet);
  } else {
    observe(packet);
  }
  if (packet.sequence < next_sequence_) {
    ++counters_.late;
    return;
  }
  packet.frames = packet.payload.size() > kMostBytes ? 0 : decoder_->frames(packet.payload);
  if (!packet.payload.empty() && (packet.frames == 0 || packet.frames > longest_)) {
    ++counters_.undecodable;  // and a hole, as if it had not come
    return;
  }
  admit(packet);
}

/// Learns from a packet that is no duplicate, whether it comes in time or not.
void JitterEngine::observe(const Packet& packet) noexcept {
  const bool newest = packet.sequence > highest_;
  const double overtaken_s = newest ? now_s_ : history_.first_after(packet.sequence, highest_);
  lateness_.add(newest ? 0.0 : std::max(1000.0 * (now_s_ - overtaken_s), kLeastLateMs));
  if (is_plausible(packet)) {
    const double transit_s = now_s_ - seconds(packet.timestamp);
    best_transit_s_.add(transit_s);
    transits_.add(1000.0 * (transit_s - best_transit_s_.value()));
  }
  history_.record(packet.sequence, now_s_);
  after_stray_ = kNone;
  if (newest) {
    highest_ = packet.sequence;
    newest_arrived_s_ = now_s_;
    newest_is_mark_ = !packet.payload.empty() && packet.payload.size() <= kMarkBytes;
  }
}

/// Whether a packet's time can be, as far as can be said before its turn: one that cannot spoils no statistics.
bool JitterEngine::is_plausible(const Packet& packet) const noexcept {
  const std::int64_t ahead = packet.sequence - next_sequence_;
  const std::int64_t later = packet.timestamp - next_timestamp_;
  if (ahead < 0) return later <= 0 && later >= -kMostGap - kMostFill;
  return packet.timestamp > media_end_ - ticks_ &&
         later <= kMostGap + ahead * static_cast<std::int64_t>(longest_) * ticks_;
}

void JitterEngine::restart(const Packet& packet) noexcept {
  counters_.dropped += store_.size();
  store_.clear();
  history_.clear();
  started_ = true;
  next_sequence_ = packet.sequence;
  highest_ = packet.sequence - 1;
  jump_to(packet);
  observe(packet);
  begin();
}

void JitterEngine::jump_to(const Packet& packet) noexcept {
  decoder_->reset();
  next_timestamp_ = media_end_ = packet.timestamp;
  lost_frames_ = 0;
  transits_.clear();
  best_transit_s_.clear();
  best_transit_s_.add(packet.arrived_s - seconds(packet.timestamp));
}

void JitterEngine::keep(const Packet& packet) noexcept {
  const auto fits = [&] { return packet.sequence - next_sequence_ < PacketStore::kSlots && store_.put(packet); };
  if (fits()) return;
  drain(true);
  if (packet.sequence >= next_sequence_ && fits()) return;
  ++counters_.resyncs;
  restart(packet);
  store_.put(packet);
}

double JitterEngine::hold_ms() const noexcept {
  const double late_ms = lateness_.value_ms();
  return late_ms > 0.0 ? std::min(late_ms + RecentQuantile::kStepMs, kMostHoldMs) : 0.0;
}

double JitterEngine::best_arrival_s(std::int64_t timestamp) const noexcept {
  return best_transit_s_.value() + seconds(timestamp);
}

bool JitterEngine::follows(const Packet& packet) const noexcept {
  return packet.timestamp > media_end_ - ticks_ && packet.timestamp - next_timestamp_ <= kMostGap;
}

std::size_t JitterEngine::gap_before(const Packet& packet) const noexcept {
  return static_cast<std::size_t>(std::max<std::int64_t>(packet.timestamp - next_timestamp_, 0) / ticks_);
}

void JitterEngine::give_up_before(const Packet& packet) noexcept {
  const auto missing = static_cast<std::size_t>(packet.sequence - next_sequence_);
  counters_.lost += missing;
  next_sequence_ = packet.sequence;
  if (!follows(packet)) return;
  // What the missing packets cannot have held, or what precedes a packet that begins a talk spurt, was a pause.
  const std::size_t gap = gap_before(packet);
  lost_frames_ = gap <= missing * longest_ && !packet.marker ? gap : std::min(gap, missing * unit_);
}

AudioKind JitterEngine::bridge(const Packet& packet, FlaggedAudio& to) noexcept {
  const std::size_t gap = gap_before(packet);
  const std::size_t from_next = lost_frames_ == gap ? std::min(gap, packet.frames) : 0;
  if (lost_frames_ == 0) {
    conceal(AudioKind::comfort, std::min(gap, quiet_unit()), to);
    return AudioKind::comfort;
  }
  if (lost_frames_ > from_next) {
    const std::size_t frames = std::min(unit_, lost_frames_ - from_next);
    lost_frames_ -= frames;
    conceal(AudioKind::plc, frames, to);
    return AudioKind::plc;
  }
  lost_frames_ = 0;
  if (!decoder_->recover(packet.payload, gap, to.end())) {
    conceal(AudioKind::plc, gap, to);
    return AudioKind::plc;
  }
  to.append(AudioKind::fec, gap);
  next_timestamp_ += static_cast<std::int64_t>(gap) * ticks_;
  return AudioKind::fec;
}

void JitterEngine::play(const Packet& packet, FlaggedAudio& to) noexcept {
  const std::int64_t passed = std::max<std::int64_t>(next_timestamp_ - packet.timestamp, 0) / ticks_;
  const auto skipped = static_cast<std::size_t>(passed);
  std::size_t frames = packet.frames;
  if (skipped >= frames) {
    ++counters_.late;
  } else if (const std::size_t decoded = decoder_->decode(packet.payload, to.end());
             decoded == 0 || decoded > longest_) {
    ++counters_.undecodable;
    conceal(AudioKind::plc, frames - skipped, to);
  } else {
    frames = decoded;
    const std::size_t kept = decoded - std::min(skipped, decoded);
    if (kept < decoded) std::copy_n(to.end() + (decoded - kept), kept, to.end());
    to.append(packet.payload.size() <= kMarkBytes ? AudioKind::comfort : AudioKind::real, kept);
  }
  media_end_ = packet.timestamp + static_cast<std::int64_t>(frames) * ticks_;
  next_timestamp_ = std::max(next_timestamp_, media_end_);
  unit_ = packet.frames;
  leave(packet);
}

void JitterEngine::leave(const Packet& packet) noexcept {
  next_sequence_ = packet.sequence + 1;
  lost_frames_ = 0;
  store_.erase(packet.sequence);
}

void JitterEngine::conceal(AudioKind kind, std::size_t frames, FlaggedAudio& to) noexcept {
  const std::size_t step = ms20_ / 8;  // codecs count in 2.5 ms
  decoder_->conceal((frames + step - 1) / step * step, to.end());
  to.append(kind, frames);
  next_timestamp_ += static_cast<std::int64_t>(frames) * ticks_;
}

void JitterEngine::reset() noexcept {
  store_.clear();
  history_.clear();
  ready_.clear();
  decoder_->reset();
  if (interpolator_) interpolator_->clear();
  counters_ = {};
  given_delays_ = {};
  lateness_.clear();
  clock_ = {};
  started_ = false;
  now_s_ = 0.0;
  next_timestamp_ = next_sequence_ = highest_ = 0;
  unit_ = ms20_;
  after_stray_ = kNone;
}

}  // namespace sonicrtc
