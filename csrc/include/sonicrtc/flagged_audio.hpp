// Audio that says of every frame where it came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sonicrtc {

enum class AudioKind : std::uint8_t {
  real,     ///< decoded from its own packet
  fec,      ///< restored from the in-band FEC of the next packet
  plc,      ///< made up, for a packet that was lost or could not be decoded
  comfort,  ///< made up, where the sender was quiet
};

/// A run of frames of one kind.
struct Piece {
  AudioKind kind = AudioKind::real;
  std::size_t frames = 0;
  bool operator==(const Piece&) const = default;
};

/// A queue of mono frames and their kinds. All memory is taken at construction.
class FlaggedAudio {
 public:
  /// Has room while it holds less than `capacity` frames; at most `most` are appended at a time. Where pieces
  /// are shorter than `least` frames on average (only nonsense timestamps make them), some are counted to the
  /// one before.
  FlaggedAudio(std::size_t capacity, std::size_t most, std::size_t least)
      : capacity_(capacity), samples_(capacity + most) {
    pieces_.reserve((capacity + most) / least + 1);
  }
  FlaggedAudio(FlaggedAudio&&) = default;
  FlaggedAudio& operator=(FlaggedAudio&&) = default;

  [[nodiscard]] bool has_room() const noexcept { return size_ < capacity_; }

  /// Where the next frames go; `append` makes them part of the queue.
  [[nodiscard]] std::int16_t* end() noexcept { return samples_.data() + size_; }
  void append(AudioKind kind, std::size_t frames) noexcept;

  /// Moves the first `frames` to the end of `to`, which has room for them.
  void move(std::size_t frames, FlaggedAudio& to) noexcept;

  void clear() noexcept {
    size_ = 0;
    pieces_.clear();
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const std::int16_t> samples() const noexcept { return {samples_.data(), size_}; }
  [[nodiscard]] std::span<std::int16_t> samples() noexcept { return {samples_.data(), size_}; }
  [[nodiscard]] std::span<const Piece> pieces() const noexcept { return pieces_; }

 private:
  std::size_t capacity_;
  std::vector<std::int16_t> samples_;
  std::vector<Piece> pieces_;
  std::size_t size_ = 0;
};

}  // namespace sonicrtc
