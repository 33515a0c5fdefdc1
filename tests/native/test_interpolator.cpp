// Holes in known signals, filled.
#include <cmath>
#include <numbers>

#include "check.hpp"
#include "scripted_decoder.hpp"
#include "sonicrtc/interpolator.hpp"
#include "sonicrtc/jitter.hpp"

namespace {

using namespace sonicrtc;
using Samples = std::vector<std::int16_t>;

constexpr int kRateHz = 16000;
constexpr std::size_t kMs = kRateHz / 1000;

/// A voice-like sound: a fundamental whose pitch rises from 110 Hz, and its harmonics.
Samples voice(std::size_t frames) {
  Samples samples(frames);
  double phase = 0.0;
  for (std::size_t n = 0; n < frames; ++n) {
    phase += (110.0 + 5.0 * static_cast<double>(n) / kRateHz) / kRateHz;
    double sum = 0.0;
    for (int k = 1; k < 12; ++k) sum += std::sin(2 * std::numbers::pi * k * phase) / k;
    samples[n] = static_cast<std::int16_t>(4000.0 * sum);
  }
  return samples;
}

struct Part {
  AudioKind kind;
  std::size_t ms;
};

/// Lays `parts` over `sound` (what is made up is zeros), has them filled, and returns the whole.
Samples filled(Interpolator& interpolator, const Samples& sound, std::size_t from, std::initializer_list<Part> parts) {
  FlaggedAudio audio(2000 * kMs, 100 * kMs, kMs);
  for (const Part part : parts) {
    const std::size_t frames = part.ms * kMs;
    const auto begin = sound.begin() + static_cast<std::ptrdiff_t>(from + audio.size());
    if (part.kind == AudioKind::plc) {
      std::fill_n(audio.end(), frames, std::int16_t{0});
    } else {
      std::copy_n(begin, frames, audio.end());
    }
    audio.append(part.kind, frames);
  }
  interpolator.fill(audio);
  return {audio.samples().begin(), audio.samples().end()};
}

double rms(const Samples& a, const Samples& b, std::size_t from, std::size_t frames, std::size_t offset = 0) {
  double sum = 0.0;
  for (std::size_t n = from; n < from + frames; ++n) sum += std::pow(a[n] - (b.empty() ? 0 : b[n + offset]), 2);
  return std::sqrt(sum / static_cast<double>(frames));
}

void a_hole_in_a_vowel_is_close_to_what_was_there() {
  const Samples sound = voice(300 * kMs);
  Interpolator interpolator(kRateHz);
  const Samples out =
      filled(interpolator, sound, 0, {{AudioKind::real, 60}, {AudioKind::plc, 40}, {AudioKind::fec, 20}, {AudioKind::real, 20}});
  CHECK(rms(out, sound, 60 * kMs, 40 * kMs) < 0.4 * rms(sound, {}, 60 * kMs, 40 * kMs));
  CHECK(rms(out, sound, 0, 60 * kMs) == 0.0 && rms(out, sound, 100 * kMs, 40 * kMs) == 0.0);
}

void what_was_given_out_before_is_the_near_side() {
  const Samples sound = voice(300 * kMs);
  Interpolator whole(kRateHz);
  Interpolator cut(kRateHz);
  const Samples once = filled(whole, sound, 0, {{AudioKind::real, 60}, {AudioKind::plc, 20}, {AudioKind::real, 40}});
  for (std::size_t ms = 0; ms < 60; ms += 5) filled(cut, sound, ms * kMs, {{AudioKind::real, 5}});
  const Samples twice = filled(cut, sound, 60 * kMs, {{AudioKind::plc, 20}, {AudioKind::real, 40}});
  CHECK(std::equal(twice.begin(), twice.end(), once.begin() + 60 * kMs));
}

void noise_stays_noise_of_its_level() {
  const Samples sound = noise(200 * kMs, 7, 3000);
  Interpolator interpolator(kRateHz);
  const Samples out = filled(interpolator, sound, 0, {{AudioKind::real, 60}, {AudioKind::plc, 60}, {AudioKind::real, 40}});
  const double ratio = rms(out, {}, 60 * kMs, 60 * kMs) / rms(sound, {}, 60 * kMs, 60 * kMs);
  CHECK(ratio > 0.7 && ratio < 1.2);
}

void a_hole_without_a_far_side_or_too_long_is_left() {
  const Samples sound = voice(600 * kMs);
  Interpolator interpolator(kRateHz);
  const auto is_left = [&](std::initializer_list<Part> parts, std::size_t at_ms, std::size_t ms) {
    return rms(filled(interpolator, sound, 0, parts), {}, at_ms * kMs, ms * kMs) == 0.0;
  };
  CHECK(is_left({{AudioKind::real, 40}, {AudioKind::plc, 20}}, 40, 20));
  CHECK(is_left({{AudioKind::real, 40}, {AudioKind::plc, 20}, {AudioKind::real, 9}}, 40, 20));
  CHECK(is_left({{AudioKind::real, 40}, {AudioKind::plc, 241}, {AudioKind::real, 40}}, 40, 241));
  CHECK(!is_left({{AudioKind::real, 40}, {AudioKind::plc, 240}, {AudioKind::real, 10}}, 40, 240));
}

void after_silence_comes_nothing_out_of_the_past() {
  const Samples sound = voice(300 * kMs);
  Interpolator interpolator(kRateHz);
  filled(interpolator, sound, 0, {{AudioKind::real, 60}});
  interpolator.clear();
  const Samples silence(100 * kMs);
  const Samples out = filled(interpolator, silence, 0, {{AudioKind::plc, 20}, {AudioKind::real, 40}});
  CHECK(rms(out, {}, 0, 60 * kMs) == 0.0);
}

void a_jitter_buffer_fills_only_where_it_is_told_to() {
  for (const bool interpolates : {false, true}) {
    JitterBuffer buffer(std::make_unique<ScriptedDecoder>(kRateHz), {.interpolates = interpolates});
    for (const unsigned number : {500U, 501U, 504U}) {
      buffer.push(ScriptedDecoder::packet(number), static_cast<std::uint16_t>(number), 960 * number, false, 0.02 * number);
    }
    CHECK(buffer.pieces()[0] == (Piece{AudioKind::plc, 20 * kMs}));
    CHECK((buffer.ready()[5] == ScriptedDecoder::kConcealed) == !interpolates);
    buffer.reset();
    CHECK(buffer.ready().empty());
  }
}

}  // namespace

int main() {
  CHECK_THROWS(Interpolator(7999), std::invalid_argument);
  const Case cases[] = {
      {"a hole in a vowel is close to what was there", a_hole_in_a_vowel_is_close_to_what_was_there},
      {"what was given out before is the near side", what_was_given_out_before_is_the_near_side},
      {"noise stays noise of its level", noise_stays_noise_of_its_level},
      {"a hole without a far side or too long is left", a_hole_without_a_far_side_or_too_long_is_left},
      {"after silence comes nothing out of the past", after_silence_comes_nothing_out_of_the_past},
      {"a jitter buffer fills only where it is told to", a_jitter_buffer_fills_only_where_it_is_told_to},
  };
  return run_all(cases);
}
