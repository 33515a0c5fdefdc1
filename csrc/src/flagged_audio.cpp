#include "sonicrtc/flagged_audio.hpp"

#include <algorithm>

namespace sonicrtc {

void FlaggedAudio::append(AudioKind kind, std::size_t frames) noexcept {
  if (frames == 0) return;
  if (!pieces_.empty() && (pieces_.back().kind == kind || pieces_.size() == pieces_.capacity())) {
    pieces_.back().frames += frames;
  } else {
    pieces_.push_back({.kind = kind, .frames = frames});
  }
  size_ += frames;
}

void FlaggedAudio::move(std::size_t frames, FlaggedAudio& to) noexcept {
  frames = std::min(frames, size_);
  std::copy_n(samples_.data(), frames, to.end());
  std::copy(samples_.data() + frames, samples_.data() + size_, samples_.data());
  size_ -= frames;
  while (frames > 0) {
    Piece& first = pieces_.front();
    const std::size_t part = std::min(first.frames, frames);
    to.append(first.kind, part);
    frames -= part;
    first.frames -= part;
    if (first.frames == 0) pieces_.erase(pieces_.begin());
  }
}

}  // namespace sonicrtc
