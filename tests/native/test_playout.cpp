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

// At equal rates the samples are seen as they are.
void running_empty_fades_within_five_ms() {
  Playout playout(16000, 16000, 60000);
  const std::vector<std::int16_t> loud(100, 16000);
  playout.push(loud.data(), loud.size());
  const auto out = pull(playout, 400);
  for (std::size_t i = 0; i < 100; ++i) CHECK(out[i] == 16000);
  for (std::size_t i = 100; i < 180; ++i) CHECK(out[i] < out[i - 1]);
  for (std::size_t i = 179; i < 400; ++i) CHECK(out[i] == 0);
  CHECK(playout.underruns() == 1);
  CHECK(playout.played_frames() == 100);
  pull(playout, 400);
  CHECK(playout.underruns() == 1);
}

void the_end_of_a_reply_is_no_underrun() {
  Playout playout(16000, 16000, 60000);
  const std::vector<std::int16_t> loud(100, 16000);
  playout.push(loud.data(), loud.size());
  playout.end();
  pull(playout, 400);
  CHECK(playout.underruns() == 0);
  playout.push(loud.data(), loud.size());
  pull(playout, 400);
  CHECK(playout.underruns() == 1);
}

void a_flush_fades_what_was_about_to_be_heard() {
  Playout playout(16000, 16000, 60000);
  const std::vector<std::int16_t> loud(16000, 16000);
  playout.push(loud.data(), loud.size());
  CHECK(pull(playout, 320).back() == 16000);
  CHECK(playout.flush() == 16000 - 320);
  CHECK(playout.buffered_frames() == 0);
  const auto out = pull(playout, 320);
  for (std::size_t i = 0; i < 80; ++i) CHECK(out[i] == 16000 * (79 - static_cast<int>(i)) / 80);
  for (std::size_t i = 80; i < 320; ++i) CHECK(out[i] == 0);
  CHECK(playout.played_frames() == 320);
  CHECK(playout.underruns() == 0);
}

void a_flush_of_the_last_few_samples_still_takes_five_ms() {
  Playout playout(16000, 16000, 60000);
  const std::vector<std::int16_t> loud(330, 8000);
  playout.push(loud.data(), loud.size());
  pull(playout, 320);
  CHECK(playout.flush() == 10);
  const auto out = pull(playout, 160);
  CHECK(out[0] > 7800 && out[9] > 6500 && out[10] < out[9] && out[10] > 6000);
  CHECK(out[79] == 0 && out[159] == 0);
}

void a_flush_before_anything_was_heard_is_silent() {
  Playout playout(16000, 16000, 60000);
  const std::vector<std::int16_t> loud(1000, 8000);
  playout.push(loud.data(), loud.size());
  CHECK(playout.flush() == 1000);
  for (const std::int16_t s : pull(playout, 320)) CHECK(s == 0);
  CHECK(playout.flush() == 0);
}

void audio_after_a_flush_starts_when_the_fade_has_ended() {
  Playout playout(16000, 16000, 60000);
  const std::vector<std::int16_t> loud(1000, 8000);
  playout.push(loud.data(), loud.size());
  pull(playout, 100);
  playout.flush();
  const auto next = noise(500, 25);
  playout.push(next.data(), next.size());
  const auto out = pull(playout, 580);
  CHECK(std::equal(next.begin(), next.end(), out.begin() + 80));
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
      {"the end of a reply is no underrun", the_end_of_a_reply_is_no_underrun},
      {"a flush fades what was about to be heard", a_flush_fades_what_was_about_to_be_heard},
      {"a flush of the last few samples still takes 5 ms", a_flush_of_the_last_few_samples_still_takes_five_ms},
      {"a flush before anything was heard is silent", a_flush_before_anything_was_heard_is_silent},
      {"audio after a flush starts when the fade has ended", audio_after_a_flush_starts_when_the_fade_has_ended},
      {"any order of calls keeps the books", any_order_of_calls_keeps_the_books},
      {"reset starts anew", reset_starts_anew},
      {"what it cannot hold is refused", refuses_what_it_cannot_hold},
  };
  return run_all(cases);
}
