#include "sonicrtc/jitter_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sonicrtc {
namespace {

/// How many steps it takes to reach `ms`, at most `most`: 0 for what is not above 0. Less than a microsecond is what
/// the subtraction of two times leaves.
std::size_t steps(double ms, double step_ms, std::size_t most) noexcept {
  if (!(ms > 1e-3)) return 0;
  return static_cast<std::size_t>(std::min(std::ceil((ms - 1e-3) / step_ms), static_cast<double>(most)));
}

/// How many of `count` values are no higher than the one at quantile `q`: 1 to `count`.
std::uint64_t rank(double q, std::uint64_t count) noexcept {
  const double exact = std::ceil(q * static_cast<double>(count) - 1e-9);
  return std::clamp<std::uint64_t>(exact > 0.0 ? static_cast<std::uint64_t>(exact) : 0, 1, count);
}

}  // namespace

void WindowMinimum::add(double value) noexcept {
  if (in_part_ == kPart) {
    part_ = (part_ + 1) % kParts;
    in_part_ = 0;
    minima_[part_] = std::numeric_limits<double>::infinity();
    minimum_ = *std::min_element(minima_.begin(), minima_.end());
  }
  ++in_part_;
  minima_[part_] = std::min(minima_[part_], value);
  minimum_ = std::min(minimum_, value);
}

void WindowMinimum::clear() noexcept {
  minima_.fill(std::numeric_limits<double>::infinity());
  minimum_ = minima_.front();
  part_ = in_part_ = 0;
}

void RecentQuantile::add(double ms) noexcept {
  const std::size_t step = steps(ms, kStepMs, kSteps);
  if (size_ == kWindow) {
    const std::size_t gone = window_[oldest_];
    --counts_[gone];
    if (gone < at_) --below_;
  } else {
    ++size_;
  }
  window_[oldest_] = static_cast<std::uint8_t>(step);
  oldest_ = (oldest_ + 1) % kWindow;
  ++counts_[step];
  if (step < at_) ++below_;

  const std::uint64_t wanted = rank(quantile_, size_);
  while (below_ >= wanted) below_ -= counts_[--at_];
  while (below_ + counts_[at_] < wanted) below_ += counts_[at_++];
}

void RecentQuantile::clear() noexcept {
  counts_.fill(0);
  size_ = oldest_ = at_ = below_ = 0;
}

void DelayHistogram::add(double ms) noexcept {
  if (!(ms > 0.0)) ms = 0.0;
  const std::size_t fine = steps(ms, 0.25, kFine + 1);
  ++counts_[fine <= kFine ? fine : kFine + steps(ms - 20.0, 2.5, kCoarse + 1)];
  ++count_;
  sum_ms_ += ms;
  most_ms_ = std::max(most_ms_, ms);
}

double DelayHistogram::quantile_ms(double q) const noexcept {
  if (count_ == 0) return 0.0;
  const std::uint64_t wanted = rank(q, count_);
  std::uint64_t seen = 0;
  std::size_t at = 0;
  while (at + 1 < counts_.size() && (seen += counts_[at]) < wanted) ++at;
  if (at > kFine + kCoarse) return most_ms_;
  return at <= kFine ? static_cast<double>(at) * 0.25 : 20.0 + static_cast<double>(at - kFine) * 2.5;
}

}  // namespace sonicrtc
