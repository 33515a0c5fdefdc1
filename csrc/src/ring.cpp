#include "sonicrtc/ring.hpp"

#include <algorithm>
#include <utility>

namespace sonicrtc {

void HistoryRing::push(const std::int16_t* in, std::size_t count) noexcept {
  if (samples_.empty()) return;
  if (count > samples_.size()) {
    in += count - samples_.size();
    count = samples_.size();
  }
  const std::size_t first = std::min(count, samples_.size() - head_);
  std::copy_n(in, first, samples_.data() + head_);
  std::copy_n(in + first, count - first, samples_.data());
  head_ = (head_ + count) % samples_.size();
}

void HistoryRing::copy_last(std::int16_t* out, std::size_t count) const noexcept {
  if (count == 0) return;
  const std::size_t start = (head_ + samples_.size() - count) % samples_.size();
  const std::size_t first = std::min(count, samples_.size() - start);
  std::copy_n(samples_.data() + start, first, out);
  std::copy_n(samples_.data(), count - first, out + first);
}

SegmentedRing::SegmentedRing(std::size_t capacity, std::size_t segment)
    : capacity_(capacity), segment_(segment), slots_((capacity + segment - 1) / segment + 1) {
  spare_.reserve(slots_.size());
}

std::size_t SegmentedRing::push(const std::int16_t* in, std::size_t count) {
  count = std::min(count, capacity_ - size_);
  for (std::size_t done = 0; done < count;) {
    const std::size_t at = (head_ + size_) % (slots_.size() * segment_);
    Segment& slot = slots_[at / segment_];
    if (!slot && !spare_.empty()) {
      slot = std::move(spare_.back());
      spare_.pop_back();
    } else if (!slot) {
      slot = std::make_unique<std::int16_t[]>(segment_);
    }
    const std::size_t step = std::min(count - done, segment_ - at % segment_);
    std::copy_n(in + done, step, slot.get() + at % segment_);
    size_ += step;
    done += step;
  }
  return count;
}

std::size_t SegmentedRing::pop(std::int16_t* out, std::size_t count) noexcept {
  count = std::min(count, size_);
  for (std::size_t done = 0; done < count;) {
    Segment& slot = slots_[head_ / segment_];
    const std::size_t step = std::min(count - done, segment_ - head_ % segment_);
    std::copy_n(slot.get() + head_ % segment_, step, out + done);
    head_ = (head_ + step) % (slots_.size() * segment_);
    size_ -= step;
    done += step;
    if (head_ % segment_ == 0) spare_.push_back(std::move(slot));
  }
  if (size_ == 0 && spare_.size() > 1) spare_.resize(1);
  return count;
}

void SegmentedRing::clear() noexcept {
  for (Segment& slot : slots_) {
    if (slot) spare_.push_back(std::move(slot));
  }
  if (spare_.size() > 1) spare_.resize(1);
  head_ = 0;
  size_ = 0;
}

}  // namespace sonicrtc
