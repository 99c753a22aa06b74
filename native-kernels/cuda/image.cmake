# Finds nvcc and sets NIBBLE_CUDA_IMAGES to the source files that hold the compiled kernels, or to those that say that
# there are none. NIBBLE_CUDA=OFF leaves them out.
option(NIBBLE_CUDA "Build kernels for NVIDIA devices when a CUDA compiler is found" ON)

# Which cards machine code is compiled for, the part of the build that takes long (some 20 s of a core each):
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

if(NIBBLE_CUDA AND NOT APPLE)
  find_program(NIBBLE_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
endif()
if(NIBBLE_NVCC)
  # A compiler knows some of the architectures only; one that does not even start knows none.
  execute_process(COMMAND ${NIBBLE_NVCC} --list-gpu-arch OUTPUT_VARIABLE known ERROR_VARIABLE why RESULT_VARIABLE failed)
  if(NOT failed EQUAL 0)
    set(known "")
    message(STATUS "No CUDA kernels: ${NIBBLE_NVCC} fails: ${why}")
  endif()
elseif(NIBBLE_CUDA)
  message(STATUS "No CUDA kernels: nvcc was not found")
endif()

# Compiles `source` into an image that `function` (declared in `header`) returns; without a compiler FUNCTION_none.cpp
# beside the source stands in. Adds the source file that results to NIBBLE_CUDA_IMAGES.
set(NIBBLE_CUDA_IMAGES)
function(nibble_cuda_image source header function texts flags)
  get_filename_component(folder ${source} DIRECTORY)
  set(image ${folder}/${function}_none.cpp)
  set(targets)
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
  if(targets)
    set(instead ${image})
    set(image ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
    file(GLOB kernel_files CONFIGURE_DEPENDS ${folder}/*)
    add_custom_command(
      OUTPUT ${image}
      COMMAND ${CMAKE_COMMAND} -DNVCC=${NIBBLE_NVCC} "-DTARGETS=${targets}" "-DFLAGS=${flags}" -DSOURCE=${source}
              -DOUTPUT=${image} -DINSTEAD=${instead} -DHEADER=${header} -DFUNCTION=${function}
              -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/compile_image.cmake
      DEPENDS ${kernel_files} ${CMAKE_CURRENT_SOURCE_DIR}/formats.def ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/compile_image.cmake
      COMMENT "Compiling ${source} (machine code: ${machine_codes}; text: ${texts})"
      VERBATIM)
  elseif(known)
    message(STATUS "No CUDA kernels: ${NIBBLE_NVCC} compiles for none of ${machine_codes} ${texts}")
  endif()
  set(NIBBLE_CUDA_IMAGES ${NIBBLE_CUDA_IMAGES} ${image} PARENT_SCOPE)
endfunction()

# --fmad=false: the bits of a quantizer depend on every rounding.
nibble_cuda_image(${CMAKE_CURRENT_LIST_DIR}/kernels/kernels.cu cuda/kernel_image.h kernel_image "${texts}" --fmad=false)
# The decoder's kernels use what came after the oldest text: tensor cores with longer products, copies that run ahead.
set(decoder_texts 80 90 ${texts})
list(REMOVE_DUPLICATES decoder_texts)
nibble_cuda_image(${CMAKE_CURRENT_LIST_DIR}/decoder/kernels/decoder_kernels.cu cuda/decoder/decoder_image.h decoder_image
                  "${decoder_texts}" "")
