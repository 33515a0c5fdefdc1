// As much of a test library as these tests need: named cases, and checks that say where they failed.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <vector>

#define CHECK(condition)                                                                 \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);     \
      std::exit(1);                                                                      \
    }                                                                                    \
  } while (false)

#define CHECK_THROWS(expression, Exception)                                                       \
  do {                                                                                            \
    bool thrown = false;                                                                          \
    try {                                                                                         \
      (void)(expression);                                                                         \
    } catch (const Exception&) {                                                                  \
      thrown = true;                                                                              \
    }                                                                                             \
    if (!thrown) {                                                                                \
      std::fprintf(stderr, "%s:%d: no %s from %s\n", __FILE__, __LINE__, #Exception, #expression); \
      std::exit(1);                                                                               \
    }                                                                                             \
  } while (false)

struct Case {
  const char* behaviour;
  void (*run)();
};

inline int run_all(std::span<const Case> cases) {
  for (const Case& one : cases) {
    std::printf("%s\n", one.behaviour);
    std::fflush(stdout);
    one.run();
  }
  return 0;
}

/// Seeded noise of int16 samples between -amplitude and amplitude.
inline std::vector<std::int16_t> noise(std::size_t count, unsigned seed, int amplitude = 32767) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> sample(-amplitude, amplitude);
  std::vector<std::int16_t> result(count);
  for (std::int16_t& s : result) s = static_cast<std::int16_t>(sample(random));
  return result;
}

/// Seeded block lengths, 0 and longer than any inner buffer included, that add up to `total`.
inline std::vector<std::size_t> cuts(std::size_t total, unsigned seed) {
  std::mt19937 random(seed);
  const std::size_t choices[] = {0, 1, 2, 3, 7, 160, 479, 960, 961, 5000};
  std::uniform_int_distribution<std::size_t> pick(0, std::size(choices) - 1);
  std::vector<std::size_t> result;
  while (total > 0) {
    const std::size_t length = std::min(total, choices[pick(random)]);
    result.push_back(length);
    total -= length;
  }
  return result;
}
