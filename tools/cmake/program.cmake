# The program `mellow`: one more client of the library.
mellow_require(CLI11 libcli11-dev)
mellow_require(tomlplusplus libtomlplusplus-dev)
mellow_require(fmt libfmt-dev)
file(GLOB program_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/*.cpp ${PROJECT_SOURCE_DIR}/tools/study/*.cpp
     ${PROJECT_SOURCE_DIR}/tools/estimate/*.cpp)
add_executable(mellow_program ${program_sources})
set_target_properties(mellow_program PROPERTIES OUTPUT_NAME mellow)
target_link_libraries(mellow_program PRIVATE mellow mellow_flags CLI11::CLI11 tomlplusplus::tomlplusplus fmt::fmt
                                             nlohmann_json::nlohmann_json)
target_compile_definitions(mellow_program PRIVATE MELLOW_VERSION="${PROJECT_VERSION}")
