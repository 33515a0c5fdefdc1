// A codec without sound: each frame says which packet it came from, and how.
#pragma once

#include <algorithm>
#include <vector>

#include "sonicrtc/frame_decoder.hpp"

/// Packets are: length in 2.5 ms (0x80 more: with FEC), number (two bytes), anything. One of a single byte is a
/// mark of a pause. One of four bytes does not decode.
class ScriptedDecoder final : public sonicrtc::FrameDecoder {
 public:
  static constexpr std::int16_t kConcealed = -1;
  static constexpr std::int16_t kMark = -2;
  static constexpr std::int16_t kRestored = 10'000;  // and the number of the packet

  explicit ScriptedDecoder(int rate_hz = 8000) : rate_hz_(rate_hz) {}

  static std::vector<std::uint8_t> packet(unsigned number, unsigned ms = 20, bool fec = true) {
    return {static_cast<std::uint8_t>(ms * 2 / 5 + (fec ? 0x80U : 0U)), static_cast<std::uint8_t>(number / 256),
            static_cast<std::uint8_t>(number)};
  }
  static std::vector<std::uint8_t> mark(unsigned ms = 20) { return {static_cast<std::uint8_t>(ms * 2 / 5)}; }

  [[nodiscard]] std::size_t frames(std::span<const std::uint8_t> packet) const noexcept override {
    return packet.empty() ? 0 : (packet[0] & 0x7FU) * static_cast<std::size_t>(rate_hz_) / 400;
  }

  std::size_t decode(std::span<const std::uint8_t> packet, std::int16_t* out) noexcept override {
    if (packet.size() == 4) return 0;
    std::fill_n(out, frames(packet), packet.size() > 2 ? number(packet) : kMark);
    return frames(packet);
  }

  bool recover(std::span<const std::uint8_t> next, std::size_t frames, std::int16_t* out) noexcept override {
    if (next.size() < 3 || (next[0] & 0x80U) == 0) return false;
    std::fill_n(out, frames, static_cast<std::int16_t>(kRestored + number(next) - 1));
    return true;
  }

  void conceal(std::size_t frames, std::int16_t* out) noexcept override { std::fill_n(out, frames, kConcealed); }
  [[nodiscard]] int rate_hz() const noexcept override { return rate_hz_; }
  void reset() noexcept override {}

 private:
  static std::int16_t number(std::span<const std::uint8_t> packet) noexcept {
    return static_cast<std::int16_t>((packet[1] * 256 + packet[2]) % 10'000);
  }

  int rate_hz_;
};
