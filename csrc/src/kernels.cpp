#include "sonicrtc/kernels.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sonicrtc {

extern const Kernels kernels_baseline;
#ifdef SONICRTC_HAVE_AVX2
extern const Kernels kernels_avx2;
#endif

namespace {

const Kernels* avx2() noexcept {
#ifdef SONICRTC_HAVE_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &kernels_avx2;
#endif
  return nullptr;
}

}  // namespace

const Kernels& select_kernels() {
  const char* const wanted = std::getenv("SONICRTC_ISA");
  const std::string_view name = wanted == nullptr ? std::string_view{} : std::string_view{wanted};
  const Kernels* const fast = avx2();
  if (name.empty()) return fast != nullptr ? *fast : kernels_baseline;
  if (name == "baseline") return kernels_baseline;
  if (name == "avx2" && fast != nullptr) return *fast;
  throw std::invalid_argument("SONICRTC_ISA: expected baseline" + std::string(fast != nullptr ? " or avx2" : "") +
                              " on this machine, got " + std::string(name));
}

}  // namespace sonicrtc
