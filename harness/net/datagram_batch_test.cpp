#include <lossy/harness/net/datagram_batch.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/udp.h>

#include <array>

#include <lossy/harness/net/loopback_for_test.hpp>

namespace lossy {
namespace {

using testing::ElementsAreArray;

// Receives until `count` datagrams are there, and gives their payloads.
std::vector<std::string> receive_all(UdpSocket& socket, std::size_t count) {
  ReceiveBatch batch;
  std::vector<std::string> texts;
  while (texts.size() < count && !testing::Test::HasFailure()) {
    wait_readable(socket);
    batch.receive(socket);
    for (const Received& received : batch.datagrams()) texts.push_back(text_of(received.payload));
  }
  return texts;
}

class DatagramBatchOfFamily : public testing::TestWithParam<Address> {
 protected:
  void SetUp() override {
    if (GetParam().is_v6() && !has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine's loopback";
  }
};

INSTANTIATE_TEST_SUITE_P(Families, DatagramBatchOfFamily, testing::Values(kLoopback4, kLoopback6),
                         [](const auto& tested) { return tested.param.is_v6() ? "IPv6" : "IPv4"; });

// What goes in as a batch comes out as the same datagrams in the same order, whatever their sizes
// let the kernel merge, and whether the receiver knows of that or not.
TEST_P(DatagramBatchOfFamily, KeepsDatagramsApartAndInOrder) {
  const std::size_t longest = payload_bytes_max(GetParam());
  const std::vector<std::size_t> sizes{5, 5, 5,    3,    5,    5,  0,       0,       7, 7,
                                       1, 9, 1200, 1200, 1200, 40, longest, longest, 2, 2};
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    texts.emplace_back(sizes[i], static_cast<char>('a' + i));
  }
  for (const bool merged : {true, false}) {
    UdpSocket server = UdpSocket::listen(GetParam());
    UdpSocket client = UdpSocket::connect(server.local_address());
    const int gro = merged ? 1 : 0;
    ASSERT_EQ(::setsockopt(server.fd(), SOL_UDP, UDP_GRO, &gro, sizeof gro), 0);
    SendBatch batch;
    for (const std::string& text : texts) {
      if (batch.full()) {
        ASSERT_EQ(batch.flush(client), SocketOutcome::kDone);
      }
      batch.add(*client.peer(), bytes_of(text));
    }
    ASSERT_EQ(batch.flush(client), SocketOutcome::kDone);
    EXPECT_TRUE(batch.empty());
    EXPECT_THAT(receive_all(server, texts.size()), ElementsAreArray(texts));
    EXPECT_EQ(server.counters().received, texts.size());
    EXPECT_EQ(client.counters().sent, texts.size());
    EXPECT_EQ(client.counters().sent_bytes, server.counters().received_bytes);
  }
}

// More than the kernel cuts from one message is sent in several.
TEST_P(DatagramBatchOfFamily, SendsMoreOfOneSizeThanTheKernelTakesAtOnce) {
  UdpSocket server = UdpSocket::listen(GetParam());
  UdpSocket client = UdpSocket::connect(server.local_address());
  SendBatch batch;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < SendBatch::kDatagramsMax; ++i) {
    texts.push_back(std::to_string(1'000 + i));
    batch.add(*client.peer(), bytes_of(texts.back()));
  }
  EXPECT_TRUE(batch.full());
  EXPECT_THROW(batch.add(*client.peer(), bytes_of("one more")), std::logic_error);
  ASSERT_EQ(batch.flush(client), SocketOutcome::kDone);
  EXPECT_THAT(receive_all(server, texts.size()), ElementsAreArray(texts));
}

// One batch may answer many, each from the address that it asked.
TEST(DatagramBatch, AnswersManyAtOnce) {
  UdpSocket server = UdpSocket::listen(*Address::parse("0.0.0.0:0"));
  const std::string port = std::to_string(server.local_address().port());
  std::vector<UdpSocket> clients;
  for (const char* host : {"127.0.0.1:", "127.0.0.2:", "127.0.0.1:", "127.0.0.3:"}) {
    clients.push_back(UdpSocket::connect(*Address::parse(host + port)));
    ASSERT_EQ(send_text(clients.back(), *clients.back().peer(), "who?"), SocketOutcome::kDone);
  }
  ReceiveBatch requests;
  SendBatch answers;
  for (std::size_t answered = 0; answered < clients.size();) {
    wait_readable(server);
    ASSERT_EQ(requests.receive(server), SocketOutcome::kDone);
    for (const Received& request : requests.datagrams()) {
      answers.add(request.source, bytes_of("you"), request.local);
      ++answered;
    }
  }
  ASSERT_EQ(answers.flush(server), SocketOutcome::kDone);
  for (UdpSocket& client : clients) EXPECT_EQ(receive_text(client).text, "you");
}

// Answers to one client are no fewer datagrams for that: those from another address are sent apart.
TEST(DatagramBatch, AnswersOneFromEachAddressItAsked) {
  UdpSocket server = UdpSocket::listen(*Address::parse("0.0.0.0:0"));
  UdpSocket client = UdpSocket::listen(kLoopback4);
  SendBatch answers;
  std::vector<Address> sources;
  for (const std::uint8_t host : std::array<std::uint8_t, 4>{1, 2, 1, 3}) {
    sources.push_back(Address::v4({127, 0, 0, host}, server.local_address().port()));
    answers.add(client.local_address(), bytes_of("you"), sources.back());
  }
  ASSERT_EQ(answers.flush(server), SocketOutcome::kDone);
  for (const Address& source : sources) EXPECT_EQ(receive_text(client).source, source);
}

// Who cannot be reached keeps nothing from the others in the batch, and is counted.
TEST(DatagramBatch, PassesOverWhatCannotBeSent) {
  UdpSocket server = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::listen(kLoopback4);
  SendBatch batch;
  batch.add(client.local_address(), bytes_of("1"));
  for (const char* nowhere : {"127.0.0.1:0", "[::1]:9", "255.255.255.255:9"}) {
    batch.add(*Address::parse(nowhere), bytes_of("2"));
    batch.add(*Address::parse(nowhere), bytes_of("2"));
  }
  batch.add(client.local_address(), bytes_of("3"));
  ASSERT_EQ(batch.flush(server), SocketOutcome::kDone);
  EXPECT_EQ(receive_text(client).text, "1");
  EXPECT_EQ(receive_text(client).text, "3");
  EXPECT_EQ(server.counters().sent, 2U);
  EXPECT_EQ(server.counters().not_sent[static_cast<std::size_t>(SocketOutcome::kUnreachable)], 6U);
}

// Where nobody listens each datagram is sent all the same, and each ICMP message counted.
TEST(DatagramBatch, SendsOnWhereNobodyListens) {
  const DeafPort nobody(kLoopback4);
  UdpSocket client = UdpSocket::connect(nobody.address());
  SendBatch batch;
  for (const char* text : {"1", "22", "333", "4444"}) batch.add(*client.peer(), bytes_of(text));
  ASSERT_EQ(batch.flush(client), SocketOutcome::kDone);
  EXPECT_EQ(client.counters().sent, 4U);
  // What ICMP said of those is not taken for what becomes of the next.
  batch.add(*client.peer(), bytes_of("55555"));
  ASSERT_EQ(batch.flush(client), SocketOutcome::kDone);
  EXPECT_EQ(client.counters().sent, 5U);
  EXPECT_EQ(try_receive_text(client).outcome, SocketOutcome::kRefused);
  EXPECT_GE(client.counters().reported[static_cast<std::size_t>(SocketOutcome::kRefused)], 1U);
  EXPECT_EQ(client.counters().not_sent_in_all(), 0U);
}

// What is given up for want of room is counted as that.
TEST(DatagramBatch, CountsWhatIsDropped) {
  UdpSocket server = UdpSocket::listen(kLoopback4);
  SendBatch batch;
  batch.add(kLoopback4, bytes_of("x"));
  batch.drop(server);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(server.counters().not_sent[static_cast<std::size_t>(SocketOutcome::kWouldBlock)], 1U);
}

}  // namespace
}  // namespace lossy
