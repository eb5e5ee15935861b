#include "harness/cli/kept_file.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <system_error>

#include "core/escape.hpp"

namespace lossy {

template <typename Attempt>
void KeptFile::attempt(Attempt attempt) {
  if (failed_) return;
  try {
    attempt();
  } catch (const std::system_error& error) {
    failed_ = true;
    discard();
    fmt::print(stderr, "lossy: {}; nothing more is written there, and forwarding goes on\n",
               escape_controls(error.what()));
  }
}

void KeptFile::on_offered(Instant now, const Passage& passage, const Offer& offer) {
  attempt([&] { note_offered(now, passage, offer); });
}

void KeptFile::on_delivered(Instant now, const Passage& passage, const Delivery& delivery) {
  attempt([&] { note_delivered(now, passage, delivery); });
}

void KeptFile::finish() {
  attempt([&] { close(); });
}

KeptRecording::KeptRecording(const std::string& path, Duration wall_time_at_start)
    : wall_time_at_start_(wall_time_at_start), writer_(std::make_unique<PcapWriter>(path)) {
  recorder_.add(*writer_);
}

void KeptRecording::note_offered(Instant now, const Passage& passage, const Offer& offer) {
  observer_.on_offered(now + wall_time_at_start_, passage, offer);
}

void KeptRecording::note_delivered(Instant now, const Passage& passage, const Delivery& delivery) {
  observer_.on_delivered(now + wall_time_at_start_, passage, delivery);
}

void KeptRecording::close() {
  recorder_.finish();
}

KeptFaults::KeptFaults(const std::string& path, const std::string& command,
                       const std::string& path_options)
    : saver_(std::make_unique<FaultSaver>(path, command, path_options)) {}

void KeptFaults::note_offered(Instant now, const Passage& passage, const Offer& offer) {
  saver_->on_offered(now, passage, offer);
}

}  // namespace lossy
