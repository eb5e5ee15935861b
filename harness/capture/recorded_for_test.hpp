// Captures made of words, for the tests of what plays them again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/pcap_writer.hpp>
#include <lossy/harness/capture/recorded_flows.hpp>

namespace lossy {

inline const Address kClientForTest = *Address::parse("192.0.2.1:40000");
inline const Address kServerForTest = *Address::parse("192.0.2.2:9999");
inline const Address kClient6ForTest = *Address::parse("[2001:db8::1]:40000");
inline const Address kServer6ForTest = *Address::parse("[2001:db8::2]:9999");

struct SaidForTest {
  bool request = true;
  std::string text;
  Duration at{};  // Since the capture's start, at 1000 s.
  Address client = kClientForTest;
};

inline SaidForTest ask(std::string text, Duration at = {}, Address client = kClientForTest) {
  return {true, std::move(text), at, client};
}
inline SaidForTest reply(std::string text, Duration at = {}, Address client = kClientForTest) {
  return {false, std::move(text), at, client};
}

// What a datagram looks like in a capture of somebody else's. Borrows its text.
inline Frame frame_of(const SaidForTest& said) {
  const Address& server = said.client.is_v6() ? kServer6ForTest : kServerForTest;
  return {.source = said.request ? said.client : server,
          .destination = said.request ? server : said.client,
          .payload = as_bytes(said.text),
          .type = PacketType::kIncoming,
          .interface = 1};
}
Frame frame_of(SaidForTest&&) = delete;

struct SightForTest {
  Frame frame;
  Duration at{};
};

inline void write_capture(const std::string& path, const std::vector<SightForTest>& sights) {
  PcapWriter writer(path);
  std::vector<std::byte> buffer(kFrameBytesMax);
  for (const SightForTest& sight : sights) {
    const std::size_t size = encode_frame(sight.frame, buffer);
    writer.write(Instant(std::chrono::seconds(1000)) + sight.at, std::span(buffer).first(size));
  }
  writer.finish();
}

inline void write_capture(const std::string& path, const std::vector<SaidForTest>& all) {
  std::vector<SightForTest> sights;
  for (const SaidForTest& said : all) sights.push_back({frame_of(said), said.at});
  write_capture(path, sights);
}

// What is read from a capture of these words.
inline RecordedFlows recorded(const std::vector<SaidForTest>& all,
                              const RecordedFlowsOptions& options = {}) {
  const TemporaryFolder folder;
  const std::string path = folder / "said.pcap";
  write_capture(path, all);
  return read_recorded_flows(path, options);
}

}  // namespace lossy
