#include <lossy/harness/report/recording_observer.hpp>

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
    const auto lost = lost_.find({passage.path, passage.direction, offer.number});
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

void LossWatcher::on_lost(Instant /*now*/, const Passage& passage, std::uint64_t number,
                          std::string_view why) {
  const std::tuple datagram{passage.path, passage.direction, number};
  if (!arrived_.contains(datagram)) lost_.try_emplace(datagram, why);
}

void LossWatcher::on_delivered(Instant /*now*/, const Passage& passage, const Delivery& delivery) {
  const std::tuple datagram{passage.path, passage.direction, delivery.number};
  arrived_.insert(datagram);
  lost_.erase(datagram);
}

}  // namespace lossy
