# Tests tools/gpu_check.sh without a GPU. Run: cmake -D ROOT=<source folder> -D SCRATCH=<folder> -P tests/gpu_check.cmake
# With no GPU it must say so in valid JSON and exit with 1; with stand-ins for the GPU and the programs it must run every
# step, record the one that fails and go on.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${SCRATCH})
file(MAKE_DIRECTORY ${SCRATCH})

function(expect_equal what got expected)
  if(NOT "${got}" STREQUAL "${expected}")
    message(FATAL_ERROR "${what} is \"${got}\", not \"${expected}\"")
  endif()
endfunction()

# program(<path> <line of bash>…)
function(program path)
  list(JOIN ARGN "\n" body)
  file(WRITE ${path} "#!/usr/bin/env bash\n${body}\n")
  file(CHMOD ${path} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endfunction()

# Sets code and report (the JSON) in the caller.
function(gpu_check)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env PATH=${SCRATCH}/path:$ENV{PATH} MELLOW_PYTHON=${SCRATCH}/path/no-torch
                          ${ROOT}/tools/gpu_check.sh --out ${SCRATCH}/report.json ${ARGN}
                  RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  file(READ ${SCRATCH}/report.json text)
  message(STATUS "${said}")
  set(code ${result} PARENT_SCOPE)
  set(report "${text}" PARENT_SCOPE)
endfunction()

# No GPU. The first nvidia-smi on the path lists none, whatever this machine has.
program(${SCRATCH}/path/nvidia-smi "exit 9")
program(${SCRATCH}/path/no-torch "exit 1")
gpu_check()
expect_equal("the exit code without a GPU" "${code}" 1)
string(JSON error GET "${report}" error)
if(NOT error MATCHES "no GPU")
  message(FATAL_ERROR "the error is \"${error}\"")
endif()
string(JSON passed GET "${report}" passed)
expect_equal("passed without a GPU" "${passed}" OFF)
string(JSON steps LENGTH "${report}" steps)
expect_equal("the number of steps without a GPU" "${steps}" 0)

# Stand-ins: the tests fail with quotes, tabs and backslashes in what they say; the second benchmark run has a wrong answer.
program(${SCRATCH}/path/nvidia-smi [==[if [[ $1 == -L ]]; then echo "GPU 0: pretended"; else echo "pretended"; fi]==])
program(${SCRATCH}/path/compute-sanitizer [==[echo "checked with $2"]==])
program(${SCRATCH}/binaries/mellow [==[if [[ $1 == info ]]; then echo "mellow 0"; else echo '{"hours": 2}'; fi]==])
program(${SCRATCH}/binaries/mellow_tests [==[printf 'wrong: "a\\b"\t%s\n' "$MELLOW_DEVICE"]==] "exit 3")
program(${SCRATCH}/binaries/mellow_bench
        [==[echo "{\"benchmarks\": [{\"error_occurred\": ${wrong:-false}}]}" >"${1#--benchmark_out=}"]==])
gpu_check(--binaries ${SCRATCH}/binaries)
expect_equal("the exit code with a failed step" "${code}" 1)
string(JSON device GET "${report}" device)
expect_equal("the device" "${device}" pretended)
string(JSON note GET "${report}" steps 0 note)
if(NOT note MATCHES "exit 3" OR NOT note MATCHES "wrong: \"a\\\\b\"\tcuda")
  message(FATAL_ERROR "the note of the tests is \"${note}\"")
endif()
set(expected tests=failed memcheck=passed racecheck=passed initcheck=passed synccheck=passed benchmarks=passed estimate=passed
             peer=skipped)
set(got "")
string(JSON steps LENGTH "${report}" steps)
math(EXPR last "${steps} - 1")
foreach(i RANGE ${last})
  string(JSON name GET "${report}" steps ${i} name)
  string(JSON status GET "${report}" steps ${i} status)
  list(APPEND got ${name}=${status})
endforeach()
expect_equal("what became of the steps" "${got}" "${expected}")
string(JSON hours GET "${report}" steps 6 figures hours)
expect_equal("the figures of estimate" "${hours}" 2)

# Only what is asked for; all passed.
gpu_check(--binaries ${SCRATCH}/binaries --steps benchmarks,estimate)
expect_equal("the exit code with all passed" "${code}" 0)
string(JSON steps LENGTH "${report}" steps)
expect_equal("the number of steps asked for" "${steps}" 2)
string(JSON passed GET "${report}" passed)
expect_equal("passed" "${passed}" ON)

# A benchmark's wrong answer is a failure although its program ends with 0.
set(ENV{wrong} true)
gpu_check(--binaries ${SCRATCH}/binaries --steps benchmarks)
expect_equal("the exit code with a wrong answer" "${code}" 1)

execute_process(COMMAND ${ROOT}/tools/gpu_check.sh --steps none RESULT_VARIABLE code OUTPUT_QUIET ERROR_QUIET)
expect_equal("the exit code for an unknown step" "${code}" 2)
