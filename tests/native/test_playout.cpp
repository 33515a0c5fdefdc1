#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "check.hpp"
#include "sonicrtc/playout.hpp"

namespace {

using namespace sonicrtc;

std::vector<std::int16_t> pull(Playout& playout, std::size_t frames) {
  std::vector<std::int16_t> out(frames, 99);
  playout.pull(out.data(), frames);
  return out;
}

void append(std::vector<std::int16_t>& to, const std::vector<std::int16_t>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

void same_bits_for_any_chunking() {
  const auto in = noise(30000, 20);
  for (const int rate : kRatesHz) {
    Playout whole(rate, 48000, 60000);
    Playout cut(rate, 48000, 60000);
    CHECK(whole.push(in.data(), in.size()) == in.size());
    std::size_t read = 0;
    for (const std::size_t length : cuts(in.size(), 21)) {
      CHECK(cut.push(in.data() + read, length) == length);
      read += length;
    }
    const auto expected = pull(whole, 200000);
    std::vector<std::int16_t> out;
    for (const std::size_t length : cuts(200000, 22)) append(out, pull(cut, length));
    CHECK(out == expected);
    CHECK(cut.played_frames() == in.size());
  }
}

void what_is_played_is_what_a_resampler_gives() {
  const auto in = noise(24000, 23);
  Playout playout(24000, 48000, 60000);
  playout.push(in.data(), in.size());
  Resampler resampler(24000, 48000);
  std::vector<std::int16_t> expected(48000);
  resampler.process(in.data(), in.size(), expected.data());
  CHECK(pull(playout, 48000) == expected);
}

void overflow_drops_the_newest() {
  Playout playout(8000, 8000, 1500);
  const auto in = noise(20000, 24);
  CHECK(playout.push(in.data(), 20000) == 12000);
  CHECK(playout.dropped_frames() == 8000);
  CHECK(playout.buffered_frames() == 12000);
  CHECK(playout.push(in.data(), 1) == 0);
  const auto out = pull(playout, 12000);
  CHECK(std::equal(out.begin(), out.end(), in.begin()));
  CHECK(playout.push(in.data(), 12000) == 12000);  // the ring wraps around
  const auto again = pull(playout, 12000);
  CHECK(std::equal(again.begin(), again.end(), in.begin()));
}

// At equal rates the samples are seen as they are, and a fade takes the whole 5 ms.
constexpr int kRate = 16000;
constexpr std::size_t kFade = 80;

std::vector<std::int16_t> tone(std::size_t frames, std::size_t from = 0) {
  std::vector<std::int16_t> result(frames);
  for (std::size_t i = 0; i < frames; ++i) {
    result[i] = static_cast<std::int16_t>(std::lrint(16000.0 * std::sin(0.4 * static_cast<double>(from + i))));
  }
  return result;
}

/// Plays `before`, then nothing, so that the queue runs empty in the middle of a sentence.
Playout underrun(const std::vector<std::int16_t>& before) {
  Playout playout(kRate, kRate, 60000);
  playout.push(before.data(), before.size());
  pull(playout, before.size() + 2 * kFade);
  CHECK(playout.underruns() == 1);
  return playout;
}

bool fades_out(const std::int16_t* samples) {
  bool falls = samples[kFade - 1] == 0;
  for (std::size_t i = 1; i < kFade; ++i) falls = falls && samples[i] <= samples[i - 1];
  return falls;
}

void running_empty_fades_within_five_ms() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> loud(100, 16000);
  playout.push(loud.data(), loud.size());
  const auto out = pull(playout, 400);
  for (std::size_t i = 0; i < 100; ++i) CHECK(out[i] == 16000);
  CHECK(out[100] > 15900 && fades_out(&out[100]));
  for (std::size_t i = 179; i < 400; ++i) CHECK(out[i] == 0);
  CHECK(playout.underruns() == 1);
  CHECK(playout.played_frames() == 100);
  pull(playout, 400);
  CHECK(playout.underruns() == 1);
}

void where_audio_stops_its_slope_goes_on() {
  for (const std::size_t length : {50U, 53U, 56U, 59U}) {
    Playout playout(kRate, kRate, 60000);
    const auto in = tone(length);
    playout.push(in.data(), in.size());
    const auto out = pull(playout, length + kFade);
    const int slope = in[length - 1] - in[length - 2];
    const int first = out[length] - in[length - 1];
    CHECK(std::abs(first - slope) <= std::abs(slope) * 0.45 + 50);
  }
}

void a_slope_that_goes_on_does_not_wrap() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> steep{-32768, 32767};
  playout.push(steep.data(), steep.size());
  for (const std::int16_t s : pull(playout, 200)) CHECK(s >= 0 || s == -32768);
}

void audio_after_an_underrun_fades_in_within_five_ms() {
  Playout playout = underrun(std::vector<std::int16_t>(100, 16000));
  const std::vector<std::int16_t> loud(200, 16000);
  playout.push(loud.data(), loud.size());
  const auto out = pull(playout, 200);
  CHECK(out[0] < 100);
  for (std::size_t i = 1; i < kFade; ++i) CHECK(out[i] >= out[i - 1]);
  for (std::size_t i = kFade - 1; i < 200; ++i) CHECK(out[i] == 16000);
  CHECK(playout.played_frames() == 300);
}

void audio_that_comes_during_the_fade_waits_for_its_end() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> loud(200, 16000);
  playout.push(loud.data(), 100);
  auto out = pull(playout, 110);
  playout.push(loud.data(), 200);
  append(out, pull(playout, 270));
  CHECK(fades_out(&out[100]));
  CHECK(out[180] < 100 && out[259] == 16000 && out[379] == 16000);
}

void a_sentence_after_an_underrun_begins_unaltered() {
  const auto in = noise(500, 29);
  const auto end = [](Playout& playout) { playout.end(); };
  const auto flush = [](Playout& playout) { playout.flush(); };
  for (void (*const finish)(Playout&) : {+end, +flush}) {
    Playout playout = underrun(noise(100, 33));
    finish(playout);
    playout.push(in.data(), in.size());
    CHECK(pull(playout, in.size()) == in);
  }
}

void what_ends_a_sentence_after_an_underrun_still_fades_in() {
  Playout playout = underrun(std::vector<std::int16_t>(100, 16000));
  const std::vector<std::int16_t> loud(200, 16000);
  playout.push(loud.data(), loud.size());
  playout.end();
  CHECK(pull(playout, 1)[0] < 100);
}

void the_end_of_a_reply_is_no_underrun() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> loud(100, 16000);
  playout.push(loud.data(), loud.size());
  playout.end();
  pull(playout, 400);
  CHECK(playout.underruns() == 0);
  playout.push(loud.data(), loud.size());
  CHECK(pull(playout, 400)[0] == 16000);
  CHECK(playout.underruns() == 1);
}

void a_flush_fades_what_was_about_to_be_heard() {
  Playout playout(kRate, kRate, 60000);
  const auto in = tone(kRate);
  playout.push(in.data(), in.size());
  pull(playout, 320);
  CHECK(playout.flush() == kRate - 320);
  CHECK(playout.buffered_frames() == 0);
  const auto out = pull(playout, 320);
  for (std::size_t i = 0; i < kFade; ++i) {
    const double t = static_cast<double>(i + 1) / kFade;
    CHECK(std::abs(out[i] - in[320 + i] * (1 - t * t * (3 - 2 * t))) <= 1);
  }
  for (std::size_t i = kFade - 1; i < 320; ++i) CHECK(out[i] == 0);
  CHECK(playout.played_frames() == 320);
  CHECK(playout.underruns() == 0);
}

void a_flush_of_the_last_few_samples_still_takes_five_ms() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> loud(330, 8000);
  playout.push(loud.data(), loud.size());
  pull(playout, 320);
  CHECK(playout.flush() == 10);
  const auto out = pull(playout, 160);
  CHECK(out[0] > 7950 && out[40] > 3500 && fades_out(out.data()));
  CHECK(out[159] == 0);
}

void a_flush_within_a_fade_in_goes_on_from_its_level() {
  Playout playout = underrun(std::vector<std::int16_t>(100, 16000));
  const std::vector<std::int16_t> loud(1000, 16000);
  playout.push(loud.data(), loud.size());
  auto out = pull(playout, 40);
  CHECK(playout.flush() == 960);
  append(out, pull(playout, kFade));
  for (std::size_t i = 1; i < out.size(); ++i) CHECK(std::abs(out[i] - out[i - 1]) < 400);
  CHECK(out.back() == 0);
}

void a_flush_before_anything_was_heard_is_silent() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> loud(1000, 8000);
  playout.push(loud.data(), loud.size());
  CHECK(playout.flush() == 1000);
  for (const std::int16_t s : pull(playout, 320)) CHECK(s == 0);
  CHECK(playout.flush() == 0);
}

void audio_after_a_flush_starts_when_the_fade_has_ended() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> loud(1000, 8000);
  playout.push(loud.data(), loud.size());
  pull(playout, 100);
  playout.flush();
  const auto next = noise(500, 25);
  playout.push(next.data(), next.size());
  const auto out = pull(playout, 580);
  CHECK(std::equal(next.begin(), next.end(), out.begin() + kFade));
}

// Full scale through a filter, at every pair of rates: 5 ms after the call nothing is heard any more.
void a_flush_is_over_after_five_ms_at_the_output() {
  for (const int input : kRatesHz) {
    for (const int output : kRatesHz) {
      Playout playout(input, output, 60000);
      std::vector<std::int16_t> in(static_cast<std::size_t>(input));
      for (std::size_t i = 0; i < in.size(); ++i) {
        in[i] = static_cast<std::int16_t>(std::lrint(30000.0 * std::sin(2764.6 * static_cast<double>(i) / input)));
      }
      playout.push(in.data(), in.size());
      const auto rate = static_cast<std::size_t>(output);
      pull(playout, rate / 10);
      playout.flush();
      const auto out = pull(playout, rate / 10);
      CHECK(std::abs(out[0]) + std::abs(out[rate / 2000]) > 5000);
      for (std::size_t i = rate / 200 + 1; i < out.size(); ++i) CHECK(std::abs(out[i]) <= 30);  // -60 dB
    }
  }
}

void ducking_takes_twenty_ms_and_no_steps() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> loud(2000, 16000);
  playout.push(loud.data(), loud.size());
  CHECK(!playout.ducked());
  playout.duck(-20.0);
  CHECK(playout.ducked());
  const auto out = pull(playout, 400);
  CHECK(out[0] > 15900);
  for (std::size_t i = 1; i < 320; ++i) CHECK(out[i] <= out[i - 1] && out[i] > out[i - 1] - 80);
  for (std::size_t i = 319; i < 400; ++i) CHECK(out[i] == 1600);
  playout.unduck();
  CHECK(!playout.ducked());
  const auto back = pull(playout, 400);
  for (std::size_t i = 1; i < 320; ++i) CHECK(back[i] >= back[i - 1] && back[i] < back[i - 1] + 80);
  for (std::size_t i = 319; i < 400; ++i) CHECK(back[i] == 16000);
}

void ducking_may_change_its_mind_on_the_way() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> loud(2000, 16000);
  playout.push(loud.data(), loud.size());
  std::vector<std::int16_t> out;
  for (const double gain_db : {-60.0, -6.0, 0.0, -12.0}) {
    playout.duck(gain_db);
    append(out, pull(playout, 100));
  }
  for (std::size_t i = 1; i < out.size(); ++i) CHECK(std::abs(out[i] - out[i - 1]) < 80);
  playout.duck(0.0);
  CHECK(!playout.ducked());
}

void ducking_gives_the_same_bits_for_any_chunking_of_pulls() {
  const auto in = noise(30000, 34);
  Playout whole(24000, 48000, 60000);
  Playout cut(24000, 48000, 60000);
  for (Playout* const playout : {&whole, &cut}) {
    playout->push(in.data(), in.size());
    playout->duck(-18.0);
  }
  std::vector<std::int16_t> out;
  for (const std::size_t length : cuts(50000, 35)) append(out, pull(cut, length));
  CHECK(out == pull(whole, 50000));
}

void ducking_outlives_a_flush_and_ends_with_a_reset() {
  Playout playout(kRate, kRate, 60000);
  const std::vector<std::int16_t> loud(1000, 16000);
  playout.duck(-20.0);
  pull(playout, 320);
  playout.flush();
  playout.push(loud.data(), loud.size());
  CHECK(playout.ducked() && pull(playout, 1)[0] == 1600);
  playout.reset();
  playout.push(loud.data(), loud.size());
  CHECK(!playout.ducked() && pull(playout, 1)[0] == 16000);
}

void ducking_refuses_what_is_no_attenuation() {
  Playout playout(24000, 48000, 60000);
  for (const double gain_db : {0.1, -60.1, std::nan(""), HUGE_VAL}) {
    CHECK_THROWS(playout.duck(gain_db), std::invalid_argument);
  }
  CHECK(!playout.ducked());
}

// What one frame of the model is to the listener depends on the rates; none is counted early or late.
void the_clock_is_exact_after_every_pull() {
  const auto in = noise(30000, 36);
  for (const std::size_t input : {8000U, 16000U, 24000U, 44100U, 48000U}) {
    for (const std::size_t output : {8000U, 16000U, 24000U, 44100U, 48000U}) {
      Playout playout(static_cast<int>(input), static_cast<int>(output), 60000);
      playout.push(in.data(), in.size());
      std::size_t pulled = 0;
      for (const std::size_t length : cuts(4000, 37)) {
        pull(playout, length);
        pulled += length;
        CHECK(playout.played_frames() == (pulled == 0 ? 0 : (pulled - 1) * input / output + 1));
        CHECK(playout.buffered_frames() == in.size() - playout.played_frames());
      }
    }
  }
}

void any_order_of_calls_keeps_the_books() {
  std::mt19937 random(26);
  Playout playout(24000, 48000, 2000);
  const auto in = noise(30000, 27);
  std::uint64_t pushed = 0, thrown = 0;
  for (int step = 0; step < 3000; ++step) {
    const std::size_t length = random() % 9000;
    switch (random() % 4) {
      case 0: pushed += playout.push(in.data(), length); break;
      case 1: thrown += random() % 5 == 0 ? playout.flush() : 0; break;
      default: pull(playout, length);
    }
    CHECK(pushed == playout.played_frames() + playout.buffered_frames() + thrown);
  }
  CHECK(playout.dropped_frames() > 0);
}

// 3 600 000 ms * 48 000 Hz is more than a word of 32 bits holds.
void an_hour_is_an_hour_on_every_machine() {
  Playout playout(48000, 48000, 3'600'000);
  const std::vector<std::int16_t> half_a_minute(30 * 48000);
  CHECK(playout.push(half_a_minute.data(), half_a_minute.size()) == half_a_minute.size());
}

void reset_starts_anew() {
  Playout playout(24000, 48000, 1000);
  const auto in = noise(30000, 28);
  playout.push(in.data(), in.size());
  const auto first = pull(playout, 4801);
  playout.reset();
  CHECK(playout.dropped_frames() == 0 && playout.played_frames() == 0 && playout.buffered_frames() == 0);
  playout.push(in.data(), in.size());
  CHECK(pull(playout, 4801) == first);
}

void refuses_what_it_cannot_hold() {
  CHECK_THROWS(Playout(11025, 48000, 60000), std::invalid_argument);
  CHECK_THROWS(Playout(24000, 22050, 60000), std::invalid_argument);
  CHECK_THROWS(Playout(24000, 48000, 99), std::invalid_argument);
  CHECK_THROWS(Playout(24000, 48000, 3600001), std::invalid_argument);
}

}  // namespace

int main() {
  const Case cases[] = {
      {"output is bit-identical for any chunking of the input", same_bits_for_any_chunking},
      {"what is played is what a Resampler gives", what_is_played_is_what_a_resampler_gives},
      {"overflow drops the newest and counts it", overflow_drops_the_newest},
      {"running empty fades within 5 ms", running_empty_fades_within_five_ms},
      {"where audio stops its slope goes on", where_audio_stops_its_slope_goes_on},
      {"a slope that goes on does not wrap", a_slope_that_goes_on_does_not_wrap},
      {"audio after an underrun fades in within 5 ms", audio_after_an_underrun_fades_in_within_five_ms},
      {"audio that comes during the fade waits for its end", audio_that_comes_during_the_fade_waits_for_its_end},
      {"a sentence after an underrun begins unaltered", a_sentence_after_an_underrun_begins_unaltered},
      {"what ends a sentence after an underrun still fades in", what_ends_a_sentence_after_an_underrun_still_fades_in},
      {"the end of a reply is no underrun", the_end_of_a_reply_is_no_underrun},
      {"a flush fades what was about to be heard", a_flush_fades_what_was_about_to_be_heard},
      {"a flush of the last few samples still takes 5 ms", a_flush_of_the_last_few_samples_still_takes_five_ms},
      {"a flush within a fade-in goes on from its level", a_flush_within_a_fade_in_goes_on_from_its_level},
      {"a flush before anything was heard is silent", a_flush_before_anything_was_heard_is_silent},
      {"audio after a flush starts when the fade has ended", audio_after_a_flush_starts_when_the_fade_has_ended},
      {"a flush is over after 5 ms at the output", a_flush_is_over_after_five_ms_at_the_output},
      {"ducking takes 20 ms and no steps", ducking_takes_twenty_ms_and_no_steps},
      {"ducking may change its mind on the way", ducking_may_change_its_mind_on_the_way},
      {"ducking gives the same bits for any chunking of pulls", ducking_gives_the_same_bits_for_any_chunking_of_pulls},
      {"ducking outlives a flush and ends with a reset", ducking_outlives_a_flush_and_ends_with_a_reset},
      {"ducking refuses what is no attenuation", ducking_refuses_what_is_no_attenuation},
      {"the clock is exact after every pull", the_clock_is_exact_after_every_pull},
      {"any order of calls keeps the books", any_order_of_calls_keeps_the_books},
      {"an hour of capacity is an hour on every machine", an_hour_is_an_hour_on_every_machine},
      {"reset starts anew", reset_starts_anew},
      {"what it cannot hold is refused", refuses_what_it_cannot_hold},
  };
  return run_all(cases);
}
