# Installs the library, its headers and the package files that find_package(mellow) reads.
include(CMakePackageConfigHelpers)
install(TARGETS mellow EXPORT mellow-targets)
foreach(folder engine/core engine/autograd engine/ops engine/nn engine/optim engine/train engine/io models losses data)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mellow/${folder}
          FILES_MATCHING PATTERN "*.h" PATTERN "tensor_impl.h" EXCLUDE)
endforeach()
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mellow)
install(EXPORT mellow-targets NAMESPACE mellow:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/tools/cmake/mellow-config.cmake.in
                              ${PROJECT_BINARY_DIR}/mellow-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mellow-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mellow-config.cmake ${PROJECT_BINARY_DIR}/mellow-config-version.cmake
              ${PROJECT_SOURCE_DIR}/tools/cmake/FindCUDNN.cmake DESTINATION ${package_dir})
if(MELLOW_BUILD_PROGRAM)
  install(TARGETS mellow_program)
endif()
