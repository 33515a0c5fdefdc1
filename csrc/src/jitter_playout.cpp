#include <cmath>
#include <limits>

#include "sonicrtc/jitter_engine.hpp"

namespace sonicrtc {
namespace {

constexpr double kRoundingMs = 1e-3;  // what additions of 20 ms leave

bool is_quiet(std::span<const std::int16_t> samples) noexcept {
  double energy = 0.0;
  for (const std::int16_t s : samples) energy += static_cast<double>(s) * s;
  const double level = 32768.0 * std::pow(10.0, PlayoutEngine::kQuietDbfs / 20.0);
  return energy < level * level * static_cast<double>(samples.size());
}

}  // namespace

PlayoutEngine::PlayoutEngine(std::unique_ptr<FrameDecoder> decoder)
    : JitterEngine(std::move(decoder), 64 * 1024),
      block_frames_(ms20_),
      held_(block_frames_, 2 * longest_, ms20_ / 8),
      scratch_(longest_, longest_, ms20_ / 8) {}

double PlayoutEngine::target_ms() const noexcept {
  return std::clamp(transits_.value_ms(), kLeastTargetMs, kMostTargetMs);
}

void PlayoutEngine::begin() noexcept {
  starting_ = true;
  held_.clear();
  if (!running_) next_block_s_ = now_s_;
  running_ = true;
}

double PlayoutEngine::due() const noexcept {
  if (!started_) return std::numeric_limits<double>::infinity();
  return next_block_s_;
}

void PlayoutEngine::drain(bool) noexcept {
  if (now_s_ - next_block_s_ > 1.0) next_block_s_ = now_s_;  // nobody has asked: the listener has missed it
  while (is_past(next_block_s_) && ready_.has_room()) {
    block();
    next_block_s_ += kBlockS;
  }
}

void PlayoutEngine::block() noexcept {
  note_delay(delay_ms());
  while (held_.size() < block_frames_) step();
  held_.move(block_frames_, ready_);
}

/// How long after the network's best the next frame that is decoded would be given out.
double PlayoutEngine::delay_ms() const noexcept {
  const double held_s = static_cast<double>(held_.size()) / rate_hz();
  return 1000.0 * (next_block_s_ + held_s - best_arrival_s(next_timestamp_));
}

void PlayoutEngine::step() noexcept {
  const Packet* const packet = store_.find(next_sequence_);
  if (starting_ && delay_ms() < target_ms() - kRoundingMs) return make_up(AudioKind::comfort);
  starting_ = false;
  if (packet == nullptr) {
    const PacketStore::Waiting waiting = store_.waiting(next_sequence_);
    if (waiting.first != nullptr) return pass_hole(*waiting.first);
    if (newest_is_mark_) return conceal(AudioKind::comfort, block_frames_, held_);
    ++counters_.underruns;
    make_up(now_s_ - newest_arrived_s_ < ArrivalEngine::kUnexplainedS ? AudioKind::plc : AudioKind::comfort);
  } else if (packet->frames == 0) {
    leave(*packet);
  } else if (!follows(*packet)) {
    ++counters_.resyncs;
    jump_to(*packet);
    starting_ = true;
  } else if (const std::size_t gap = gap_before(*packet); gap == 0) {
    play_or_adapt(*packet);
  } else if (!pass_gap(gap)) {
    bridge(*packet, held_);
  }
}

/// Plays a packet; or leaves it out, or makes the silence before it longer, where that brings the delay to the target.
void PlayoutEngine::play_or_adapt(const Packet& packet) noexcept {
  const double delay = delay_ms();
  if (delay > kMostDelayMs) {
    ++counters_.dropped;
    media_end_ = packet.timestamp + static_cast<std::int64_t>(packet.frames) * ticks_;
    next_timestamp_ = std::max(next_timestamp_, media_end_);
    return leave(packet);
  }
  play(packet, scratch_);
  const bool quiet = is_quiet(scratch_.samples());
  const double packet_ms = 1000.0 * static_cast<double>(scratch_.size()) / rate_hz();
  if (quiet && delay - packet_ms >= target_ms() - kRoundingMs) {
    scratch_.clear();
  } else if (quiet && delay + 1000.0 * kBlockS <= target_ms() + kRoundingMs) {
    make_up(AudioKind::comfort);
  }
  scratch_.move(scratch_.size(), held_);
}

/// A packet that is missing although it is due.
void PlayoutEngine::pass_hole(const Packet& first) noexcept {
  const std::size_t gap = gap_before(first);
  const bool last = first.sequence == next_sequence_ + 1;
  if (last || gap == 0 || !follows(first)) return give_up_before(first);
  ++counters_.lost;
  ++next_sequence_;
  if (!pass_gap(std::min(gap, unit_))) conceal(AudioKind::plc, std::min(gap, unit_), held_);
}

/// What is missing anyhow is where the delay can be made shorter: leaves it out as far as that helps.
bool PlayoutEngine::pass_gap(std::size_t gap) noexcept {
  const double excess_ms = delay_ms() - target_ms();
  if (excess_ms < 1000.0 * kBlockS) return false;
  const auto blocks = static_cast<std::size_t>(excess_ms / (1000.0 * kBlockS));
  const std::size_t passed = std::min(gap, blocks * block_frames_);
  lost_frames_ -= std::min(lost_frames_, passed);
  next_timestamp_ += static_cast<std::int64_t>(passed) * ticks_;
  return true;
}

/// A block of made-up audio in which the sender's time stands still.
void PlayoutEngine::make_up(AudioKind kind) noexcept {
  const std::int64_t stands_at = next_timestamp_;
  conceal(kind, block_frames_, held_);
  next_timestamp_ = stands_at;
}

}  // namespace sonicrtc
