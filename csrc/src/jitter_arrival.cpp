#include <limits>

#include "sonicrtc/jitter_engine.hpp"

namespace sonicrtc {

void ArrivalEngine::admit(const Packet& packet) noexcept {
  const bool next = packet.sequence == next_sequence_ && packet.timestamp == next_timestamp_ && packet.frames > 0;
  if (!next || store_.size() > 0 || !ready_.has_room()) return keep(packet);
  note_delay(1000.0 * (now_s_ - best_arrival_s(packet.timestamp)));
  play(packet, ready_);
}

void ArrivalEngine::drain(bool give_up) noexcept {
  while (ready_.has_room() && store_.size() > 0) {
    const Packet* const packet = store_.find(next_sequence_);
    if (packet == nullptr) {
      const PacketStore::Waiting waiting = store_.waiting(next_sequence_);
      if (!give_up && !is_past(waiting.since_s + hold_ms() / 1000.0)) return;
      give_up_before(*waiting.first);
    } else if (packet->frames == 0) {
      leave(*packet);
    } else if (!follows(*packet) || is_stale(*packet)) {
      ++counters_.resyncs;
      jump_to(*packet);
    } else {
      next_timestamp_ = std::min(next_timestamp_, packet->timestamp);  // what was filled was too early
      const double delay_ms = 1000.0 * (now_s_ - best_arrival_s(next_timestamp_));
      const bool whole = gap_before(*packet) == 0;
      if (whole) play(*packet, ready_);
      if (whole || bridge(*packet, ready_) != AudioKind::comfort) note_delay(delay_ms);
    }
  }
}

/// Whether a packet that is next in its numbers belongs to a time that was filled long since: the sender's clock
/// stood still in a pause, or the network did for long.
bool ArrivalEngine::is_stale(const Packet& packet) const noexcept {
  return packet.timestamp + static_cast<std::int64_t>(packet.frames) * ticks_ <= next_timestamp_ - kMostStale;
}

void ArrivalEngine::fill_quiet() noexcept {
  while (ready_.has_room() && store_.size() == 0 && is_past(fill_due_s())) {
    conceal(AudioKind::comfort, quiet_unit(), ready_);
  }
}

/// When the next part of a pause is to be filled: not before it is sure to be one, nor before the packet for
/// this time would have come, had there been one.
double ArrivalEngine::fill_due_s() const noexcept {
  if (next_timestamp_ - media_end_ >= kMostFill) return std::numeric_limits<double>::infinity();
  const double jitter_s = transits_.value_ms() / 1000.0;
  const double quiet_s = newest_is_mark_ ? std::max(kLeastMarkedS, jitter_s + 0.03) : kUnexplainedS;
  return std::max(newest_arrived_s_ + quiet_s, best_arrival_s(next_timestamp_) + jitter_s);
}

double ArrivalEngine::due() const noexcept {
  if (!started_) return std::numeric_limits<double>::infinity();
  if (!ready_.has_room()) return now_s_;
  if (store_.size() == 0) return fill_due_s();
  return store_.waiting(next_sequence_).since_s + hold_ms() / 1000.0;
}

}  // namespace sonicrtc
