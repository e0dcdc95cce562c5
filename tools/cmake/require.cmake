# mellow_require(<package> <debian package> [find_package arguments…])
# Finds a package, or stops with the name of the Debian package that brings it.
macro(mellow_require package debian)
  find_package(${package} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "mellow needs ${package}, which was not found. On Debian: apt-get install ${debian}")
  endif()
endmacro()
