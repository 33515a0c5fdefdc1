#include "sonicrtc/packet_store.hpp"

#include <algorithm>
#include <cstring>

namespace sonicrtc {

bool PacketStore::put(const Packet& packet) noexcept {
  Slot& slot = slots_[index(packet.sequence)];
  if (slot.taken) return false;
  if (size_ == 0) bytes_end_ = 0;
  if (packet.payload.size() > bytes_.size() - bytes_end_) compact();
  if (packet.payload.size() > bytes_.size() - bytes_end_) return false;
  std::copy(packet.payload.begin(), packet.payload.end(), bytes_.data() + bytes_end_);
  highest_ = size_ == 0 ? packet.sequence : std::max(highest_, packet.sequence);
  slot.taken = true;
  slot.packet = packet;
  slot.packet.payload = std::span(bytes_.data() + bytes_end_, packet.payload.size());
  bytes_end_ += packet.payload.size();
  ++size_;
  return true;
}

/// Moves payloads together, where others have gone. They are in the order of their arrival, not of their slots.
void PacketStore::compact() noexcept {
  std::array<Packet*, static_cast<std::size_t>(kSlots)> kept{};
  std::size_t count = 0;
  for (Slot& slot : slots_) {
    if (slot.taken) kept[count++] = &slot.packet;
  }
  std::sort(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(count),
            [](const Packet* a, const Packet* b) { return a->payload.data() < b->payload.data(); });
  bytes_end_ = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::span<const std::uint8_t>& payload = kept[i]->payload;
    if (!payload.empty()) std::memmove(bytes_.data() + bytes_end_, payload.data(), payload.size());
    payload = std::span(bytes_.data() + bytes_end_, payload.size());
    bytes_end_ += payload.size();
  }
}

const Packet* PacketStore::find(std::int64_t sequence) const noexcept {
  const Slot& slot = slots_[index(sequence)];
  return slot.taken && slot.packet.sequence == sequence ? &slot.packet : nullptr;
}

PacketStore::Waiting PacketStore::waiting(std::int64_t sequence) const noexcept {
  Waiting result;
  if (size_ == 0) return result;
  for (std::int64_t s = sequence; s <= highest_ && s < sequence + kSlots; ++s) {
    const Packet* const packet = find(s);
    if (packet == nullptr) continue;
    if (result.first == nullptr) result.first = packet;
    result.since_s = std::min(result.since_s, packet->arrived_s);
  }
  return result;
}

void PacketStore::erase(std::int64_t sequence) noexcept {
  Slot& slot = slots_[index(sequence)];
  if (!slot.taken || slot.packet.sequence != sequence) return;
  slot.taken = false;
  --size_;
}

void PacketStore::clear() noexcept {
  for (Slot& slot : slots_) slot.taken = false;
  size_ = 0;
}

void ArrivalHistory::record(std::int64_t sequence, double at_s) noexcept {
  entries_[static_cast<std::size_t>(sequence) % kSize] = {.sequence = sequence, .at_s = at_s};
}

double ArrivalHistory::first_after(std::int64_t sequence, std::int64_t highest) const noexcept {
  double first = std::numeric_limits<double>::infinity();
  for (std::int64_t s = std::max(sequence + 1, highest - static_cast<std::int64_t>(kSize) + 1); s <= highest; ++s) {
    if (holds(s)) first = std::min(first, at(s).at_s);
  }
  return first;
}

}  // namespace sonicrtc
