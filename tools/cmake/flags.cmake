# Warnings are errors; files named *_avx2.cpp, *_avx512.cpp, *_avx512_bf16.cpp and *_amx.cpp are compiled for those instruction
# sets and only called after the run-time check in kernels/cpu/cpu_features.h.
add_library(mellow_flags INTERFACE)
target_compile_options(mellow_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wconversion;-Wno-sign-conversion;-Wno-missing-field-initializers;-Werror>
  # GCC 12 sees overlapping copies in std::string::operator+ that are not there (gcc bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:$<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>>
  $<$<CXX_COMPILER_ID:Clang>:$<$<COMPILE_LANGUAGE:CXX>:-Wno-unknown-pragmas>>  # GCC ivdep
  $<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno;-fno-trapping-math>  # nothing reads errno: sqrt and choices vectorise
  $<$<COMPILE_LANGUAGE:CXX>:-fmacro-prefix-map=${PROJECT_BINARY_DIR}/include/=>)
if(MELLOW_SANITIZE)
  target_compile_options(mellow_flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer
                                                -fno-sanitize-recover=undefined)
  target_link_options(mellow_flags INTERFACE -fsanitize=address,undefined)
endif()
function(mellow_instruction_set suffix)
  file(GLOB units CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/cpu/*_${suffix}.cpp)
  set_source_files_properties(${units} PROPERTIES COMPILE_OPTIONS "${ARGN}")
endfunction()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # What that check looks for and nothing else: a virtual machine may hide the rest of a processor family.
  set(avx2 -mavx2 -mfma)
  set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mtune=skylake-avx512)
  mellow_instruction_set(avx2 ${avx2})
  mellow_instruction_set(avx512 ${avx512})
  mellow_instruction_set(avx512_bf16 ${avx512} -mavx512bf16)
  mellow_instruction_set(amx ${avx512} -mamx-tile -mamx-bf16)
endif()
