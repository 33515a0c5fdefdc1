// The statistics against what they could be if memory and time did not matter.
#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "check.hpp"
#include "sonicrtc/jitter_statistics.hpp"

namespace {

using namespace sonicrtc;

double some_ms(std::mt19937& random) {
  const double roll = std::uniform_real_distribution<double>(0.0, 1.0)(random);
  return roll < 0.3 ? 0.0 : std::pow(roll, 8) * 700.0;
}

void a_recent_quantile_is_that_of_the_last_500() {
  for (const double q : {0.005, 0.5, 0.97, 0.995, 1.0}) {
    std::mt19937 random(50);
    RecentQuantile quantile(q);
    CHECK(quantile.value_ms() == 0.0);
    std::deque<double> model;
    for (int i = 0; i < 3000; ++i) {
      const double ms = i < 2000 ? some_ms(random) : 0.1 * some_ms(random);
      quantile.add(ms);
      model.push_back(ms);
      if (model.size() > 500) model.pop_front();
      std::vector<double> sorted(model.begin(), model.end());
      std::sort(sorted.begin(), sorted.end());
      const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size()) - 1e-9));
      const double exact = std::min(sorted[std::max<std::size_t>(rank, 1) - 1], 500.0);
      CHECK(quantile.value_ms() >= exact - 1e-3 && quantile.value_ms() < exact + 2.5);
    }
  }
}

void only_zeros_have_the_quantile_zero() {
  RecentQuantile quantile(0.995);
  for (int i = 0; i < 500; ++i) quantile.add(i < 3 ? 0.1 : 0.0);
  CHECK(quantile.value_ms() == 2.5);
  quantile.add(0.0);
  CHECK(quantile.value_ms() == 0.0);
}

void the_minimum_forgets_after_500_values_at_most() {
  WindowMinimum minimum;
  CHECK(minimum.value() == std::numeric_limits<double>::infinity());
  minimum.add(-5.0);
  for (int i = 0; i < 450; ++i) minimum.add(i);
  CHECK(minimum.value() == -5.0);
  for (int i = 0; i < 50; ++i) minimum.add(7.0);
  CHECK(minimum.value() == 7.0);
  minimum.clear();
  minimum.add(1.0);
  CHECK(minimum.value() == 1.0);
}

void a_histogram_gives_quantiles_to_its_step() {
  DelayHistogram histogram;
  CHECK(histogram.quantile_ms(0.5) == 0.0 && histogram.mean_ms() == 0.0);
  std::mt19937 random(51);
  std::vector<double> all;
  for (int i = 0; i < 5000; ++i) {
    all.push_back(some_ms(random));
    histogram.add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double q : {0.01, 0.2, 0.5, 0.9, 0.95, 0.99}) {
    const double exact = all[static_cast<std::size_t>(std::ceil(q * 5000)) - 1];
    const double step = exact <= 20.0 ? 0.25 : 2.5;
    CHECK(exact > 500.0 ? histogram.quantile_ms(q) == all.back() : std::abs(histogram.quantile_ms(q) - exact) <= step);
  }
  CHECK(histogram.quantile_ms(1.0) == all.back() && histogram.most_ms() == all.back() && histogram.count() == 5000);
}

void anything_can_be_counted() {
  RecentQuantile quantile(0.97);
  DelayHistogram histogram;
  for (const double ms : {std::nan(""), -1.0, 1e300, std::numeric_limits<double>::infinity()}) {
    quantile.add(ms);
    histogram.add(ms);
  }
  CHECK(quantile.value_ms() == 500.0 && histogram.count() == 4 && histogram.quantile_ms(0.25) == 0.0);
}

}  // namespace

#define CASE(behaviour) {#behaviour, behaviour}

int main() {
  const Case cases[] = {
      CASE(a_recent_quantile_is_that_of_the_last_500),
      CASE(only_zeros_have_the_quantile_zero),
      CASE(the_minimum_forgets_after_500_values_at_most),
      CASE(a_histogram_gives_quantiles_to_its_step),
      CASE(anything_can_be_counted),
  };
  return run_all(cases);
}
