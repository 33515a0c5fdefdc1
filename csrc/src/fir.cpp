#include "sonicrtc/fir.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace sonicrtc {
namespace {

constexpr std::size_t kChunkFrames = 1920;  // input frames per pass through the buffer
constexpr std::size_t kMaxAcross = 6;       // largest L and M that are computed across outputs

std::size_t ceil_div(std::size_t a, std::size_t b) noexcept { return (a + b - 1) / b; }

}  // namespace

PolyphaseFir::PolyphaseFir(const FilterBank& bank, Mix mix) : bank_(&bank), kernels_(&select_kernels()), mix_(mix) {
  if (bank.up <= kMaxAcross && bank.down <= kMaxAcross) {
    build_across_outputs();
  } else {
    build_per_output();
  }
  reset();
}

// Output n = L j + p reads input M j + q - k for k = 0.., where p M = q L + f, with coefficient k L + f.
void PolyphaseFir::build_across_outputs() {
  const auto [up, down, taps] = std::tuple{bank_->up, bank_->down, bank_->taps_per_phase};
  streams_ = down;
  history_rows_ = ceil_div(taps - 1, down) + 1;  // one more: the next row may begin before its samples came
  const std::size_t rows = history_rows_ + ceil_div(kChunkFrames, down) + 2;
  stride_ = (rows + kFirOverread + 15) / 16 * 16;
  buffer_.resize(stride_ * streams_);
  phases_.resize(up > 1 ? up * stride_ : 0);
  for (std::size_t p = 0; p < up; ++p) {
    const std::size_t newest = history_rows_ * down + p * down / up;
    for (std::size_t k = 0; k < taps; ++k) {
      const std::size_t sample = newest - k;
      offsets_.push_back(static_cast<std::int32_t>(sample % down * stride_ + sample / down));
      coefs_.push_back(bank_->prototype[k * up + p * down % up]);
    }
  }
}

// Per phase f, the coefficients stand in the order of the input: oldest first.
void PolyphaseFir::build_per_output() {
  const auto [up, taps] = std::tuple{bank_->up, bank_->taps_per_phase};
  history_rows_ = taps - 1;
  stride_ = history_rows_ + kChunkFrames + 2 * bank_->down;  // outputs are forgotten by whole turns of the phases
  buffer_.resize(stride_ + kFirOverread);
  for (std::size_t f = 0; f < up; ++f) {
    for (std::size_t k = taps; k-- > 0;) coefs_.push_back(bank_->prototype[k * up + f]);
  }
}

void PolyphaseFir::reset() noexcept {
  std::fill(buffer_.begin(), buffer_.end(), 0.0F);
  write_ = history_rows_ * (across_outputs() ? streams_ : 1);
  next_ = 0;
}

std::size_t PolyphaseFir::output_frames(std::size_t frames) const noexcept {
  const std::size_t origin = history_rows_ * (across_outputs() ? streams_ : 1);
  const std::size_t held = write_ + frames;
  if (held <= origin) return 0;
  const std::size_t end = ceil_div((held - origin) * bank_->up, bank_->down);
  return end > next_ ? end - next_ : 0;
}

std::size_t PolyphaseFir::input_frames(std::size_t frames) const noexcept {
  if (frames == 0) return 0;
  const std::size_t origin = history_rows_ * (across_outputs() ? streams_ : 1);
  const std::size_t last = origin + (next_ + frames - 1) * bank_->down / bank_->up;
  return last + 1 > write_ ? last + 1 - write_ : 0;
}

std::size_t PolyphaseFir::process(const std::int16_t* in, std::size_t frames, float* out) noexcept {
  std::size_t written = 0;
  while (frames > 0) {
    const std::size_t chunk = std::min(frames, kChunkFrames);
    written += process_chunk(in, chunk, out + written);
    in += chunk * channels_of(mix_);
    frames -= chunk;
  }
  return written;
}

std::size_t PolyphaseFir::process_chunk(const std::int16_t* in, std::size_t frames, float* out) noexcept {
  const std::size_t count = output_frames(frames);
  kernels_->spread(in, frames, mix_, buffer_.data(), across_outputs() ? streams_ : 1, stride_, write_);
  write_ += frames;
  if (count == 0) return 0;
  if (across_outputs()) {
    filter_across_outputs(next_ + count, out);
  } else {
    filter_per_output(count, out);
  }
  return count;
}

void PolyphaseFir::filter_across_outputs(std::size_t end, float* out) noexcept {
  const std::size_t up = bank_->up;
  const std::size_t taps = bank_->taps_per_phase;
  if (up == 1) {
    kernels_->fir(buffer_.data(), offsets_.data(), coefs_.data(), taps, out, end);
  } else {
    for (std::size_t p = 0; p < up; ++p) {
      const std::size_t count = end > p ? ceil_div(end - p, up) : 0;
      kernels_->fir(buffer_.data(), offsets_.data() + p * taps, coefs_.data() + p * taps, taps,
                    phases_.data() + p * stride_, count);
    }
    interleave(end, out);
  }
  discard(end / up);
  next_ = end % up;
}

void PolyphaseFir::interleave(std::size_t end, float* out) noexcept {
  const std::size_t up = bank_->up;
  std::size_t n = next_;
  for (; n < end && n % up != 0; ++n) *out++ = phases_[n % up * stride_ + n / up];
  const float* row = phases_.data() + n / up;
  if (up == 2) {
    for (; n + 2 <= end; n += 2, ++row, out += 2) {
      out[0] = row[0];
      out[1] = row[stride_];
    }
  }
  for (; n + up <= end; n += up, ++row) {
    for (std::size_t p = 0; p < up; ++p) *out++ = row[p * stride_];
  }
  for (; n < end; ++n) *out++ = phases_[n % up * stride_ + n / up];
}

void PolyphaseFir::filter_per_output(std::size_t count, float* out) noexcept {
  const auto [up, down, taps] = std::tuple{bank_->up, bank_->down, bank_->taps_per_phase};
  std::size_t sample = next_ * down / up;  // relative to the end of the history
  std::size_t phase = next_ * down % up;
  for (std::size_t n = 0; n < count; ++n) {
    out[n] = kernels_->dot(buffer_.data() + sample, coefs_.data() + phase * taps, taps);
    phase += down % up;
    sample += down / up + (phase >= up ? 1 : 0);
    phase -= phase >= up ? up : 0;
  }
  next_ += count;
  // Whole turns of the phases only, so that `next_` stays a whole number of outputs.
  const std::size_t turns = std::min(next_ / up, (write_ - history_rows_) / down);
  discard(turns * down);
  next_ -= turns * up;
}

void PolyphaseFir::discard(std::size_t rows) noexcept {
  if (rows == 0) return;
  const std::size_t streams = across_outputs() ? streams_ : 1;
  const std::size_t kept = ceil_div(write_, streams) - rows;
  for (std::size_t s = 0; s < streams; ++s) {
    float* const stream = buffer_.data() + s * stride_;
    std::memmove(stream, stream + rows, kept * sizeof(float));
  }
  write_ -= rows * streams;
}

}  // namespace sonicrtc
