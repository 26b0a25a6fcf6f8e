# libheadwater.so: include/headwater.h for hosts in C, C++ and whatever calls C. It needs nothing but the C library: Java is found and
# opened when it is first called. `cmake --install BUILD --component host` puts library, header, headwater.pc and CMake's package under a
# prefix.

# Any JDK's jni.h will do: the interface has been the same for decades.
set(jdks $ENV{JAVA_HOME})
find_program(HEADWATER_JAVAC javac)
if(HEADWATER_JAVAC)
  file(REAL_PATH ${HEADWATER_JAVAC} javac)
  get_filename_component(jdk ${javac}/../.. ABSOLUTE)
  list(APPEND jdks ${jdk})
endif()
file(GLOB installed /usr/lib/jvm/* $ENV{HOME}/.sdkman/candidates/java/* $ENV{HOME}/.jdks/* /opt/* /usr/java/* /usr/local/java/*
     /Library/Java/JavaVirtualMachines/*/Contents/Home)
list(APPEND jdks ${installed})
list(TRANSFORM jdks APPEND /include)
find_path(HEADWATER_JNI jni.h HINTS ${jdks})
if(NOT HEADWATER_JNI)
  message(FATAL_ERROR "no jni.h found (looked at JAVA_HOME, javac on the PATH, /usr/lib/jvm, ~/.sdkman, ~/.jdks, /opt); install a JDK")
endif()

add_library(headwater SHARED src/host/api.cpp src/host/find.cpp src/host/machine.cpp src/host/tensors.cpp)
target_include_directories(headwater PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
# Its jni_md.h is the same for every processor.
string(TOLOWER ${CMAKE_SYSTEM_NAME} system)
target_include_directories(headwater SYSTEM PRIVATE ${HEADWATER_JNI} ${HEADWATER_JNI}/${system})
target_link_libraries(headwater PRIVATE $<BUILD_INTERFACE:headwater_options> ${CMAKE_DL_LIBS})
find_package(Threads REQUIRED)
target_link_libraries(headwater PRIVATE $<BUILD_INTERFACE:Threads::Threads>)
target_compile_options(headwater PRIVATE -O2)
# Its C++ library stays its own, whatever the host's is; what of that is not called goes, and with it what asks for a newer C library.
# It stays where it is until the process ends: the Java machine knows functions of it.
if(NOT APPLE)
  target_link_options(headwater PRIVATE -Wl,--no-undefined -Wl,--as-needed -Wl,--gc-sections -Wl,-z,nodelete
                      -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/host/exports.map)
  set_target_properties(headwater PROPERTIES LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/host/exports.map)
endif()
if(NOT HEADWATER_SANITIZE AND NOT APPLE)
  target_link_options(headwater PRIVATE -static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL)
endif()
if(HEADWATER_HOST_OUTPUT)
  set_target_properties(headwater PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${HEADWATER_HOST_OUTPUT})
endif()
# Whoever builds the kernels alone, as the launcher does, gets this too.
add_dependencies(headwater_kernels headwater)

set(HEADWATER_HOST_API 1)
configure_file(host/headwater.pc.in headwater.pc @ONLY)
install(TARGETS headwater EXPORT headwater LIBRARY DESTINATION lib COMPONENT host)
install(FILES include/headwater.h include/headwater_arrays.h DESTINATION include COMPONENT host)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/headwater.pc DESTINATION lib/pkgconfig COMPONENT host)
install(EXPORT headwater FILE headwater-config.cmake NAMESPACE headwater:: DESTINATION lib/cmake/headwater COMPONENT host)
