// The two rings: the last n samples, and a queue in segments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sonicrtc {

/// Remembers the last `capacity` samples (0 or more) that were put in; before that, zeros. All memory
/// is taken at construction.
class HistoryRing {
 public:
  explicit HistoryRing(std::size_t capacity) : samples_(capacity) {}

  /// Puts in any number of samples.
  void push(const std::int16_t* in, std::size_t count) noexcept;

  /// Copies the last `count` samples, oldest first, and keeps them; `count` is at most the capacity.
  void copy_last(std::int16_t* out, std::size_t count) const noexcept;

  [[nodiscard]] std::size_t capacity() const noexcept { return samples_.size(); }

 private:
  std::vector<std::int16_t> samples_;
  std::size_t head_ = 0;
};

/// A queue of at most `capacity` samples in segments that are taken when they are needed and kept
/// for reuse: an idle call holds none of the memory that its longest reply needed. Capacity and
/// segment are numbers of samples, 1 or more.
class SegmentedRing {
 public:
  SegmentedRing(std::size_t capacity, std::size_t segment);

  /// Appends the first of `count` samples and returns how many fitted. The one function that may
  /// allocate; where it throws std::bad_alloc, what it had appended stays.
  std::size_t push(const std::int16_t* in, std::size_t count);

  /// Takes up to `count` samples out and returns how many there were; once empty, keeps one spare segment.
  std::size_t pop(std::int16_t* out, std::size_t count) noexcept;

  /// Forgets everything and keeps one segment for reuse.
  void clear() noexcept;

  /// Samples that wait.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  using Segment = std::unique_ptr<std::int16_t[]>;

  std::size_t capacity_;
  std::size_t segment_;
  std::vector<Segment> slots_;  // circular; a segment lives in its slot while it holds audio
  std::vector<Segment> spare_;
  std::size_t head_ = 0;  // first sample, as an index into slots_ * segment_
  std::size_t size_ = 0;
};

}  // namespace sonicrtc
