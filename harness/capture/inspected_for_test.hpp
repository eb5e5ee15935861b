// Captures as an Inspector sees them, for tests of what it tells.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <lossy/harness/capture/frame_for_test.hpp>
#include <lossy/harness/capture/inspector.hpp>
#include <lossy/harness/capture/recorder.hpp>

namespace lossy {

using namespace std::chrono_literals;

inline const Address kClient = *Address::parse("192.0.2.1:40000");
inline const Address kServer = *Address::parse("192.0.2.2:9999");

// Inspects frames of LINUX_SLL2 as they come.
class Inspected final : public FrameSink {
 public:
  explicit Inspected(const InspectOptions& options = {}) : inspector(options) {}

  void write(Instant time, std::span<const std::byte> bytes) override {
    write(time, bytes, kLinkTypeLinuxSll2);
  }
  void write(Instant time, std::span<const std::byte> bytes, int link_type, bool inner = false) {
    const CaptureRecord record{.number = ++records_,
                               .time = time,
                               .frame = bytes,
                               .original_bytes = bytes.size(),
                               .link_type = link_type,
                               .inner = inner};
    const auto decoded = inspector.decode(record);
    shown = inspector.add(record, decoded).has_value();
  }
  void finish() override {}

  // A datagram as one host's capture shows it.
  void see(const Address& source, const Address& destination, std::string_view payload,
           Duration at = 0s, PacketType type = PacketType::kIncoming, std::uint32_t interface = 1,
           std::uint32_t identification = 0) {
    Frame frame;
    frame.source = source;
    frame.destination = destination;
    frame.payload = std::as_bytes(std::span(payload));
    frame.type = type;
    frame.interface = interface;
    frame.identification = identification;
    std::vector<std::byte> buffer(kFrameBytesMax);
    buffer.resize(encode_frame(frame, buffer));
    write(Instant(at), buffer);
  }

  Inspector inspector;
  bool shown = false;

 private:
  std::uint64_t records_ = 0;
};

}  // namespace lossy
