# Builds for Linux on arm64 elsewhere, and runs what has been built under emulation: -DCMAKE_TOOLCHAIN_FILE=native/linux-arm64.cmake.
# Debian's g++-aarch64-linux-gnu and qemu-user-static, or another compiler of that name.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
find_program(HEADWATER_EMULATOR NAMES qemu-aarch64-static qemu-aarch64)
if(HEADWATER_EMULATOR)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${HEADWATER_EMULATOR} -L /usr/aarch64-linux-gnu)
endif()
