#include "sonicrtc/resampler.hpp"

#include <algorithm>

namespace sonicrtc {
namespace {

constexpr std::size_t kStepFrames = 960;  // input frames per pass through the scratch

}  // namespace

Resampler::Resampler(int input_rate_hz, int output_rate_hz, Quality quality)
    : fir_(filter_bank(input_rate_hz, output_rate_hz, quality), Mix::mono) {
  scratch_.resize(kStepFrames * fir_.bank().up / fir_.bank().down + 2);
}

std::size_t Resampler::process(const std::int16_t* in, std::size_t frames, std::int16_t* out) noexcept {
  const FlushToZero flush;
  std::size_t written = 0;
  while (frames > 0) {
    const std::size_t step = std::min(frames, kStepFrames);
    const std::size_t count = fir_.process(in, step, scratch_.data());
    fir_.kernels().emit(scratch_.data(), out + written, count);
    written += count;
    in += step;
    frames -= step;
  }
  return written;
}

}  // namespace sonicrtc
