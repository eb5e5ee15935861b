#include <lossy/harness/net/udp_socket.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <exception>
#include <set>
#include <string>
#include <system_error>

#include <lossy/harness/net/loopback_for_test.hpp>
#include <lossy/harness/net/sanitizers_for_test.hpp>

namespace lossy {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::ThrowsMessage;

// Both families behave alike.
class UdpSocketOfFamily : public testing::TestWithParam<Address> {
 protected:
  void SetUp() override {
    if (GetParam().is_v6() && !has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine's loopback";
  }
};

INSTANTIATE_TEST_SUITE_P(Families, UdpSocketOfFamily, testing::Values(kLoopback4, kLoopback6),
                         [](const auto& tested) { return tested.param.is_v6() ? "IPv6" : "IPv4"; });

// A datagram arrives whole, with the address that an answer reaches.
TEST_P(UdpSocketOfFamily, CarriesADatagramAndItsAnswer) {
  UdpSocket server = UdpSocket::listen(GetParam());
  UdpSocket client = UdpSocket::connect(server.local_address());
  EXPECT_NE(server.local_address().port(), 0);
  EXPECT_EQ(client.peer(), server.local_address());

  ASSERT_EQ(send_text(client, server.local_address(), "Michael"), SocketOutcome::kDone);
  const ReceivedText request = receive_text(server);
  EXPECT_EQ(request.outcome, SocketOutcome::kDone);
  EXPECT_EQ(request.source, client.local_address());
  EXPECT_EQ(request.text, "Michael");

  ASSERT_EQ(send_text(server, request.source, "Hello, Michael!"), SocketOutcome::kDone);
  const ReceivedText answer = receive_text(client);
  EXPECT_EQ(answer.source, server.local_address());
  EXPECT_EQ(answer.text, "Hello, Michael!");
}

// A datagram without bytes is a datagram, not the end of anything.
TEST_P(UdpSocketOfFamily, CarriesADatagramWithoutBytes) {
  UdpSocket server = UdpSocket::listen(GetParam());
  UdpSocket client = UdpSocket::connect(server.local_address());
  ASSERT_EQ(send_text(client, server.local_address(), {}), SocketOutcome::kDone);
  const ReceivedText request = receive_text(server);
  EXPECT_EQ(request.outcome, SocketOutcome::kDone);
  EXPECT_EQ(request.text, "");
  EXPECT_EQ(request.source, client.local_address());
}

TEST_P(UdpSocketOfFamily, CarriesTheLongestDatagram) {
  UdpSocket server = UdpSocket::listen(GetParam());
  UdpSocket client = UdpSocket::connect(server.local_address());
  const std::string longest(payload_bytes_max(GetParam()), 'x');
  ASSERT_EQ(send_text(client, server.local_address(), longest), SocketOutcome::kDone);
  EXPECT_EQ(receive_text(server).text, longest);
}

// Without a datagram, receiving returns at once.
TEST(UdpSocket, NeverBlocks) {
  UdpSocket server = UdpSocket::listen(kLoopback4);
  EXPECT_EQ(try_receive_text(server).outcome, SocketOutcome::kWouldBlock);
}

// A socket of both families knows each peer by its own family's address, and answers it from the
// address that it asked.
TEST(UdpSocket, TakesBothFamilies) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine's loopback";
  UdpSocket server = UdpSocket::listen(ListenAddress::all(0));
  const std::uint16_t port = server.local_address().port();
  EXPECT_EQ(server.listening().to_string(), "*:" + std::to_string(port));
  for (const char* host : {"127.0.0.1:0", "127.0.0.2:0", "[::1]:0"}) {
    const Address asked = with_port(*Address::parse(host), port);
    UdpSocket client = UdpSocket::connect(asked);
    ASSERT_EQ(send_text(client, asked, "Michael"), SocketOutcome::kDone);
    const ReceivedText request = receive_text(server);
    EXPECT_EQ(request.source, client.local_address());
    EXPECT_EQ(request.local, with_port(asked, 0));
    ASSERT_EQ(send_text(server, request.source, "Hello!", request.local), SocketOutcome::kDone);
    EXPECT_EQ(receive_text(client).text, "Hello!");
  }
  for (const char* taken : {"127.0.0.1:0", "[::1]:0"}) {
    EXPECT_THROW(UdpSocket::listen(with_port(*Address::parse(taken), port)), std::system_error);
  }
}

// With nobody listening, the kernel's ICMP message comes up once, and as an outcome.
TEST_P(UdpSocketOfFamily, LearnsThatNobodyListens) {
  const DeafPort nobody(GetParam());
  UdpSocket client = UdpSocket::connect(nobody.address());
  ASSERT_EQ(send_text(client, nobody.address(), "Michael"), SocketOutcome::kDone);
  EXPECT_EQ(receive_text(client).outcome, SocketOutcome::kRefused);
  EXPECT_EQ(try_receive_text(client).outcome, SocketOutcome::kWouldBlock);
  EXPECT_EQ(client.counters().reported[static_cast<std::size_t>(SocketOutcome::kRefused)], 1U);
}

// The same when the next thing to happen is that more is sent: which is sent all the same.
TEST_P(UdpSocketOfFamily, LearnsThatNobodyListensWhenSending) {
  const DeafPort nobody(GetParam());
  UdpSocket client = UdpSocket::connect(nobody.address());
  ASSERT_EQ(send_text(client, nobody.address(), "Michael"), SocketOutcome::kDone);
  wait_readable(client);
  EXPECT_EQ(send_text(client, nobody.address(), "Tracy"), SocketOutcome::kDone);
  EXPECT_EQ(client.counters().reported[static_cast<std::size_t>(SocketOutcome::kRefused)], 1U);
  EXPECT_EQ(client.counters().sent, 2U);
}

// A server answers many: a client that is gone must not stand in the way of the others.
TEST_P(UdpSocketOfFamily, ListeningIsNotDisturbedByAClientThatIsGone) {
  UdpSocket server = UdpSocket::listen(GetParam());
  UdpSocket client = UdpSocket::connect(server.local_address());
  const DeafPort gone(GetParam());
  ASSERT_EQ(send_text(server, gone.address(), "Hello, ghost!"), SocketOutcome::kDone);
  ASSERT_EQ(send_text(client, server.local_address(), "Tracy"), SocketOutcome::kDone);
  EXPECT_EQ(receive_text(server).text, "Tracy");
  EXPECT_EQ(send_text(server, client.local_address(), "Hello, Tracy!"), SocketOutcome::kDone);
}

// A datagram may claim to come from anywhere, port 0 and the broadcast address included. That it
// cannot be answered is an outcome, not an error.
TEST(UdpSocket, CannotAnswerEverySource) {
  UdpSocket server = UdpSocket::listen(kLoopback4);
  for (const char* source : {"127.0.0.1:0", "255.255.255.255:9", "[::1]:9"}) {
    EXPECT_EQ(send_text(server, *Address::parse(source), "x"), SocketOutcome::kUnreachable)
        << source;
  }
}

// A connected socket sends to its peer; anything else is a mistake in the program.
TEST(UdpSocket, ChecksTheDestinationWhenConnected) {
  UdpSocket server = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::connect(server.local_address());
  EXPECT_THROW(send_text(client, kLoopback4, "x"), std::logic_error);
}

// Connecting to the unspecified address reaches this machine, and the peer says so.
TEST(UdpSocket, KnowsItsPeerAsItWillAnswer) {
  UdpSocket server = UdpSocket::listen(kLoopback4);
  const std::uint16_t port = server.local_address().port();
  EXPECT_EQ(UdpSocket::connect(Address::v4({0, 0, 0, 0}, port)).peer(), server.local_address());
}

// An address in use is one line: what was attempted, the address, what to do, what the system says.
TEST_P(UdpSocketOfFamily, SaysThatAnAddressIsInUse) {
  const UdpSocket first = UdpSocket::listen(GetParam());
  const Address taken = first.local_address();
  EXPECT_THAT([&] { UdpSocket::listen(taken); },
              ThrowsMessage<std::system_error>(
                  AllOf(HasSubstr("cannot listen on " + taken.to_string()),
                        HasSubstr("another program has that port"), HasSubstr("in use"))));
}

// An address of another machine cannot be listened on.
TEST(UdpSocket, SaysThatAnAddressIsNotHere) {
  EXPECT_THAT([] { UdpSocket::listen(*Address::parse("192.0.2.1:9999")); },
              ThrowsMessage<std::system_error>(
                  AllOf(HasSubstr("cannot listen on 192.0.2.1:9999"), HasSubstr("no interface"))));
}

// IPv4 and IPv6 are told apart: the two wildcard addresses can share a port. Another program may
// have the port that we got by chance, but hardly twenty times in a row.
TEST(UdpSocket, ListensOnBothWildcardsAtOnce) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine's loopback";
  bool both = false;
  for (int i = 0; i < 20 && !both; ++i) {
    const UdpSocket v6 = UdpSocket::listen(*Address::parse("[::]:0"));
    try {
      UdpSocket::listen(Address::v4({0, 0, 0, 0}, v6.local_address().port()));
      both = true;
    } catch (const std::system_error&) {
    }
  }
  EXPECT_TRUE(both);
}

// Who listens on all addresses answers from the one that was asked: a connected client takes
// nothing from another.
TEST_P(UdpSocketOfFamily, AnswersFromTheAddressAsked) {
  const bool v6 = GetParam().is_v6();
  UdpSocket server = UdpSocket::listen(*Address::parse(v6 ? "[::]:0" : "0.0.0.0:0"));
  const std::string port = ':' + std::to_string(server.local_address().port());
  for (const std::string host : {"127.0.0.1", "127.0.0.2", "[::1]"}) {
    if ((host == "[::1]") != v6) continue;
    UdpSocket client = UdpSocket::connect(*Address::parse(host + port));
    ASSERT_EQ(send_text(client, *client.peer(), "Michael"), SocketOutcome::kDone);
    const ReceivedText request = receive_text(server);
    EXPECT_EQ(request.local, Address::parse(host + ":0"));
    ASSERT_EQ(send_text(server, request.source, "Hello, Michael!", request.local),
              SocketOutcome::kDone);
    EXPECT_EQ(receive_text(client).text, "Hello, Michael!");
  }
}

// What the kernel dropped for want of room is counted, also when nothing comes after it.
TEST(UdpSocket, CountsWhatTheKernelDropped) {
  UdpSocket server = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::connect(server.local_address());
  EXPECT_GT(server.receive_buffer_bytes(), 0U);
  EXPECT_EQ(server.kernel_drops(), 0U);
  const int little = 1;
  ASSERT_EQ(::setsockopt(server.fd(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
  constexpr std::uint32_t kSent = 1'000;
  for (std::uint32_t i = 0; i < kSent; ++i) {
    ASSERT_EQ(send_text(client, server.local_address(), "x"), SocketOutcome::kDone);
  }
  std::uint32_t received = 0;
  while (try_receive_text(server).outcome == SocketOutcome::kDone) ++received;
  EXPECT_LT(received, kSent);
  EXPECT_EQ(received + server.kernel_drops(), kSent);
}

// A port may be shared among sockets by those that all say so, and by nobody else.
TEST_P(UdpSocketOfFamily, SharesAPort) {
  const UdpSocket first = UdpSocket::listen(GetParam(), UdpSocket::Share::kYes);
  const Address address = first.local_address();
  EXPECT_EQ(UdpSocket::listen(address, UdpSocket::Share::kYes).local_address(), address);
  EXPECT_THROW(UdpSocket::listen(address), std::system_error);
}

// A socket that was moved away closes nothing, and the one it moved to works on.
TEST(UdpSocket, Moves) {
  UdpSocket first = UdpSocket::listen(kLoopback4);
  const Address address = first.local_address();
  UdpSocket second = UdpSocket::listen(kLoopback4);
  second = std::move(first);
  EXPECT_EQ(second.local_address(), address);
}

// A program that may have no more descriptors is told so.
TEST(UdpSocket, SaysThatThereAreNoMoreDescriptors) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::exception_ptr refused;
  try {
    UdpSocket::listen(kLoopback4);
  } catch (...) {
    refused = std::current_exception();
  }
  // Whatever looks at it may need a descriptor.
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(refused);
  try {
    std::rethrow_exception(refused);
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EMFILE);
    EXPECT_NE(std::string(error.what()).find("cannot listen on 127.0.0.1:0: "), std::string::npos);
  }
}

// Every outcome has a word of its own.
TEST(SocketOutcome, HasAWord) {
  std::set<std::string_view> words;
  for (std::size_t i = 0; i < kSocketOutcomeCount; ++i) {
    words.insert(to_string(static_cast<SocketOutcome>(i)));
  }
  EXPECT_EQ(words.size(), kSocketOutcomeCount);
}

// A socket that is restricted to a peer hears that peer, and nobody else.
TEST(UdpSocket, RestrictedHearsItsPeerOnly) {
  UdpSocket one = UdpSocket::listen(kLoopback4);
  UdpSocket peer = UdpSocket::connect(one.local_address());
  UdpSocket stranger = UdpSocket::connect(one.local_address());
  one.restrict_to(peer.local_address());
  send_text(stranger, one.local_address(), "not for you");
  send_text(peer, one.local_address(), "for you");
  EXPECT_EQ(receive_text(one).text, "for you");
  EXPECT_EQ(try_receive_text(one).outcome, SocketOutcome::kWouldBlock);
}

// Buffers that are smaller than wanted are said, with what would make them larger.
TEST(BufferShortage, SaysWhatToDo) {
  constexpr std::size_t kEnough = 2 * std::size_t{UdpSocket::kBufferBytesWanted};
  EXPECT_EQ(buffer_shortage(kEnough, kEnough), "");
  EXPECT_THAT(buffer_shortage(425'984, kEnough),
              AllOf(HasSubstr("only 425984 bytes to be received wait"),
                    EndsWith("sysctl -w net.core.rmem_max=4194304")));
  EXPECT_THAT(buffer_shortage(425'984, 425'985),
              AllOf(HasSubstr("only 425984 bytes to be received and 425985 bytes to be sent wait"),
                    EndsWith("sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304")));
}

}  // namespace
}  // namespace lossy
