#include "sonicrtc/kernels.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sonicrtc {

extern const Kernels kernels_baseline;
#ifdef SONICRTC_X86_KERNELS
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

std::span<const Kernels* const> available_kernels() {
  static const std::vector<const Kernels*> kernels = [] {
    std::vector<const Kernels*> found{&kernels_baseline};
#ifdef SONICRTC_X86_KERNELS
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      found.push_back(&kernels_avx2);
      if (__builtin_cpu_supports("avx512vl")) found.push_back(&kernels_avx512);
    }
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
