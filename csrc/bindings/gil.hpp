// When a call lets other Python threads run.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

namespace sonicrtc::bindings {

/// From this many frames of input or output on, a call is a batch: at 48 kHz one second, more than
/// about 100 us of filtering. Releasing the GIL for a block of 20 ms made its slowest percent 100
/// times slower beside one busy Python thread, because taking it back waits for that thread.
inline constexpr std::size_t kBatchFrames = 48'000;

/// Releases the GIL for the length of a scope if the call is a batch. No Python object may be
/// touched in that scope: make results after it.
class ReleaseInBatch {
 public:
  explicit ReleaseInBatch(std::size_t frames) noexcept
      : thread_(frames >= kBatchFrames ? PyEval_SaveThread() : nullptr) {}
  ~ReleaseInBatch() {
    if (thread_ != nullptr) PyEval_RestoreThread(thread_);
  }
  ReleaseInBatch(const ReleaseInBatch&) = delete;
  ReleaseInBatch& operator=(const ReleaseInBatch&) = delete;

 private:
  PyThreadState* thread_;
};

}  // namespace sonicrtc::bindings
