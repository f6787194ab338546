# The CUDA backend wants nvcc, cuDNN's headers and cudnn-frontend's. Nothing of CUDA is
# linked but the static runtime, which looks for the driver when the program runs.
#
# Headers come from the system, from -DCUDNN_INCLUDE_DIR and -DCUDNN_FRONTEND_INCLUDE_DIR, or from
# .venv (pip install nvidia-cudnn-cu13 nvidia-cudnn-frontend).
# OFF until CI builds it: so far only a script on the GPU host has compiled the device code.
set(SLUICE_CUDA OFF CACHE STRING "The CUDA backend: ON, OFF, or AUTO (where it can be built)")
set(SLUICE_HAS_CUDA OFF)
if(SLUICE_CUDA)
    include(CheckLanguage)
    check_language(CUDA)
    file(GLOB sluice_site_packages ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages)
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
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    add_library(sluice_cudnn INTERFACE)
    target_include_directories(sluice_cudnn SYSTEM INTERFACE
        ${CUDNN_INCLUDE_DIR} ${CUDNN_FRONTEND_INCLUDE_DIR})
    # The headers then look cuDNN up by dlsym.
    target_compile_definitions(sluice_cudnn INTERFACE NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING)
endif()
message(STATUS "CUDA backend: ${SLUICE_HAS_CUDA}")
