# One target per room. A room sees its own headers and those of the rooms in DEPENDS, nothing else:
# its include root is build/rooms/<name>/, where sluice/<name> links to the room's folder.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)

add_library(sluice_options INTERFACE)
# nvcc puts code of its own around ours, which these warnings do not like.
target_compile_options(sluice_options INTERFACE
    $<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-fvisibility=hidden>
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor;-fvisibility-inlines-hidden>
    $<$<AND:$<BOOL:${SLUICE_WERROR}>,$<COMPILE_LANGUAGE:C,CXX>>:-Werror>
    $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-fvisibility=hidden>)
if(SLUICE_SANITIZE)
    target_compile_options(sluice_options INTERFACE
        -fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(sluice_options INTERFACE -fsanitize=${SLUICE_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC bug 105651: "text" + std::string draws this warning at -O3.
    target_compile_options(sluice_options INTERFACE -Wno-restrict)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # Here sources include each other: GCC takes them for headers, and sees the local names of one in the next.
    # The other builds keep these warnings.
    target_compile_options(sluice_options INTERFACE
        $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage;-Wno-shadow>)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    target_compile_options(sluice_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wthread-safety>)
endif()

set(SLUICE_TEST_DATA "${PROJECT_SOURCE_DIR}/../shared/data" CACHE PATH
    "Real clips and ground truth for tests; tests that need it skip where it is absent")

# sluice_room(name HEADERS .. SOURCES .. DEPENDS rooms.. LIBRARIES targets.. TESTS .. BENCHES ..
#             NO_CONVERSION)
#   HEADERS    the room's face, checked to be self-contained
#   LIBRARIES  third parties, private to the room
#   TESTS      gtest sources, built into <name>_test; BENCHES likewise into <name>_bench
function(sluice_room name)
    cmake_parse_arguments(ROOM "NO_CONVERSION" ""
        "HEADERS;SOURCES;DEPENDS;LIBRARIES;TESTS;TEST_LIBRARIES;BENCHES" ${ARGN})
    set(root ${PROJECT_BINARY_DIR}/rooms/${name})
    file(MAKE_DIRECTORY ${root}/sluice)
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/sluice/${name} SYMBOLIC)

    # A room of headers alone still gets a translation unit, so that every room is one kind of target.
    if(NOT ROOM_SOURCES)
        file(WRITE ${PROJECT_BINARY_DIR}/rooms/${name}.cpp "")
        set(ROOM_SOURCES ${PROJECT_BINARY_DIR}/rooms/${name}.cpp)
    endif()
    add_library(sluice_${name} STATIC ${ROOM_SOURCES})
    list(TRANSFORM ROOM_HEADERS PREPEND ${root}/sluice/${name}/)
    target_sources(sluice_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${root}
        FILES ${ROOM_HEADERS})
    target_include_directories(sluice_${name} PUBLIC ${root})
    list(TRANSFORM ROOM_DEPENDS PREPEND sluice_)
    target_link_libraries(sluice_${name} PUBLIC ${ROOM_DEPENDS} fmt::fmt Threads::Threads
        PRIVATE ${ROOM_LIBRARIES} sluice_options)
    if(NOT ROOM_NO_CONVERSION)
        target_compile_options(sluice_${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wconversion>)
    endif()

    if(SLUICE_TESTS AND ROOM_TESTS)
        sluice_test(${name}_test SOURCES ${ROOM_TESTS} LIBRARIES sluice_${name} ${ROOM_TEST_LIBRARIES})
    endif()
    if(SLUICE_BENCH AND ROOM_BENCHES)
        find_package(benchmark REQUIRED)
        add_executable(${name}_bench ${ROOM_BENCHES})
        set_target_properties(${name}_bench PROPERTIES
            RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
        target_link_libraries(${name}_bench PRIVATE sluice_${name} ${ROOM_TEST_LIBRARIES}
            sluice_options benchmark::benchmark_main)
    endif()
endfunction()

# sluice_test(name SOURCES .. LIBRARIES ..): one gtest program, known to ctest.
function(sluice_test name)
    cmake_parse_arguments(TEST "" "" "SOURCES;LIBRARIES" ${ARGN})
    find_package(GTest REQUIRED)
    add_executable(${name} ${TEST_SOURCES})
    # UNITY_BUILD: of tests, unlike rooms, most of the time goes into their own code, so they gain little by it. -O1
    # instead of a release's -O3 saves 40 % of it.
    set_target_properties(${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests UNITY_BUILD OFF)
    target_compile_options(${name} PRIVATE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-O1>)
    target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} sluice_options GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name} PRIVATE
        SLUICE_TEST_DATA="${SLUICE_TEST_DATA}" SLUICE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    if(SLUICE_SANITIZE MATCHES address)
        target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/asan/keep_loaded.cpp)
    endif()
    add_test(NAME ${name} COMMAND ${name})
endfunction()
