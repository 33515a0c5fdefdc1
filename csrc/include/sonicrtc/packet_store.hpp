// Packets that wait for an earlier one, and when the last packets came.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace sonicrtc {

/// A packet as a jitter buffer sees it: sequence number and timestamp without wrap-around.
struct Packet {
  std::int64_t sequence = 0;
  std::int64_t timestamp = 0;  ///< of its first frame, in units of 1/48000 s
  double arrived_s = 0.0;
  std::size_t frames = 0;  ///< at the decoder's rate; 0 for a packet that only has a sequence number
  bool marker = false;
  std::span<const std::uint8_t> payload;
};

/// Up to kSlots packets whose sequence numbers lie within kSlots, with their payloads. All memory is taken
/// at construction.
class PacketStore {
 public:
  static constexpr std::int64_t kSlots = 256;

  /// `bytes` is the room for payloads.
  explicit PacketStore(std::size_t bytes) : slots_(kSlots), bytes_(bytes) {}
  PacketStore(PacketStore&&) = default;  // a payload stays where it is when a vector moves
  PacketStore& operator=(PacketStore&&) = default;

  /// Keeps a copy; false when there is no room. The slot must be free: its packet is none that is kept already.
  bool put(const Packet& packet) noexcept;

  /// The packet with this sequence number, or null. Valid until the next `put` or `erase`.
  [[nodiscard]] const Packet* find(std::int64_t sequence) const noexcept;

  struct Waiting {
    const Packet* first = nullptr;  ///< of the lowest sequence number
    double since_s = std::numeric_limits<double>::infinity();  ///< when the first of them came
  };
  /// What is kept from `sequence` on.
  [[nodiscard]] Waiting waiting(std::int64_t sequence) const noexcept;

  void erase(std::int64_t sequence) noexcept;
  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Slot {
    bool taken = false;
    Packet packet;
  };
  [[nodiscard]] static std::size_t index(std::int64_t sequence) noexcept {
    return static_cast<std::size_t>(sequence) % static_cast<std::size_t>(kSlots);
  }
  void compact() noexcept;

  std::vector<Slot> slots_;
  std::vector<std::uint8_t> bytes_;
  std::size_t bytes_end_ = 0;
  std::size_t size_ = 0;
  std::int64_t highest_ = 0;
};

/// When each of the last 256 packets came.
class ArrivalHistory {
 public:
  [[nodiscard]] bool holds(std::int64_t sequence) const noexcept { return at(sequence).sequence == sequence; }
  void record(std::int64_t sequence, double at_s) noexcept;

  /// When the first of the packets after `sequence` came, up to `highest`; infinity when none did.
  [[nodiscard]] double first_after(std::int64_t sequence, std::int64_t highest) const noexcept;
  void clear() noexcept { entries_.fill({}); }

 private:
  static constexpr std::size_t kSize = 256;
  struct Entry {
    std::int64_t sequence = std::numeric_limits<std::int64_t>::min();
    double at_s = 0.0;
  };
  [[nodiscard]] const Entry& at(std::int64_t sequence) const noexcept {
    return entries_[static_cast<std::size_t>(sequence) % kSize];
  }

  std::array<Entry, kSize> entries_{};
};

}  // namespace sonicrtc
