// LeakSanitizer looks for leaks when a program ends, and knows a library by its place in memory.
// What OpenVINO's front ends keep could not be told from a leak of ours once they were unloaded, so
// libraries stay.
extern "C" __attribute__((visibility("default"))) int dlclose(void*) noexcept {
    return 0;
}
