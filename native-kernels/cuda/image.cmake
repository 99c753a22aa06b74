# Finds nvcc and sets NIBBLE_CUDA_IMAGE to the source file that holds the compiled kernels, or to the one that says that
# there are none. NIBBLE_CUDA=OFF leaves them out.
option(NIBBLE_CUDA "Build kernels for NVIDIA devices when a CUDA compiler is found" ON)

# Which cards machine code is compiled for, the part of the build that takes long (20 s of a core each):
# `all` for what is given to others; `native` for the cards of this machine, often none; or numbers, e.g. "90".
set(NIBBLE_CUDA_ARCHITECTURES native CACHE STRING "all, native, or compute capabilities to compile machine code for")

# Machine code runs on every card of the same major number that is not older; the texts (PTX), which the driver compiles
# at first use, serve what comes after, and the majors in between.
set(machine_codes ${NIBBLE_CUDA_ARCHITECTURES})
set(texts 90 120)
if(NIBBLE_CUDA_ARCHITECTURES STREQUAL "all")
  set(machine_codes 75 80 90 100 120)
elseif(NIBBLE_CUDA_ARCHITECTURES STREQUAL "native")
  # The oldest text runs on every card: what was built without one, or for another, works there as well.
  set(machine_codes)
  set(texts 75)
  find_program(NIBBLE_NVIDIA_SMI nvidia-smi)
  if(NIBBLE_CUDA AND NIBBLE_NVIDIA_SMI)
    # A driver that hangs must not hang the build.
    execute_process(COMMAND ${NIBBLE_NVIDIA_SMI} --query-gpu=compute_cap --format=csv,noheader
                    OUTPUT_VARIABLE cards RESULT_VARIABLE failed ERROR_QUIET TIMEOUT 15)
    if(failed EQUAL 0)
      string(REGEX MATCHALL "[0-9]+\\.[0-9]" machine_codes "${cards}")
      list(TRANSFORM machine_codes REPLACE "\\." "")
      list(REMOVE_DUPLICATES machine_codes)
    endif()
  endif()
endif()

set(NIBBLE_CUDA_IMAGE ${CMAKE_CURRENT_LIST_DIR}/kernels/kernel_image_none.cpp)
if(NIBBLE_CUDA AND NOT APPLE)
  find_program(NIBBLE_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
endif()
if(NIBBLE_NVCC)
  # A compiler knows some of the architectures only; one that does not even start knows none.
  execute_process(COMMAND ${NIBBLE_NVCC} --list-gpu-arch OUTPUT_VARIABLE known ERROR_VARIABLE why RESULT_VARIABLE failed)
  set(targets)
  if(failed EQUAL 0)
    foreach(architecture ${machine_codes})
      if(known MATCHES "compute_${architecture}[^0-9]")
        list(APPEND targets "arch=compute_${architecture},code=sm_${architecture}")
      endif()
    endforeach()
    foreach(architecture ${texts})
      if(known MATCHES "compute_${architecture}[^0-9]")
        list(APPEND targets "arch=compute_${architecture},code=compute_${architecture}")
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
      COMMENT "Compiling the CUDA kernels (machine code: ${machine_codes}; text: ${texts})"
      VERBATIM)
  else()
    message(STATUS "No CUDA kernels: ${NIBBLE_NVCC} compiles for none of ${machine_codes} ${texts} ${why}")
  endif()
elseif(NIBBLE_CUDA)
  message(STATUS "No CUDA kernels: nvcc was not found")
endif()
