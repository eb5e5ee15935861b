#include <lossy/harness/cli/kept_file.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <system_error>
#include <utility>

#include <lossy/core/escape.hpp>

namespace lossy {
namespace {

constexpr const char* kForwarding = "forwarding";

// Says it, and gives what is to be said of it in the end.
std::string complain(const std::system_error& error, const char* left, const std::string& goes_on) {
  const std::string failure = escape_controls(error.what()) + "; " + left;
  fmt::print(stderr, "lossy: {}, and {} goes on\n", failure, goes_on);
  return failure;
}

}  // namespace

KeptCapture::KeptCapture(const std::string& path, const RecordingOptions& options,
                         std::string goes_on, Half half)
    : writer_(std::make_unique<RecordingWriter>(path, options)),
      goes_on_(std::move(goes_on)),
      half_(half) {}

template <typename Attempt>
void KeptCapture::attempt(Attempt attempt) {
  if (!writer_) return;
  try {
    attempt();
  } catch (const std::system_error& error) {
    // No disk is to blame for a run that is longer than a capture can be.
    if (error.code() == std::errc::value_too_large) throw;
    const char* const left = keep_what_fitted();
    writer_.reset();
    failure_ = complain(error, left, goes_on_);
  }
}

const char* KeptCapture::keep_what_fitted() {
  if (half_ == Half::kIsDropped) return "the file is left as it was";
  try {
    if (!writer_->is_open()) return "the file is lost";
    writer_->finish();
    return "what fitted is kept";
  } catch (const std::system_error&) {
    return "the file is lost";
  }
}

void KeptCapture::take(const RecordedFrame& recorded) {
  attempt([&] { writer_->take(recorded); });
}

void KeptCapture::add_secrets(std::span<const std::byte> key_log) {
  if (writer_) writer_->add_secrets(key_log);
}

void KeptCapture::flush() {
  attempt([&] { writer_->flush(); });
}

void KeptCapture::finish() {
  attempt([&] { writer_->finish(); });
}

KeptRecording::KeptRecording(const std::string& path, const RecordingOptions& options,
                             RecordingObserver::Fates fates, Duration wall_time_at_start)
    : wall_time_at_start_(wall_time_at_start),
      capture_(path, options, kForwarding),
      observer_(recorder_, fates) {
  recorder_.add(capture_);
}

void KeptRecording::on_offered(Instant now, const Passage& passage, const Offer& offer) {
  observer_.on_offered(now + wall_time_at_start_, passage, offer);
}

void KeptRecording::on_delivered(Instant now, const Passage& passage, const Delivery& delivery) {
  observer_.on_delivered(now + wall_time_at_start_, passage, delivery);
}

void KeptRecording::on_in_flight(Instant now, const Passage& passage, std::uint64_t number) {
  observer_.on_in_flight(now + wall_time_at_start_, passage, number);
}

KeptFaults::KeptFaults(const std::string& path, const std::string& options,
                       const std::string& path_options)
    : saver_(std::make_unique<FaultSaver>(path, options, path_options)) {}

template <typename Attempt>
void KeptFaults::attempt(Attempt attempt) {
  if (!saver_) return;
  try {
    attempt();
  } catch (const std::system_error& error) {
    saver_.reset();
    failure_ = complain(error, "the file is lost", kForwarding);
  }
}

void KeptFaults::on_offered(Instant now, const Passage& passage, const Offer& offer) {
  attempt([&] { saver_->on_offered(now, passage, offer); });
}

void KeptFaults::finish() {
  attempt([&] { saver_->finish(); });
}

}  // namespace lossy
