# Proves that layers.cmake finds what it is there to find. Run: cmake -D SCRATCH=<folder> -P tests/layers_test.cmake
cmake_minimum_required(VERSION 3.25)

# expect(<what must be said, "" for success> <file> <its text> [<file> <text>]…): a tree of these files.
function(expect message)
  file(REMOVE_RECURSE ${SCRATCH})
  list(LENGTH ARGN length)
  math(EXPR last "${length} - 1")
  foreach(i RANGE 0 ${last} 2)
    math(EXPR j "${i} + 1")
    list(GET ARGN ${i} file)
    list(GET ARGN ${j} content)
    file(WRITE ${SCRATCH}/${file} "${content}\n")
  endforeach()
  execute_process(COMMAND ${CMAKE_COMMAND} -D ROOT=${SCRATCH} -P ${CMAKE_CURRENT_LIST_DIR}/layers.cmake
                  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  string(FIND "${output}" "${message}" at)
  if((message STREQUAL "" AND NOT result EQUAL 0) OR (NOT message STREQUAL "" AND (result EQUAL 0 OR at EQUAL -1)))
    message(FATAL_ERROR "layers.cmake on ${ARGN}\n  expected: '${message}'\n  said (${result}): ${output}")
  endif()
endfunction()

set(tensor engine/core/tensor.h "#include <vector>")
expect("" ${tensor} engine/ops/conv1d.h "#include \"mellow/engine/core/tensor.h\"")
expect("" ${tensor} engine/core/a.cpp "#include \"mellow/engine/internal/on_device.h\"")
expect("" ${tensor} engine/autograd/tape.cpp "#include \"mellow/engine/ops/accumulate.h\"")
expect("engine/core/tensor.h includes engine/ops/conv1d.h"
       engine/core/tensor.h "#include \"mellow/engine/ops/conv1d.h\"" engine/ops/conv1d.h "")
expect("engine/ops/conv1d.h includes engine/internal/apply.h"
       engine/ops/conv1d.h "#include \"mellow/engine/internal/apply.h\"")
expect("engine/autograd/tape.h includes engine/ops/accumulate.h"
       engine/autograd/tape.h "#include \"mellow/engine/ops/accumulate.h\"")
expect("models/a.h includes losses/b.h" models/a.h "  #  include \"mellow/losses/b.h\"")
expect("tools/train.cpp includes kernels/cpu/x.h" tools/train.cpp "#include \"mellow/kernels/cpu/x.h\"")
expect("spell it" models/a.h "#include \"b.h\"")
expect("lies in no layer" engine/fancy/a.h "")
expect("a circle of includes"
       data/a.h "#include \"mellow/data/b.h\"" data/b.h "#include \"mellow/data/c.h\""
       data/c.h "#include \"mellow/data/a.h\"" ${tensor})
file(REMOVE_RECURSE ${SCRATCH})
