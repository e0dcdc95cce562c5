# Installs the library, its headers and the package files that find_package(mellow) and pkg-config read.
include(CMakePackageConfigHelpers)
install(TARGETS mellow EXPORT mellow-targets)
foreach(folder engine/core engine/autograd engine/ops engine/nn engine/optim engine/train engine/io models losses data)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mellow/${folder}
          FILES_MATCHING PATTERN "*.h" PATTERN "tensor_impl.h" EXCLUDE)
endforeach()
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mellow)
install(EXPORT mellow-targets NAMESPACE mellow:: DESTINATION ${package_dir})
get_target_property(MELLOW_LIBRARY_TYPE mellow TYPE)
configure_package_config_file(${PROJECT_SOURCE_DIR}/tools/cmake/mellow-config.cmake.in
                              ${PROJECT_BINARY_DIR}/mellow-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mellow-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mellow-config.cmake ${PROJECT_BINARY_DIR}/mellow-config-version.cmake
              ${PROJECT_SOURCE_DIR}/tools/cmake/FindCUDNN.cmake DESTINATION ${package_dir})

set(private_libraries "-ldnnl ${OpenMP_CXX_FLAGS}")
if(MELLOW_HAS_CUDA)
  string(APPEND private_libraries " -L${CUDAToolkit_LIBRARY_DIR} -lcudart -lcublas ${CUDNN_LIBRARY}")
endif()
file(RELATIVE_PATH prefix_from_package /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/mellow.pc.in ${PROJECT_BINARY_DIR}/mellow.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/mellow.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/mellow)
if(MELLOW_BUILD_PROGRAM)
  install(TARGETS mellow_program)
endif()
