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
  // Beside the filter's own length: what pads a run, and a row that begins before all its samples came.
  history_rows_ = ceil_div(taps - 1, down) + kRunTaps + 1;
  const std::size_t rows = history_rows_ + ceil_div(kChunkFrames, down) + 2;
  stride_ = (rows + kRunTaps + 15) / 16 * 16;
  buffer_.resize(stride_ * streams_);
  phases_.resize(up > 1 ? up * stride_ : 0);
  for (std::size_t p = 0; p < up; ++p) {
    phase_starts_.push_back({runs_.size(), coefs_.size()});
    for (std::size_t stream = 0; stream < streams_; ++stream) add_run(p, stream);
  }
  phase_starts_.push_back({runs_.size(), coefs_.size()});
}

// The taps of one phase that fall on one stream, oldest first. Zeros at either end cost nothing: of a
// half-band filter one stream or phase is a single tap. What fills up the run are zeros before its
// oldest tap, where the history is the same however the input was cut.
void PolyphaseFir::add_run(std::size_t phase, std::size_t stream) {
  const auto [up, down, taps] = std::tuple{bank_->up, bank_->down, bank_->taps_per_phase};
  const std::size_t newest = history_rows_ * down + phase * down / up;
  std::vector<float> found;  // newest first
  std::size_t first_row = 0;
  for (std::size_t k = 0; k < taps; ++k) {
    if ((newest - k) % down != stream) continue;
    const float coef = bank_->prototype[k * up + phase * down % up];
    if (found.empty() && coef == 0.0F) continue;
    if (found.empty()) first_row = (newest - k) / down;
    found.push_back(coef);
  }
  while (!found.empty() && found.back() == 0.0F) found.pop_back();
  if (found.empty()) return;
  const std::size_t length = (found.size() + kRunTaps - 1) / kRunTaps * kRunTaps;
  found.resize(length, 0.0F);
  runs_.push_back({stream * stride_ + first_row + 1 - length, length});
  coefs_.insert(coefs_.end(), found.rbegin(), found.rend());
}

// Per phase f, the coefficients stand in the order of the input: oldest first.
void PolyphaseFir::build_per_output() {
  const auto [up, taps] = std::tuple{bank_->up, bank_->taps_per_phase};
  history_rows_ = taps - 1;
  stride_ = history_rows_ + kChunkFrames + 2 * bank_->down;  // outputs are forgotten by whole turns of the phases
  buffer_.resize(stride_ + kRunTaps);
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
  for (std::size_t p = 0; p < up; ++p) {
    const std::size_t count = end > p ? ceil_div(end - p, up) : 0;
    const Phase& phase = phase_starts_[p];
    kernels_->fir(buffer_.data(), runs_.data() + phase.run, phase_starts_[p + 1].run - phase.run,
                  coefs_.data() + phase.coef, up == 1 ? out : phases_.data() + p * stride_, count);
  }
  if (up > 1) interleave(end, out);
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
