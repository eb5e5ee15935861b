// What AddressSanitizer does in the fuzzers unless ASAN_OPTIONS says otherwise. A run is over in
// microseconds, so memory that it freed need not be kept apart for long, and who allocated it can
// be asked when a finding is run again: both cost more time than the code under test.
extern "C" const char* __asan_default_options() {
  return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=2";
}
