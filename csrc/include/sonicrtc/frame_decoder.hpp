// What a jitter buffer needs of a codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sonicrtc {

/// Turns packets of one mono stream into int16 frames at its own rate. Nothing here allocates or throws;
/// any bytes may come as a packet, none at all included.
class FrameDecoder {
 public:
  /// No packet is longer (RFC 6716, section 3.2.5), so `out` has room for this much everywhere.
  static constexpr int kLongestPacketMs = 120;

  virtual ~FrameDecoder() = default;

  /// How many frames `packet` holds; 0 when it cannot be read. Decodes nothing.
  [[nodiscard]] virtual std::size_t frames(std::span<const std::uint8_t> packet) const noexcept = 0;

  /// Decodes `packet` and returns how many frames were written; 0 when it cannot be decoded.
  virtual std::size_t decode(std::span<const std::uint8_t> packet, std::int16_t* out) noexcept = 0;

  /// Restores the `frames` just before `next` from its in-band FEC; false when it holds none: then conceal.
  virtual bool recover(std::span<const std::uint8_t> next, std::size_t frames, std::int16_t* out) noexcept = 0;

  /// Makes up `frames` of what was lost.
  virtual void conceal(std::size_t frames, std::int16_t* out) noexcept = 0;

  [[nodiscard]] virtual int rate_hz() const noexcept = 0;

  /// Back to the state after construction.
  virtual void reset() noexcept = 0;
};

}  // namespace sonicrtc
