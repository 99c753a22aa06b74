# Finds nvcc and sets NIBBLE_CUDA_IMAGE to the source file that holds the compiled kernels, or to the one that says that
# there are none. NIBBLE_CUDA=OFF leaves them out; NIBBLE_CUDA_ARCHITECTURES="90" builds for one card only.
option(NIBBLE_CUDA "Build kernels for NVIDIA devices when a CUDA compiler is found" ON)

# Machine code runs on every card of the same major number that is not older; the texts (PTX), which the driver compiles
# at first use, serve what comes after, and the majors in between.
set(NIBBLE_CUDA_ARCHITECTURES 75 80 90 100 120 CACHE STRING "Compute capabilities to compile machine code for")
set(NIBBLE_CUDA_TEXTS 90 120)

set(NIBBLE_CUDA_IMAGE ${CMAKE_CURRENT_LIST_DIR}/kernels/kernel_image_none.cpp)
if(NIBBLE_CUDA AND NOT APPLE)
  find_program(NIBBLE_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
endif()
if(NIBBLE_NVCC)
  # A compiler knows some of the architectures only; one that does not even start knows none.
  execute_process(COMMAND ${NIBBLE_NVCC} --list-gpu-arch OUTPUT_VARIABLE known ERROR_VARIABLE why RESULT_VARIABLE failed)
  set(targets)
  if(NOT failed)
    foreach(architecture ${NIBBLE_CUDA_ARCHITECTURES})
      if(known MATCHES "compute_${architecture}[^0-9]")
        if(architecture IN_LIST NIBBLE_CUDA_TEXTS)
          list(APPEND targets "arch=compute_${architecture},code=[sm_${architecture},compute_${architecture}]")
        else()
          list(APPEND targets "arch=compute_${architecture},code=sm_${architecture}")
        endif()
      endif()
    endforeach()
  endif()
  if(targets)
    set(NIBBLE_CUDA_IMAGE ${CMAKE_CURRENT_BINARY_DIR}/kernel_image.cpp)
    file(GLOB kernel_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/kernels/*)
    add_custom_command(
      OUTPUT ${NIBBLE_CUDA_IMAGE}
      COMMAND ${CMAKE_COMMAND} -DNVCC=${NIBBLE_NVCC} "-DTARGETS=${targets}"
              -DSOURCE=${CMAKE_CURRENT_LIST_DIR}/kernels/kernels.cu -DOUTPUT=${NIBBLE_CUDA_IMAGE}
              -DINSTEAD=${CMAKE_CURRENT_LIST_DIR}/kernels/kernel_image_none.cpp
              -P ${CMAKE_CURRENT_LIST_DIR}/compile_image.cmake
      DEPENDS ${kernel_files} ${CMAKE_CURRENT_LIST_DIR}/compile_image.cmake
      COMMENT "Compiling the CUDA kernels (${NIBBLE_CUDA_ARCHITECTURES})"
      VERBATIM)
  else()
    message(STATUS "No CUDA kernels: ${NIBBLE_NVCC} compiles for none of ${NIBBLE_CUDA_ARCHITECTURES} ${why}")
  endif()
elseif(NIBBLE_CUDA)
  message(STATUS "No CUDA kernels: nvcc was not found")
endif()
