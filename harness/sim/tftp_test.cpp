// TFTP over networks of all sorts: whatever happens to datagrams, a file arrives whole or not at
// all.
#include <lossy/core/tftp/client.hpp>
#include <lossy/core/tftp/server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/link_model.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy::tftp {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const Address kClient = Address::v4({192, 0, 2, 1}, 0);
const Address kServer = Address::v4({192, 0, 2, 2}, 69);

std::vector<std::byte> content(std::size_t size, std::uint64_t seed = 1) {
  std::vector<std::byte> bytes(size);
  const RandomStream draws(seed);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(draws.at(i) & 0xff);
  return bytes;
}

// Each message that was sent, as a line.
class Lines final : public Observer {
 public:
  void on_offered(Instant, const Passage& passage, const Offer&) override {
    lines.push_back((passage.direction == Direction::kUplink ? "> " : "< ") +
                    describe(passage.payload));
  }
  std::vector<std::string> lines;
};

struct Pair {
  explicit Pair(const std::string& netem, std::uint64_t seed = 1,
                const ClientOptions& client_options = {}, const ServerOptions& server_options = {})
      : client(with_addresses(client_options)), server(server_options, files) {
    join(make_link(netem, seed, Direction::kUplink), make_link(netem, seed, Direction::kDownlink));
  }
  // 10 ms each way, and these faults.
  Pair(FaultList list, const ClientOptions& client_options = {},
       const ServerOptions& server_options = {})
      : faults(std::move(list)),
        client(with_addresses(client_options)),
        server(server_options, files) {
    const auto link = [&](Direction direction) {
      return Link(LinkOptions{.delay = 10ms}, std::make_unique<ListedFates>(faults, direction));
    };
    join(link(Direction::kUplink), link(Direction::kDownlink));
  }

  void join(Link there, Link back) {
    const HostId asks = simulation.add(client, kClient);
    at_server = simulation.add(server, with_port(kServer, 0));
    simulation.path(asks, at_server, std::move(there), std::move(back));
    simulation.observe(sent);
  }
  static ClientOptions with_addresses(ClientOptions options) {
    options.server = kServer;
    options.local = kClient;
    return options;
  }
  RunEnd run() {
    return simulation.run_until([] { return false; }, Instant::max());
  }
  ClientEvent event() {
    auto event = client.poll_event();
    EXPECT_TRUE(event);
    return event.value_or(ClientEvent{});
  }

  FaultList faults;
  MemoryFiles files;
  Client client;
  Server server;
  Simulation simulation;
  HostId at_server{};
  Lines sent;
};

// The exchange of RFC 1350, datagram by datagram; and with the options of RFC 2348 and 2349.
TEST(Tftp, TransfersAsTheRfcsSay) {
  Pair plain("delay 10ms");
  plain.files.files["readme"] = content(1024);
  plain.client.get("readme");
  plain.client.put("notes", content(3));
  EXPECT_EQ(plain.run(), RunEnd::kIdle);
  EXPECT_THAT(plain.sent.lines,
              ElementsAre("> RRQ \"readme\"", "< DATA 1, 512 bytes", "> ACK 1",
                          "< DATA 2, 512 bytes", "> ACK 2", "< DATA 3, 0 bytes", "> ACK 3",
                          "> WRQ \"notes\"", "< ACK 0", "> DATA 1, 3 bytes", "< ACK 1"));
  const ClientEvent fetched = plain.event();
  EXPECT_EQ(fetched.end, End::kDone);
  EXPECT_EQ(fetched.content, content(1024));
  EXPECT_EQ(fetched.elapsed, 60ms);
  EXPECT_EQ(plain.event().bytes, 3U);
  EXPECT_EQ(plain.files.files["notes"], content(3));
  EXPECT_EQ(plain.server.transfers(), 0U);

  Pair options("delay 10ms", 1,
               {.options = {.block_bytes = 1024, .timeout_seconds = 2, .file_bytes = 0}},
               {.block_bytes_max = 1000});
  options.files.files["readme"] = content(1500);
  options.client.get("readme");
  options.client.put("notes", content(7));
  EXPECT_EQ(options.run(), RunEnd::kIdle);
  EXPECT_THAT(options.sent.lines,
              ElementsAre("> RRQ \"readme\" blksize 1024 timeout 2 tsize 0",
                          "< OACK blksize 1000 timeout 2 tsize 1500", "> ACK 0",
                          "< DATA 1, 1000 bytes", "> ACK 1", "< DATA 2, 500 bytes", "> ACK 2",
                          "> WRQ \"notes\" blksize 1024 timeout 2 tsize 7",
                          "< OACK blksize 1000 timeout 2 tsize 7", "> DATA 1, 7 bytes", "< ACK 1"));
  EXPECT_EQ(options.event().content, content(1500));
  EXPECT_EQ(options.files.files["notes"], content(7));
}

// A hundred files each way, of the sizes where mistakes live, over a network that does everything
// but damage: whoever is done has the file byte by byte, and with attempts enough all are done.
TEST(Tftp, WhatArrivesIsWhatWasSent) {
  const std::vector<std::size_t> sizes{0, 1, 511, 512, 513, 1023, 1024, 1025, 5000, 20'000};
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (const bool asks : {false, true}) {
      SCOPED_TRACE(seed);
      ClientOptions options{.retry = {.attempts_max = 30}};
      if (asks) options.options = {.block_bytes = 700, .file_bytes = 0};
      Pair pair("delay 20ms 15ms loss 10% duplicate 10% hold 5% 50ms", seed, options,
                {.retry = {.attempts_max = 30}});
      for (const std::size_t size : sizes) {
        pair.files.files["get-" + std::to_string(size)] = content(size, size);
        pair.client.get("get-" + std::to_string(size));
        pair.client.put("put-" + std::to_string(size), content(size, size + 1));
      }
      EXPECT_EQ(pair.run(), RunEnd::kIdle);
      for (const std::size_t size : sizes) {
        const ClientEvent fetched = pair.event();
        EXPECT_EQ(fetched.end, End::kDone) << fetched.reason;
        EXPECT_EQ(fetched.content, content(size, size));
        const ClientEvent stored = pair.event();
        EXPECT_EQ(stored.end, End::kDone) << stored.reason;
        EXPECT_EQ(pair.files.files["put-" + std::to_string(size)], content(size, size + 1));
      }
      EXPECT_EQ(pair.server.transfers(), 0U);
      EXPECT_EQ(pair.client.pending(), 0U);
    }
  }
}

// Block numbers have 16 bits, files do not: behind 65,535 comes 0.
TEST(Tftp, BlockNumbersWrap) {
  Pair pair("delay 1us", 1, {.options = {.block_bytes = 8}});
  const std::size_t size = 8 * 70'000 + 3;
  pair.files.files["long"] = content(size);
  pair.client.get("long");
  pair.client.put("back", content(size));
  pair.run();
  EXPECT_EQ(pair.event().content, content(size));
  EXPECT_EQ(pair.event().end, End::kDone);
  EXPECT_EQ(pair.files.files["back"], content(size));
}

// One ACK that is late (RFC 1123 section 4.2.3.1): once has DATA sent again by a timeout, and no
// more; with the bug, all that follows goes twice.
TEST(Tftp, TheSorcererHasNoApprentice) {
  constexpr std::size_t kBlocks = 20;
  // ACK 3 comes when DATA 3 was sent again after 200 ms, min_rto, and before that is acknowledged.
  const FaultList faults = FaultList::parse("uplink.4:deliver+190ms");
  const auto data_sent = [&](bool has_bug) {
    Pair pair(faults, {}, {.answers_every_ack = has_bug});
    pair.files.files["file"] = content(512 * kBlocks - 1);
    pair.client.get("file");
    pair.run();
    EXPECT_EQ(pair.event().content, content(512 * kBlocks - 1));
    std::size_t data = 0;
    for (const std::string& line : pair.sent.lines) data += line.starts_with("< DATA") ? 1 : 0;
    return data;
  };
  EXPECT_EQ(data_sent(false), kBlocks + 1);
  EXPECT_EQ(data_sent(true), 2 * kBlocks - 2) << "from block 3 on each goes twice";
}

// The last ACK may be lost as often as the sender tries: the receiver stays to say it again.
TEST(Tftp, TheLastAckIsSaidAgain) {
  Pair pair(FaultList::parse("uplink.2:drop,uplink.3:drop"));
  pair.files.files["file"] = content(5);
  pair.client.get("file");
  pair.run();
  EXPECT_THAT(pair.sent.lines,
              ElementsAre("> RRQ \"file\"", "< DATA 1, 5 bytes", "> ACK 1", "< DATA 1, 5 bytes",
                          "> ACK 1", "< DATA 1, 5 bytes", "> ACK 1"));
  EXPECT_EQ(pair.server.counters().ended[static_cast<std::size_t>(End::kDone)], 1U);
}

// A request that comes twice begins one transfer; one that comes again when that is over begins
// another, which the client ends with an ERROR.
TEST(Tftp, ARequestBeginsOneTransfer) {
  Pair twice(FaultList::parse("uplink.1:deliver/deliver+5ms"));
  twice.files.files["file"] = content(5);
  twice.client.get("file");
  twice.run();
  EXPECT_EQ(twice.server.counters().requests, 1U);
  EXPECT_EQ(twice.server.counters().repeated, 1U);
  Pair late(FaultList::parse("uplink.1:deliver/deliver+50ms"));
  late.files.files["file"] = content(5);
  late.client.get("file");
  late.run();
  EXPECT_EQ(late.server.counters().requests, 2U);
  EXPECT_EQ(late.event().content, content(5));
  EXPECT_EQ(late.client.poll_event(), std::nullopt);
  EXPECT_EQ(late.server.counters().ended[static_cast<std::size_t>(End::kDone)] +
                late.server.counters().ended[static_cast<std::size_t>(End::kRefused)],
            2U);
}

// netascii is a request by the book, which is refused with a word; rubbish is not answered.
TEST(Tftp, SpeaksOctetOnly) {
  MemoryFiles files;
  Server server(ServerOptions{}, files);
  std::vector<std::byte> buffer(kPayloadBytesMax);
  const auto answer = [&](std::string_view request) {
    server.handle_datagram(Instant{}, {kClient, std::as_bytes(std::span(request)), kServer});
    const auto transmit = server.poll_transmit(Instant{}, buffer);
    return transmit ? describe(std::span(buffer).first(transmit->size)) : std::string("nothing");
  };
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(answer("\0\1a\0netascii\0"sv), "ERROR 0 \"only mode octet is spoken here\"");
  EXPECT_EQ(answer("\0\1a\0octet"sv), "nothing");
}

// A client that hears nothing of it asks on, however long that takes: the transfer that it began
// waits for it.
TEST(Tftp, WaitsAsLongAsItIsAsked) {
  Pair pair(FaultList::parse("downlink.1:drop,downlink.2:drop,downlink.3:drop"),
            {.retry = {.initial_rto = 6s}});
  pair.client.put("file", content(5));
  pair.run();
  EXPECT_EQ(pair.event().ended, Instant{} + 42s + 40ms);  // 6, 12 and 24 s of waiting.
  EXPECT_EQ(pair.server.counters().requests, 1U);
  EXPECT_EQ(pair.server.counters().repeated, 3U);
}

// Each way of ending otherwise, with its reason.
TEST(Tftp, EndsForAReason) {
  Pair none("delay 10ms", 1, {.file_bytes_max = 10}, {.file_bytes_max = 5});
  none.files.files["long"] = content(11);
  none.client.get("nothing");
  none.client.get("long");
  none.client.put("stored", content(6));
  none.run();
  const ClientEvent missing = none.event();
  EXPECT_EQ(missing.end, End::kRefused);
  EXPECT_EQ(missing.reason, "no such file");
  EXPECT_EQ(none.event().end, End::kBroken);
  const ClientEvent stored = none.event();
  EXPECT_EQ(stored.end, End::kRefused);
  EXPECT_EQ(stored.reason, "the file is too long");
  EXPECT_FALSE(none.files.files.contains("stored"));

  // Five attempts, 1 s and then twice as long each time: 31 s.
  Pair silent("loss 100%");
  silent.client.get("file");
  silent.run();
  const ClientEvent gave_up = silent.event();
  EXPECT_EQ(gave_up.end, End::kGaveUp);
  EXPECT_EQ(gave_up.elapsed, 31s);
  EXPECT_EQ(gave_up.counters.sent, 5U);

  Pair closed("delay 10ms", 1, {}, {.port = 70});
  closed.client.get("file");
  closed.run();
  const ClientEvent refused = closed.event();
  EXPECT_EQ(refused.end, End::kRefused);
  EXPECT_EQ(refused.reason, "nobody listens");
  EXPECT_EQ(refused.elapsed, 20ms);
}

// A server that is away for a while is found again; a transfer that it had is lost, and both sides
// end.
TEST(Tftp, SurvivesARestart) {
  Pair pair("delay 10ms");
  MemoryFiles files;
  files.files["file"] = pair.files.files["file"] = content(50'000);
  Server fresh({}, files);
  pair.simulation.at(Instant(500ms), [&] { pair.simulation.down(pair.at_server); });
  pair.simulation.at(Instant(600ms), [&] { pair.simulation.up(pair.at_server, fresh); });
  pair.client.get("file");
  pair.client.get("file");
  pair.run();
  const ClientEvent broken = pair.event();
  EXPECT_NE(broken.end, End::kDone);
  EXPECT_EQ(pair.event().content, content(50'000));
  EXPECT_EQ(pair.client.pending(), 0U);
}

// Many clients at once, some more than the server takes.
TEST(Tftp, ServesManyAtOnce) {
  MemoryFiles files;
  files.files["file"] = content(3000);
  Server server({.transfers_max = 20}, files);
  Simulation simulation;
  const HostId at_server = simulation.add(server, with_port(kServer, 0));
  std::deque<Client> clients;
  for (std::uint8_t i = 0; i < 25; ++i) {
    const Address address = Address::v4({198, 51, 100, i}, 0);
    Client& client = clients.emplace_back(ClientOptions{.server = kServer, .local = address});
    client.get("file");
    simulation.path(simulation.add(client, address), at_server,
                    make_link("delay 10ms", 1, Direction::kUplink, i),
                    make_link("delay 10ms", 1, Direction::kDownlink, i));
  }
  simulation.run_until([] { return false; }, Instant::max());
  int done = 0;
  int refused = 0;
  for (Client& client : clients) {
    const auto event = client.poll_event();
    ASSERT_TRUE(event);
    done += event->content == content(3000) ? 1 : 0;
    refused += event->reason == "too many transfers" ? 1 : 0;
  }
  EXPECT_EQ(done, 20);
  EXPECT_EQ(refused, 5);
}

}  // namespace
}  // namespace lossy::tftp
