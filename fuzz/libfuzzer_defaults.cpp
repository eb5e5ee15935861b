// What AddressSanitizer does in the fuzzers unless ASAN_OPTIONS says otherwise. A run is over in
// microseconds, so memory that it freed need not be kept apart for long, and a few frames of a
// stack tell where memory came from: both cost more time than the code under test.
extern "C" const char* __asan_default_options() {
  return "quarantine_size_mb=8:malloc_context_size=6";
}
