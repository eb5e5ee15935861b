#include <lossy/core/greeting/server.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lossy {
namespace {

using namespace std::chrono_literals;

const Address kClient = Address::v4({192, 0, 2, 1}, 50'000);

class ServerTest : public testing::Test {
 protected:
  void receive(std::string_view text, const Address& source = kClient) {
    server_.handle_datagram(now_, {source, std::as_bytes(std::span(text))});
  }

  // What the server sends now, or nothing.
  std::optional<std::pair<Address, std::string>> answer() {
    const auto transmit = server_.poll_transmit(now_, buffer_);
    if (!transmit) return std::nullopt;
    return std::pair(transmit->destination,
                     std::string(reinterpret_cast<const char*>(buffer_.data()), transmit->size));
  }

  Server server_;
  Instant now_{};
  std::array<std::byte, kMessageBytesMax> buffer_{};
};

// A name is answered once, byte for byte as the tutorial's server does, to where it came from.
TEST_F(ServerTest, AnswersANameToItsSource) {
  const Address v6 = Address::v6({0xFE, 0x80}, 9, 2);
  for (const Address& source : {kClient, v6}) {
    for (const std::string& name : {std::string("Michael"), std::string("Zoë 🙂"),
                                    std::string("!"), std::string(1016, 'x')}) {
      receive(name, source);
      EXPECT_EQ(answer(), std::pair(source, "Hello, " + name + "!"));
      EXPECT_EQ(answer(), std::nullopt);
    }
  }
  EXPECT_EQ(server_.counters().received, 8U);
  EXPECT_EQ(server_.counters().answered, 8U);
}

// It is silent on anything that is no name, and says how often and why.
TEST_F(ServerTest, IsSilentOnRubbishAndCountsWhy) {
  const auto refused = [&](Malformed reason) {
    return server_.counters().refused[static_cast<std::size_t>(reason)];
  };
  receive("");
  EXPECT_EQ(answer(), std::nullopt);
  EXPECT_EQ(refused(Malformed::kEmpty), 1U);
  for (const std::size_t size : {std::size_t{1017}, kPayloadBytesMax}) {
    receive(std::string(size, 'x'));
    EXPECT_EQ(answer(), std::nullopt);
  }
  EXPECT_EQ(refused(Malformed::kTooLong), 2U);
  for (const char* bad : {"\xFF", "Bob\xC0\x80", "\xED\xA0\x80"}) {
    receive(bad);
    EXPECT_EQ(answer(), std::nullopt);
  }
  EXPECT_EQ(refused(Malformed::kNotUtf8), 3U);
  EXPECT_EQ(refused(Malformed::kNotAGreeting), 0U);
  EXPECT_EQ(server_.counters().received, 6U);
  EXPECT_EQ(server_.counters().answered, 0U);
}

// It never speaks unasked, and time means nothing to it.
TEST_F(ServerTest, NeverSpeaksUnasked) {
  EXPECT_EQ(answer(), std::nullopt);
  server_.handle_timeout(Instant::max());
  EXPECT_EQ(answer(), std::nullopt);
  EXPECT_EQ(server_.poll_timeout(), std::nullopt);
}

// The answer is the server's own copy: what becomes of the datagram's buffer does not matter.
TEST_F(ServerTest, AnswerDoesNotReferToTheDatagram) {
  std::string text = "Tracy";
  receive(text);
  text = "XXXXX";
  EXPECT_EQ(answer(), std::pair(kClient, std::string("Hello, Tracy!")));
}

// A driver that forgets the answer of one datagram before the next is told.
TEST_F(ServerTest, RefusesBrokenDrivers) {
  receive("Michael");
  EXPECT_THROW(receive("Tracy"), std::logic_error);
  EXPECT_THROW((void)server_.poll_transmit(now_, std::span(buffer_).first(14)), std::logic_error);
  EXPECT_TRUE(server_.poll_transmit(now_, std::span(buffer_).first(15)));
}

}  // namespace
}  // namespace lossy
