#include <stdexcept>
#include <string_view>

#include "check.hpp"
#include "sonicrtc/kernels.hpp"

namespace {

using namespace sonicrtc;

bool available(std::string_view name) {
  for (const Kernels* const one : available_kernels()) {
    if (one->name == name) return true;
  }
  return false;
}

// The core asks the processor itself, and here a second opinion is to be had.
void finds_what_the_compiler_finds() {
  CHECK(available("baseline"));
#if defined(__x86_64__) && !defined(__clang__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  CHECK(available("avx2") == avx2);
  CHECK(available("avx512") == (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")));
#endif
}

void the_environment_chooses() {
  for (const Kernels* const one : available_kernels()) {
    setenv("SONICRTC_ISA", one->name, 1);
    CHECK(&select_kernels() == one);
  }
  setenv("SONICRTC_ISA", "mmx", 1);
  CHECK_THROWS(select_kernels(), std::invalid_argument);
  unsetenv("SONICRTC_ISA");
  CHECK(&select_kernels() == available_kernels().back());
}

}  // namespace

int main() {
  const Case cases[] = {
      {"it finds the instruction sets that the compiler finds", finds_what_the_compiler_finds},
      {"the environment chooses one, and the fastest is the default", the_environment_chooses},
  };
  return run_all(cases);
}
