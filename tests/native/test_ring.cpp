// The rings against the containers that they could be if memory and time did not matter.
#include <algorithm>
#include <deque>

#include "check.hpp"
#include "sonicrtc/ring.hpp"

namespace {

using namespace sonicrtc;

using Samples = std::vector<std::int16_t>;

std::size_t between(std::mt19937& random, std::size_t least, std::size_t most) {
  return std::uniform_int_distribution<std::size_t>(least, most)(random);
}

void push_both(SegmentedRing& ring, std::deque<std::int16_t>& model, const Samples& in) {
  const std::size_t fit = std::min(in.size(), ring.capacity() - model.size());
  CHECK(ring.push(in.data(), in.size()) == fit);
  model.insert(model.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(fit));
}

void pop_both(SegmentedRing& ring, std::deque<std::int16_t>& model, std::size_t count) {
  Samples out(count, 99);
  const std::size_t popped = ring.pop(out.data(), count);
  CHECK(popped == std::min(count, model.size()));
  CHECK(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(popped), model.begin()));
  CHECK(std::all_of(out.begin() + static_cast<std::ptrdiff_t>(popped), out.end(), [](std::int16_t s) { return s == 99; }));
  model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(popped));
}

void a_segmented_ring_is_a_bounded_queue() {
  std::mt19937 random(40);
  for (unsigned round = 0; round < 200; ++round) {
    const std::size_t capacity = between(random, 1, 300);
    SegmentedRing ring(capacity, between(random, 1, 100));
    std::deque<std::int16_t> model;
    for (unsigned step = 0; step < 100; ++step) {
      const std::size_t count = between(random, 0, capacity + 10);
      switch (between(random, 0, 8)) {
        case 0: ring.clear(), model.clear(); break;
        case 1: case 2: case 3: case 4: push_both(ring, model, noise(count, 100 * round + step)); break;
        default: pop_both(ring, model, count);
      }
      CHECK(ring.size() == model.size());
    }
  }
}

void a_history_ring_remembers_the_last_of_everything() {
  std::mt19937 random(41);
  for (unsigned round = 0; round < 200; ++round) {
    const std::size_t capacity = between(random, 0, 60);
    HistoryRing ring(capacity);
    std::deque<std::int16_t> model(capacity, 0);
    for (unsigned step = 0; step < 50; ++step) {
      const Samples in = noise(between(random, 0, 2 * capacity + 3), 100 * round + step);
      ring.push(in.data(), in.size());
      model.insert(model.end(), in.begin(), in.end());
      model.erase(model.begin(), model.end() - static_cast<std::ptrdiff_t>(capacity));
      Samples last(between(random, 0, capacity));
      ring.copy_last(last.data(), last.size());
      CHECK(std::equal(last.begin(), last.end(), model.end() - static_cast<std::ptrdiff_t>(last.size())));
    }
  }
}

}  // namespace

int main() {
  const Case cases[] = {
      {"a segmented ring is a bounded queue", a_segmented_ring_is_a_bounded_queue},
      {"a history ring remembers the last of everything", a_history_ring_remembers_the_last_of_everything},
  };
  return run_all(cases);
}
