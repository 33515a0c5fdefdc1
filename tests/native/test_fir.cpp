#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "check.hpp"
#include "sonicrtc/filters.hpp"
#include "sonicrtc/fir.hpp"
#include "sonicrtc/resampler.hpp"

namespace {

using namespace sonicrtc;

struct Pair {
  int in;
  int out;
};

constexpr Quality kQualities[] = {Quality::standard, Quality::hq, Quality::low_latency};

template <typename Run>
void for_each_pair(Run run) {
  for (const int in : kRatesHz) {
    for (const int out : kRatesHz) run(Pair{in, out});
  }
}

std::vector<float> filtered(PolyphaseFir& fir, const std::vector<std::int16_t>& in, std::size_t channels) {
  std::vector<float> out(fir.output_frames(in.size() / channels));
  CHECK(fir.process(in.data(), in.size() / channels, out.data()) == out.size());
  return out;
}

// The definition, in double precision: y[n] = sum of h[k] u[n M - k], u = input with L - 1 zeros between.
double reference(const FilterBank& bank, const std::vector<std::int16_t>& in, std::size_t n) {
  double sum = 0.0;
  for (std::size_t k = n * bank.down % bank.up; k < bank.prototype.size(); k += bank.up) {
    if (n * bank.down < k) break;
    const std::size_t at = (n * bank.down - k) / bank.up;
    if (at < in.size()) sum += static_cast<double>(bank.prototype[k]) * in[at] / 32768.0;
  }
  return sum;
}

void equals_the_definition() {
  const auto in = noise(2000, 1);
  for_each_pair([&](Pair rates) {
    const FilterBank& bank = filter_bank(rates.in, rates.out, Quality::standard);
    PolyphaseFir fir(bank, Mix::mono);
    const auto out = filtered(fir, in, 1);
    for (std::size_t n = 0; n < out.size(); ++n) CHECK(std::abs(out[n] - reference(bank, in, n)) < 3e-6);
  });
}

void same_bits_for_any_chunking() {
  const auto in = noise(9000, 2);
  for_each_pair([&](Pair rates) {
    for (const Quality quality : kQualities) {
      const FilterBank& bank = filter_bank(rates.in, rates.out, quality);
      PolyphaseFir whole(bank, Mix::mono);
      PolyphaseFir cut(bank, Mix::mono);
      const auto expected = filtered(whole, in, 1);
      std::vector<float> out(expected.size());
      std::size_t read = 0;
      std::size_t written = 0;
      for (const std::size_t length : cuts(in.size(), 3)) {
        const std::size_t promised = cut.output_frames(length);
        CHECK(cut.process(in.data() + read, length, out.data() + written) == promised);
        read += length;
        written += promised;
      }
      CHECK(written == expected.size());
      CHECK(out == expected);
    }
  });
}

void promises_the_input_that_it_needs() {
  for_each_pair([](Pair rates) {
    PolyphaseFir fir(filter_bank(rates.in, rates.out, Quality::standard), Mix::mono);
    const auto in = noise(4000, 4);
    std::vector<float> out(30000);
    for (const std::size_t wanted : {1U, 7U, 480U, 3U, 100U}) {
      const std::size_t needed = fir.input_frames(wanted);
      CHECK(fir.output_frames(needed) >= wanted);
      CHECK(needed == 0 || fir.output_frames(needed - 1) < wanted);
      fir.process(in.data(), needed, out.data());
    }
  });
}

void mixes_two_channels() {
  const auto in = noise(2000, 5);
  std::vector<std::int16_t> left, right;
  for (std::size_t i = 0; i < in.size(); i += 2) {
    left.push_back(in[i]);
    right.push_back(in[i + 1]);
  }
  const FilterBank& bank = filter_bank(48000, 16000, Quality::standard);
  PolyphaseFir mono_left(bank, Mix::mono), mono_right(bank, Mix::mono);
  PolyphaseFir take_left(bank, Mix::left), take_right(bank, Mix::right), mean(bank, Mix::mean);
  const auto l = filtered(mono_left, left, 1);
  const auto r = filtered(mono_right, right, 1);
  CHECK(filtered(take_left, in, 2) == l);
  CHECK(filtered(take_right, in, 2) == r);
  const auto m = filtered(mean, in, 2);
  for (std::size_t i = 0; i < m.size(); ++i) CHECK(std::abs(m[i] - (l[i] + r[i]) / 2.0F) < 1e-6F);
}

void meets_its_bands(Pair rates, Quality quality) {
  const FilterBank& bank = filter_bank(rates.in, rates.out, quality);
  const double rate = static_cast<double>(rates.in) * static_cast<double>(bank.up);
  const double low = std::min(rates.in, rates.out);
  const double stop = low * (quality == Quality::hq ? 8.0 : 9.0) / 16.0;
  const auto gain_db = [&](double hz) {
    std::complex<double> sum = 0.0;
    for (std::size_t i = 0; i < bank.prototype.size(); ++i) {
      sum += static_cast<double>(bank.prototype[i]) *
             std::polar(1.0, -2.0 * std::numbers::pi * hz / rate * static_cast<double>(i));
    }
    return 20.0 * std::log10(std::abs(sum) / static_cast<double>(bank.up) + 1e-12);
  };
  for (int i = 0; i <= 20; ++i) {
    CHECK(std::abs(gain_db(low * 7.0 / 16.0 * i / 20.0)) < 0.01);
    const double hz = stop + low * 0.1 * i;
    if (hz <= rate / 2.0) CHECK(gain_db(hz) < -90.0);
  }
}

void every_bank_meets_its_bands() {
  for_each_pair([](Pair rates) {
    for (const Quality quality : kQualities) {
      if (rates.in != rates.out) meets_its_bands(rates, quality);
    }
  });
}

void full_scale_saturates() {
  for (const int sign : {1, -1}) {
    std::vector<std::int16_t> square(4800);
    for (std::size_t i = 0; i < square.size(); ++i) {
      square[i] = static_cast<std::int16_t>((i / 24) % 2 == 0 ? sign * 32767 : -sign * 32767 - 1);
    }
    Resampler resampler(48000, 16000);
    std::vector<std::int16_t> out(resampler.output_frames(square.size()));
    resampler.process(square.data(), square.size(), out.data());
    CHECK(*std::max_element(out.begin(), out.end()) == 32767);
    CHECK(*std::min_element(out.begin(), out.end()) == -32768);
    // Overshoot that wrapped would show as a jump of twice full scale inside a half wave of 8 samples.
    for (std::size_t i = 50; i + 8 < out.size(); ++i) {
      const bool same_half = (out[i - 1] > 20000) == (out[i + 1] > 20000) && std::abs(out[i - 1]) > 20000 &&
                             std::abs(out[i + 1]) > 20000;
      if (same_half) CHECK((out[i] > 0) == (out[i - 1] > 0));
    }
  }
}

void equal_rates_pass_through() {
  std::vector<std::int16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int16_t>(static_cast<int>(i) - 32768);
  Resampler resampler(16000, 16000);
  std::vector<std::int16_t> out(all.size());
  CHECK(resampler.process(all.data(), all.size(), out.data()) == all.size());
  CHECK(out == all);
}

}  // namespace

int main() {
  const Case cases[] = {
      {"output is bit-identical for any chunking of the input", same_bits_for_any_chunking},
      {"every ratio computes the definition", equals_the_definition},
      {"it promises exactly the input that it needs", promises_the_input_that_it_needs},
      {"two channels become their mean, left or right", mixes_two_channels},
      {"every filter meets its bands", every_bank_meets_its_bands},
      {"full scale saturates", full_scale_saturates},
      {"equal rates pass every value through", equal_rates_pass_through},
  };
  return run_all(cases);
}
