# What a user gets: the target `product` builds it, `make install` copies it.

include(GNUInstallDirs)

set(sluice_product)
foreach(target sluice gstsluice)
    if(TARGET ${target})
        list(APPEND sluice_product ${target})
    endif()
endforeach()
add_custom_target(product DEPENDS ${sluice_product})

if(TARGET sluice)
    install(TARGETS sluice RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    set_target_properties(sluice PROPERTIES
        INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/sluice/openvino")
endif()
if(TARGET gstsluice)
    install(TARGETS gstsluice LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/gstreamer-1.0)
    set_target_properties(gstsluice PROPERTIES INSTALL_RPATH "$ORIGIN/../sluice/openvino")
    # What programs and model parsers of others include.
    install(FILES src/gst/sluice_meta.h src/gst/sluice_pixels.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sluice/gst)
    install(FILES src/infer/parser_abi.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sluice/infer)
endif()

# OpenVINO lives in .venv; what is installed must outlive that folder, so its libraries come along.
if(TARGET openvino::runtime AND sluice_product)
    get_target_property(sluice_openvino openvino::runtime IMPORTED_LOCATION_RELEASE)
    get_filename_component(sluice_openvino "${sluice_openvino}" DIRECTORY)
    install(DIRECTORY ${sluice_openvino}/ DESTINATION ${CMAKE_INSTALL_LIBDIR}/sluice/openvino
        FILES_MATCHING PATTERN "lib*.so*"
        PATTERN "*_intel_gpu_*" EXCLUDE PATTERN "*_intel_npu_*" EXCLUDE)
endif()
