# The CUDA backend wants nvcc, cuDNN's headers and cudnn-frontend's. Nothing of CUDA is
# linked but the static runtime, which looks for the driver when the program runs.
#
# They come from the system, from -DCUDNN_INCLUDE_DIR and -DCUDNN_FRONTEND_INCLUDE_DIR, or from .venv
# (tools/setup --cuda).
set(SLUICE_CUDA AUTO CACHE STRING "The CUDA backend: ON, OFF, or AUTO (where it can be built)")
set(SLUICE_HAS_CUDA OFF)
if(SLUICE_CUDA)
    include(CheckLanguage)
    file(GLOB sluice_site_packages ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages)
    # The machine's own nvcc comes first: it fits its driver.
    find_program(SLUICE_NVCC nvcc HINTS ENV CUDACXX PATHS /usr/local/cuda/bin
        ${sluice_site_packages}/nvidia/cu13/bin)
    if(SLUICE_NVCC AND NOT CMAKE_CUDA_COMPILER)
        set(CMAKE_CUDA_COMPILER ${SLUICE_NVCC})
    endif()
    check_language(CUDA)
    find_path(CUDNN_INCLUDE_DIR cudnn.h
        HINTS ${sluice_site_packages} PATH_SUFFIXES nvidia/cudnn/include)
    find_path(CUDNN_FRONTEND_INCLUDE_DIR cudnn_frontend.h
        HINTS ${sluice_site_packages} PATH_SUFFIXES include)
    if(CMAKE_CUDA_COMPILER AND CUDNN_INCLUDE_DIR AND CUDNN_FRONTEND_INCLUDE_DIR)
        set(SLUICE_HAS_CUDA ON)
    elseif(NOT SLUICE_CUDA STREQUAL AUTO)
        message(FATAL_ERROR "SLUICE_CUDA is ${SLUICE_CUDA}, but nvcc (${CMAKE_CUDA_COMPILER}), "
            "cudnn.h (${CUDNN_INCLUDE_DIR}) or cudnn_frontend.h (${CUDNN_FRONTEND_INCLUDE_DIR}) "
            "is missing")
    endif()
endif()
if(SLUICE_HAS_CUDA)
    # Machine code for Hopper; Ampere and later get theirs from the driver.
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
        set(CMAKE_CUDA_ARCHITECTURES 80-virtual 90-real)
    endif()
    enable_language(CUDA)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know nvcc's
        set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
        set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
    endif()
    find_package(CUDAToolkit REQUIRED)
    # cudnn-frontend's headers name its types; nothing of it is called.
    find_path(NVRTC_INCLUDE_DIR nvrtc.h REQUIRED
        HINTS ${CUDAToolkit_INCLUDE_DIRS} ${sluice_site_packages}
        PATH_SUFFIXES nvidia/cu13/include)
    add_library(sluice_cudnn INTERFACE)
    target_include_directories(sluice_cudnn SYSTEM INTERFACE
        ${CUDNN_INCLUDE_DIR} ${CUDNN_FRONTEND_INCLUDE_DIR} ${NVRTC_INCLUDE_DIR})
    # The headers then look cuDNN up by dlsym.
    target_compile_definitions(sluice_cudnn INTERFACE NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING)
endif()
message(STATUS "CUDA backend: ${SLUICE_HAS_CUDA}")
# JPEG on the device wants nvJPEG's header too; the library is looked for when the program runs.
set(SLUICE_HAS_NVJPEG OFF)
if(SLUICE_HAS_CUDA)
    find_path(NVJPEG_INCLUDE_DIR nvjpeg.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ${sluice_site_packages}
        PATH_SUFFIXES nvidia/cu13/include)
    if(NVJPEG_INCLUDE_DIR)
        set(SLUICE_HAS_NVJPEG ON)
    endif()
    message(STATUS "nvJPEG: ${SLUICE_HAS_NVJPEG}")
endif()
