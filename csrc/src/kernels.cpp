#include "sonicrtc/kernels.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#ifdef SONICRTC_X86_KERNELS
#include <cpuid.h>
#endif

namespace sonicrtc {

extern const Kernels kernels_baseline;
#ifdef SONICRTC_X86_KERNELS
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;

namespace {

struct Cpu {
  bool avx2 = false;  // with FMA
  bool avx512 = false;
};

// What the processor has and the system keeps the registers of. Asked of the processor itself: in the runtime
// of zig, which builds the wheels, __builtin_cpu_supports says no to everything.
Cpu cpu() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned needed = bit_FMA | bit_OSXSAVE | bit_AVX;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & needed) != needed) return {};
  unsigned saved = 0, high = 0;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  constexpr unsigned ymm = 0x06, zmm = 0xE6;
  if ((saved & ymm) != ymm || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return {};
  constexpr unsigned avx512 = bit_AVX512F | bit_AVX512VL;
  const bool avx2 = (b & bit_AVX2) != 0;
  return {.avx2 = avx2, .avx512 = avx2 && (b & avx512) == avx512 && (saved & zmm) == zmm};
}

}  // namespace
#endif

std::span<const Kernels* const> available_kernels() {
  static const std::vector<const Kernels*> kernels = [] {
    std::vector<const Kernels*> found{&kernels_baseline};
#ifdef SONICRTC_X86_KERNELS
    const Cpu has = cpu();
    if (has.avx2) found.push_back(&kernels_avx2);
    if (has.avx512) found.push_back(&kernels_avx512);
#endif
    return found;
  }();
  return kernels;
}

const Kernels& select_kernels() {
  const char* const wanted = std::getenv("SONICRTC_ISA");
  if (wanted == nullptr || *wanted == '\0') return *available_kernels().back();
  std::string names;
  for (const Kernels* const one : available_kernels()) {
    if (std::string_view{wanted} == one->name) return *one;
    names += (names.empty() ? "" : ", ") + std::string(one->name);
  }
  throw std::invalid_argument("SONICRTC_ISA: expected one of " + names + " on this machine, got " + wanted);
}

}  // namespace sonicrtc
