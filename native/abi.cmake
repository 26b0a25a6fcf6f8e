# The version of the C interface: the first 60 bits of a hash of the header's declarations, comments and spacing left out.
# Included by CMakeLists.txt, which compiles it in; alone, it writes the number that the bindings expect:
#   cmake -P native/abi.cmake
function(headwater_abi header result)
  file(READ ${header} text)
  string(REGEX REPLACE "/[*]([^*]|[*]+[^*/])*[*]+/" "" text "${text}")
  string(REGEX REPLACE "[ \t\r\n\\]+" "" text "${text}")
  string(SHA256 hash "${text}")
  string(SUBSTRING ${hash} 0 15 hash)
  set(${result} 0x${hash} PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  headwater_abi(${CMAKE_CURRENT_LIST_DIR}/include/headwater/kernels.h abi)
  file(WRITE ${CMAKE_CURRENT_LIST_DIR}/../bindings/src/generated/resources/dev/headwater/bindings/kernels/abi "${abi}\n")
  message(STATUS "${abi}")
endif()
