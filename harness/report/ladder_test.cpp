#include <lossy/harness/report/ladder.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/link/fault_list.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// A file that is gone when the test is over, and what was printed to it.
class Printed {
 public:
  Printed() : file_(std::tmpfile(), std::fclose) {
    if (!file_) throw std::runtime_error("no temporary file");
  }
  std::FILE* file() const { return file_.get(); }
  std::string text() const {
    std::rewind(file());
    std::string text;
    for (int c = std::fgetc(file()); c != EOF; c = std::fgetc(file())) {
      text += static_cast<char>(c);
    }
    return text;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

// The ladder of greetings with these faults, as `lossy simulate --trace` prints it.
std::string ladder_of(const std::string& faults, std::vector<std::string> names,
                      const LinkOptions& uplink, const LinkOptions& downlink,
                      int attempts_max = 5) {
  const Address client = Address::v4({192, 0, 2, 1}, 40'000);
  const Address server_address = Address::v4({192, 0, 2, 2}, 9999);
  const Printed printed;
  Ladder ladder(printed.file());
  Greeter greeter({.client = {.server = server_address, .retry = {.attempts_max = attempts_max}}},
                  Names(std::move(names)),
                  [&ladder](const ClientEvent& event) { ladder.on_event(told(event)); });
  Server server;
  const FaultList list = FaultList::parse(faults);
  Simulation simulation;
  simulation.add(greeter, client);
  simulation.add(server, server_address);
  simulation.observe(ladder);
  simulation.path(simulation.host_at(client), simulation.host_at(server_address),
                  Link(uplink, std::make_unique<ListedFates>(list, Direction::kUplink)),
                  Link(downlink, std::make_unique<ListedFates>(list, Direction::kDownlink)));
  EXPECT_EQ(simulation.run_until([] { return false; }, Instant::max()), RunEnd::kIdle);
  return printed.text();
}

std::string ladder_of(const std::string& faults, std::vector<std::string> names,
                      int attempts_max = 5) {
  return ladder_of(faults, std::move(names), {.delay = 10ms}, {.delay = 10ms}, attempts_max);
}

// One line an event: who sent what when, what became of it and why, and how each greeting ended.
TEST(Ladder, ShowsALoss) {
  EXPECT_EQ('\n' + ladder_of("uplink.1:drop", {"Michael"}), R"(
        0.000 ms  |-----x         |  uplink.1     "Michael"  lost: drop
     1000.000 ms  |----->         |  uplink.2     "Michael"
     1010.000 ms  |         ----->|  uplink.2     "Michael"  after 10ms
     1010.000 ms  |         <-----|  downlink.1   "Hello, Michael!"
     1020.000 ms  |<-----         |  downlink.1   "Hello, Michael!"  after 10ms
     1020.000 ms  *                  Michael is greeted: 2 attempts, 1.02s
)");
}

// A loss on the way back is shown on that side, and giving up is said.
TEST(Ladder, ShowsGivingUp) {
  EXPECT_EQ('\n' + ladder_of("downlink.1:drop,uplink.2:drop", {"Tracy"}, 2), R"(
        0.000 ms  |----->         |  uplink.1     "Tracy"
       10.000 ms  |         ----->|  uplink.1     "Tracy"  after 10ms
       10.000 ms  |         x-----|  downlink.1   "Hello, Tracy!"  lost: drop
     1000.000 ms  |-----x         |  uplink.2     "Tracy"  lost: drop
     3000.000 ms  *                  Tracy is given up: 2 attempts, 3s
)");
}

// Copies, delays and flipped bits are said when they are decided, and seen when they arrive.
TEST(Ladder, ShowsDuplicatesReorderingAndCorruption) {
  EXPECT_EQ('\n' + ladder_of("uplink.1:deliver^3/deliver+5ms,downlink.2:deliver-9.5ms,"
                             "downlink.1:hold+1.234567ms",
                             {"Michael"}),
            R"(
        0.000 ms  |----->         |  uplink.1     "Michael"  2 copies: bit 3 flipped; late by 5ms
       10.000 ms  |         ----->|  uplink.1     "Eichael"  after 10ms, corrupted
       10.000 ms  |         <-----|  downlink.1   "Hello, Eichael!"  held back 1.234567ms
       15.000 ms  |         ----->|  uplink.1     "Michael"  after 15ms, a duplicate
       15.000 ms  |         <-----|  downlink.2   "Hello, Michael!"  early by 9.5ms
       15.500 ms  |<-----         |  downlink.2   "Hello, Michael!"  after 500us
       15.500 ms  *                  Michael is greeted: 1 attempt, 15.5ms
       21.234 ms  |<-----         |  downlink.1   "Hello, Eichael!"  after 11.234567ms, reordered: a later one came first
)");
}

// What a full queue drops is lost for that reason, and of copies it is said how many.
TEST(Ladder, ShowsWhatTheQueueDrops) {
  const LinkOptions slow{.rate = {.bits_per_second = 8000}, .queue_datagrams_max = 0};
  EXPECT_EQ('\n' + ladder_of("uplink.1:duplicate,downlink.1:duplicate", {"Michael"}, {}, slow), R"(
        0.000 ms  |----->         |  uplink.1     "Michael"  2 copies
        0.000 ms  |         ----->|  uplink.1     "Michael"  after 0s
        0.000 ms  |         <-----|  downlink.1   "Hello, Michael!"  2 copies, 1 lost: queue
        0.000 ms  |         ----->|  uplink.1     "Michael"  after 0s, a duplicate
        0.000 ms  |         x-----|  downlink.2   "Hello, Michael!"  lost: queue
       43.000 ms  |<-----         |  downlink.1   "Hello, Michael!"  after 43ms
       43.000 ms  *                  Michael is greeted: 1 attempt, 43ms
)");
}

// Names may hold anything that UTF-8 can say: no line feed starts a line, and no escape code
// reaches the terminal.
TEST(Ladder, NamesAreHarmless) {
  const std::string text =
      ladder_of("uplink.9:drop", {"\x1b[31mred\x1b[0m", "two\nlines\r\t\\", "J\xc3\xb6rg",
                                  "\xe2\x80\xaeltr", std::string("nul\0!", 5)});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5 * 5);
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_NE(text.find("\"\\x1b[31mred\\x1b[0m\""), std::string::npos);
  EXPECT_NE(text.find("\\x1b[31mred\\x1b[0m is greeted"), std::string::npos);
  EXPECT_NE(text.find("\"Hello, two\\nlines\\r\\t\\\\!\""), std::string::npos);
  EXPECT_NE(text.find("J\xc3\xb6rg is greeted"), std::string::npos);
  EXPECT_NE(text.find("\"\\xe2\\x80\\xaeltr\""), std::string::npos);
  EXPECT_NE(text.find("nul\\x00! is greeted"), std::string::npos);
}

// A corrupted payload that is no text any more is shown byte for byte.
TEST(Ladder, BytesThatAreNoTextAreShown) {
  const std::string text = ladder_of("uplink.1:corrupt^7", {"Michael"}, 1);
  EXPECT_NE(text.find("\"\\xcdichael\"  after 10ms, corrupted"), std::string::npos) << text;
}

// Times grow past their column without running into the next.
TEST(Ladder, LongTimesStayApart) {
  const std::string text = ladder_of("uplink.1:delay+1000000000s", {"Michael"}, 1);
  EXPECT_NE(text.find("1000000000010.000 ms  |         ----->|"), std::string::npos) << text;
}

// What is cut short, and what only a checksum lost, is said where it happens.
TEST(Ladder, SaysWhatIsCutShort) {
  EXPECT_EQ('\n' + ladder_of("uplink.1:checksum,uplink.2:truncate=2", {"Tom"}, {}, {}), R"(
        0.000 ms  |-----x         |  uplink.1     "Tom"  lost: checksum
     1000.000 ms  |----->         |  uplink.2     "Tom"  cut to 2 bytes
     1000.000 ms  |         ----->|  uplink.2     "To"  after 0s, truncated
     1000.000 ms  |         <-----|  downlink.1   "Hello, To!"
     1000.000 ms  |<-----         |  downlink.1   "Hello, To!"  after 0s
     3000.000 ms  |----->         |  uplink.3     "Tom"
     3000.000 ms  |         ----->|  uplink.3     "Tom"  after 0s
     3000.000 ms  |         <-----|  downlink.2   "Hello, Tom!"
     3000.000 ms  |<-----         |  downlink.2   "Hello, Tom!"  after 0s
     3000.000 ms  *                  Tom is greeted: 3 attempts, 3s
)");
}

// A long datagram does not make a long line: its beginning is shown, and its size.
TEST(Ladder, LongDatagramsAreCut) {
  const std::string name(1000, '\n');
  const std::string text = ladder_of("uplink.1:drop", {name}, {}, {});
  std::string shown;
  for (int i = 0; i < 80; ++i) shown += "\\n";
  EXPECT_NE(text.find("uplink.1     \"" + shown + "\"... of 1000 bytes  lost: drop\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\"... of 1008 bytes\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace lossy
