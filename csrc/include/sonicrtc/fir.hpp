// Streaming polyphase filter: int16 in, float out, any rational ratio.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sonicrtc/filters.hpp"
#include "sonicrtc/kernels.hpp"
#include "sonicrtc/pcm.hpp"

namespace sonicrtc {

/// Output n is there as soon as input frame floor(n * M / L) is: after T frames of input,
/// ceil(T * L / M) frames have come out, whatever the block lengths were. All memory is taken at
/// construction.
///
/// Small ratios are computed across outputs: the input is dealt to M streams, so that the outputs
/// of one phase read consecutive floats. Ratios with 44.1 kHz have hundreds of phases and take one
/// scalar product per output.
class PolyphaseFir {
 public:
  PolyphaseFir(const FilterBank& bank, Mix mix);
  PolyphaseFir(PolyphaseFir&&) noexcept = default;
  PolyphaseFir& operator=(PolyphaseFir&&) noexcept = default;

  /// Frames that the next `frames` of input will give.
  [[nodiscard]] std::size_t output_frames(std::size_t frames) const noexcept;

  /// Frames of input that the next `frames` of output still need.
  [[nodiscard]] std::size_t input_frames(std::size_t frames) const noexcept;

  /// Filters `frames` of interleaved input into `out`, which has room for output_frames(frames).
  /// Returns how many were written; not clamped.
  std::size_t process(const std::int16_t* in, std::size_t frames, float* out) noexcept;

  /// Forgets all input.
  void reset() noexcept;

  [[nodiscard]] Mix mix() const noexcept { return mix_; }
  [[nodiscard]] const FilterBank& bank() const noexcept { return *bank_; }
  [[nodiscard]] const Kernels& kernels() const noexcept { return *kernels_; }

 private:
  /// Where a phase's runs and coefficients begin.
  struct Phase {
    std::size_t run;
    std::size_t coef;
  };

  [[nodiscard]] bool across_outputs() const noexcept { return streams_ != 0; }
  void build_across_outputs();
  void add_run(std::size_t phase, std::size_t stream);
  void build_per_output();
  std::size_t process_chunk(const std::int16_t* in, std::size_t frames, float* out) noexcept;
  void filter_across_outputs(std::size_t end, float* out) noexcept;
  void interleave(std::size_t end, float* out) noexcept;
  void filter_per_output(std::size_t count, float* out) noexcept;
  void discard(std::size_t rows) noexcept;

  const FilterBank* bank_;
  const Kernels* kernels_;
  Mix mix_;
  std::size_t streams_ = 0;       // M when computed across outputs, else 0 (one stream)
  std::size_t history_rows_ = 0;  // rows kept before the row of the next output
  std::size_t stride_ = 0;        // floats from one stream to the next
  std::size_t write_ = 0;         // samples in the buffer, history included
  std::size_t next_ = 0;          // next output, counted from the row `history_rows_`
  std::vector<float> buffer_;
  std::vector<float> phases_;  // outputs by phase, before they are interleaved
  std::vector<float> coefs_;   // per phase, in the order in which the kernel adds
  std::vector<Run> runs_;      // per phase, one for each stream that it reads
  std::vector<Phase> phase_starts_;  // and, last, where all of them end
};

}  // namespace sonicrtc
