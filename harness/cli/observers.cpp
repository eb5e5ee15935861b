#include "harness/cli/observers.hpp"

#include <cerrno>
#include <system_error>

#include "harness/link/fault_list.hpp"

namespace lossy {

namespace {

Sighting sighting_of(Instant now, const Passage& passage, PacketType type, std::uint64_t number,
                     std::size_t copy = 0) {
  // Up goes out of the client's host and comes in at the server's; down the other way round.
  const bool at_client =
      (passage.direction == Direction::kUplink) == (type == PacketType::kOutgoing);
  return {.time = now,
          .host = at_client ? RecordedHost::kClient : RecordedHost::kServer,
          .type = type,
          .number = number,
          .source = passage.source,
          .destination = passage.destination,
          .payload = passage.payload,
          .flow = passage.path + 1,
          .copy = copy};
}

}  // namespace

void RecordingObserver::on_offered(Instant now, const Passage& passage, const Offer& offer) {
  Sighting sighting = sighting_of(now, passage, PacketType::kOutgoing, offer.number);
  std::string fate;
  if (fates_ == Fates::kInWords) {
    fate = words_.offered(passage, offer);
    const auto lost = lost_.find({passage.direction, offer.number});
    if (lost != lost_.end()) fate = "lost: " + lost->second;
    sighting.fate = fate;
  }
  recorder_.record(sighting);
}

void RecordingObserver::on_delivered(Instant now, const Passage& passage,
                                     const Delivery& delivery) {
  Sighting sighting =
      sighting_of(now, passage, PacketType::kIncoming, delivery.number, delivery.copy);
  std::string fate;
  if (fates_ == Fates::kInWords) sighting.fate = fate = words_.delivered(passage, delivery);
  recorder_.record(sighting);
}

void RecordingObserver::on_in_flight(Instant now, const Passage& passage, std::uint64_t number) {
  Sighting sighting = sighting_of(now, passage, PacketType::kOutgoing, number);
  sighting.fate = "under way when the recording ended";
  recorder_.note_in_flight(sighting);
}

FaultSaver::FaultSaver(const std::string& path, const std::string& options,
                       const std::string& path_options)
    : file_(path), stream_(fdopen(file_.take_descriptor(), "wb"), std::fclose) {
  if (!stream_) refuse();
  write("# What happened with:" + options +
        "\n# Run it again with --faults=@ and this file's name, the options beside the path's as "
        "they "
        "are," +
        (path_options.empty() ? "\n# and none for the path.\n"
                              : "\n# and for the path:" + path_options + '\n'));
}

void FaultSaver::on_offered(Instant, const Passage& passage, const Offer& offer) {
  if (offer.fate->is_plain()) return;
  write(format_fault(passage.direction, offer.number, *offer.fate, passage.path + 1) + '\n');
}

void FaultSaver::finish() {
  std::FILE* const stream = stream_.release();
  if (std::fclose(stream) != 0) refuse();
  file_.commit();
}

void FaultSaver::write(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stream_.get()) != text.size()) refuse();
}

void FaultSaver::refuse() const {
  throw std::system_error(errno, std::generic_category(), "cannot write '" + file_.path() + "'");
}

}  // namespace lossy
