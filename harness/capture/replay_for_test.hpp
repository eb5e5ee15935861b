// What the tests of replaying share: records that can be changed before they are written, and
// conversations to record.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/pcap_writer.hpp>
#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/capture/replay.hpp>

namespace lossy {

using namespace std::chrono_literals;

struct Record {
  Instant time;
  std::vector<std::byte> frame;
};

inline Frame frame_of(const Record& record) {
  return std::get<Frame>(decode_frame(kLinkTypeLinuxSll2, record.frame, record.frame.size()));
}

// Keeps what is recorded, so that a test can change it before it is written.
class Memory final : public FrameSink {
 public:
  void write(Instant time, std::span<const std::byte> frame) override {
    records.push_back({time, {frame.begin(), frame.end()}});
  }
  void finish() override {}
  std::vector<Record> records;
};

inline void save(const std::vector<Record>& records, const std::string& path) {
  std::filesystem::remove(path);
  PcapWriter writer(path);
  for (const Record& record : records) writer.write(record.time, record.frame);
  writer.finish();
}

// Encodes the frame again after a change, with checksums that fit.
inline void change(Record& record, const std::function<void(Frame&)>& edit) {
  const Record before = record;
  Frame frame = frame_of(before);
  edit(frame);
  record.frame.resize(kFrameBytesMax);
  record.frame.resize(encode_frame(frame, record.frame));
}

// A client and a server, 2 ms from each other, whose datagrams get lost as `lost` says: "up2" is
// the second that the client sends. In real time everything happens `late`, and so it is marked.
class Conversation {
 public:
  explicit Conversation(bool v6 = false, std::set<std::string> lost = {}, Duration late = 0ns)
      : client_address_(*Address::parse(v6 ? "[2001:db8::1]:40000" : "192.0.2.1:40000")),
        server_address_(*Address::parse(v6 ? "[2001:db8::2]:9999" : "192.0.2.2:9999")),
        lost_(std::move(lost)),
        late_(late),
        recorder_(late > 0ns ? kClockMark : kRecordingMark) {}

  Greeter greeter(Duration initial_rto = 100ms) const {
    GreeterOptions options;
    options.client.server = server_address_;
    options.client.retry.initial_rto = initial_rto;
    options.client.retry.attempts_max = 3;
    return Greeter(options, Names({"Michael", "Tracy", "Sarah"}));
  }

  std::vector<Record> record() {
    Memory memory;
    recorder_.add(memory);
    Greeter client = greeter();
    Server server;
    while (!in_flight_.empty() || client.poll_timeout()) {
      const bool deliver =
          !in_flight_.empty() &&
          (!client.poll_timeout() || in_flight_.front().due <= *client.poll_timeout());
      if (deliver) {
        const InFlight copy = in_flight_.front();
        in_flight_.pop_front();
        now_ = std::max(now_, copy.due) + late_;
        see(copy.uplink ? RecordedHost::kServer : RecordedHost::kClient, PacketType::kIncoming,
            copy.uplink, copy.number, copy.payload);
        const Datagram datagram{copy.uplink ? client_address_ : server_address_, copy.payload};
        Endpoint& endpoint = copy.uplink ? static_cast<Endpoint&>(server) : client;
        endpoint.handle_datagram(now_, datagram);
      } else {
        now_ = std::max(now_, *client.poll_timeout()) + late_;
        client.handle_timeout(now_);
      }
      drain(client, true);
      drain(server, false);
    }
    return memory.records;
  }

 private:
  struct InFlight {
    Instant due;
    bool uplink = false;
    std::uint64_t number = 0;
    std::vector<std::byte> payload;
  };

  void drain(Endpoint& endpoint, bool uplink) {
    std::vector<std::byte> buffer(kPayloadBytesMax);
    while (const auto transmit = endpoint.poll_transmit(now_, buffer)) {
      const std::uint64_t number = ++sent_[uplink ? 1 : 0];
      const auto payload = std::span(buffer).first(transmit->size);
      see(uplink ? RecordedHost::kClient : RecordedHost::kServer, PacketType::kOutgoing, uplink,
          number, payload);
      if (lost_.contains((uplink ? "up" : "down") + std::to_string(number))) continue;
      in_flight_.push_back({now_ + 2ms, uplink, number, {payload.begin(), payload.end()}});
    }
  }

  void see(RecordedHost host, PacketType type, bool uplink, std::uint64_t number,
           std::span<const std::byte> payload) {
    recorder_.record({now_, host, type, number, uplink ? client_address_ : server_address_,
                      uplink ? server_address_ : client_address_, payload});
  }

  Address client_address_;
  Address server_address_;
  std::set<std::string> lost_;
  Duration late_;
  Recorder recorder_;
  std::deque<InFlight> in_flight_;
  std::uint64_t sent_[2] = {};
  Instant now_{};
};

}  // namespace lossy
