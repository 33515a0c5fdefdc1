# Any Linux from this one, compiled by zig (PyPI: ziglang), which brings every platform's C library:
#   -DSONICRTC_ZIG=/path/to/zig -DSONICRTC_ZIG_TARGET=aarch64-linux-gnu.2.17
# scripts/wheels.py builds with it. The C++ library becomes part of what is linked.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SONICRTC_ZIG SONICRTC_ZIG_TARGET)
# Checks compile and do not link: zig builds a C++ library for every way to link, a minute each.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)

set(CMAKE_SYSTEM_NAME Linux)
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "${SONICRTC_ZIG_TARGET}")
set(CMAKE_CXX_COMPILER "${SONICRTC_ZIG}" c++ -target "${SONICRTC_ZIG_TARGET}")
set(CMAKE_CXX_ARCHIVE_CREATE "\"${SONICRTC_ZIG}\" ar qc <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_APPEND "\"${SONICRTC_ZIG}\" ar q <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "\"${SONICRTC_ZIG}\" ranlib <TARGET>")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "-s -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/module.map")
set(CMAKE_STRIP "")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
