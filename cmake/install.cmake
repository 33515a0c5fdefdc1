# Headers, static library, and the ways to find them: find_package(sonicrtc CONFIG) and pkg-config.
# The installed tree may be moved: nothing in it knows where it stands.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sonicrtc")
install(DIRECTORY csrc/include/sonicrtc DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(TARGETS sonicrtc EXPORT sonicrtc
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT sonicrtc NAMESPACE sonicrtc:: FILE sonicrtcTargets.cmake DESTINATION "${package_dir}")

# Before 1.0 a new minor version may change the interface. The version file also turns down a library
# for machines of another word length.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sonicrtcConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
configure_package_config_file(cmake/sonicrtcConfig.cmake.in "${PROJECT_BINARY_DIR}/sonicrtcConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
install(FILES "${PROJECT_BINARY_DIR}/sonicrtcConfig.cmake" "${PROJECT_BINARY_DIR}/sonicrtcConfigVersion.cmake"
  DESTINATION "${package_dir}")

set(pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH pc_prefix "/${pc_dir}" "/")  # from the .pc file to the prefix
list(TRANSFORM CMAKE_DL_LIBS PREPEND " -l" OUTPUT_VARIABLE pc_dl)  # what dlopen() needs; nothing on macOS
configure_file(cmake/sonicrtc.pc.in "${PROJECT_BINARY_DIR}/sonicrtc.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/sonicrtc.pc" DESTINATION "${pc_dir}")
