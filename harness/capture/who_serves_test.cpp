// Which host an Inspector takes for the server, and what it takes for an answer.
#include <lossy/harness/capture/inspector.hpp>

#include <gtest/gtest.h>

#include <lossy/harness/capture/inspected_for_test.hpp>

namespace lossy {
namespace {

// A capture that begins with an answer does not swap client and server where the port is known;
// that both have it, or neither, tells nothing.
TEST(WhoServes, TheServersPortMayBeKnown) {
  const Address dns = *Address::parse("192.0.2.3:53");
  const Address twin = *Address::parse("192.0.2.9:9999");
  Inspected capture({.server_port = 9999});
  capture.see(kServer, kClient, "Hello, Sarah!");
  capture.see(kClient, kServer, "Michael");
  capture.see(kServer, kClient, "Hello, Michael!");
  capture.see(twin, kServer, "Tracy");
  capture.see(dns, kClient, "an answer to what was asked before");
  capture.see(kServer, dns, "no answer, though a client's port is below 1024");
  const Inspection found = capture.inspector.finish();
  ASSERT_EQ(found.flows.size(), 4U);
  EXPECT_EQ(found.flows[0].client, kClient);
  EXPECT_EQ(found.flows[0].exchanges.answered, 1U);
  EXPECT_EQ(found.flows[0].exchanges.unasked, 1U);
  EXPECT_EQ(found.flows[1].client, twin);
  EXPECT_EQ(found.flows[2].client, kClient);
  EXPECT_EQ(found.flows[3].client, dns);
}

// A client may have asked several servers, each of which answers from another port.
TEST(WhoServes, AnswersOfSeveralServersFromOtherPorts) {
  Inspected capture;
  const Address one = *Address::parse("192.0.2.2:69");
  const Address other = *Address::parse("192.0.2.3:69");
  for (const Address& server : {one, other}) capture.see(kClient, server, "RRQ");
  for (const Address& server : {other, one}) {
    capture.see(with_port(server, 50000), kClient, "DATA 1", 1ms);
  }
  const Inspection found = capture.inspector.finish();
  ASSERT_EQ(found.flows.size(), 4U);
  EXPECT_EQ(found.flows[2].answers_flow, 2U);
  EXPECT_EQ(found.flows[3].answers_flow, 1U);
  EXPECT_EQ(found.exchanges.answered, 2U);
}

// A capture may begin with an answer: all flows say who serves, and a second reading knows it from
// the first record on.
TEST(WhoServes, AllFlowsSayWhoServes) {
  const auto client = [](std::uint16_t n) {
    return Address::v4({192, 0, 2, 1}, static_cast<std::uint16_t>(40000 + n));
  };
  const auto see_all = [&](Inspected& capture) {
    capture.see(kServer, client(0), "Hello, Sarah!");
    for (std::uint16_t n = 0; n < 3; ++n) {
      capture.see(client(n), kServer, "Michael");
      capture.see(kServer, client(n), "Hello, Michael!");
    }
  };
  Inspected first;
  see_all(first);
  const auto servers = first.inspector.better_servers();
  ASSERT_TRUE(servers.has_value());
  const Inspection mistaken = first.inspector.finish();
  EXPECT_EQ(mistaken.mistaken, 1U);
  EXPECT_EQ(mistaken.flows[0].client, kServer);

  Inspected second({.servers = servers});
  see_all(second);
  EXPECT_FALSE(second.inspector.better_servers());
  const Inspection found = second.inspector.finish();
  EXPECT_EQ(found.mistaken, 0U);
  for (std::uint16_t n = 0; n < 3; ++n) {
    EXPECT_EQ(found.flows.at(n).client, client(n));
    EXPECT_EQ(found.flows[n].server_reason, ServerReason::kPortOfMany);
  }
  EXPECT_EQ(found.exchanges.answered, 3U);
  EXPECT_EQ(found.exchanges.unasked, 1U);
  EXPECT_EQ(found.servers.explain(kServer, ServerReason::kPortOfMany),
            "port 9999 is in 3 flows, of which 2 begin with a datagram to it");
}

// A TFTP server answers from a port of its own for each transfer; that it was asked at another one
// is no lost request. What the client sends there then is asked there.
TEST(WhoServes, AnswersFromAnotherPort) {
  Inspected capture;
  const Address tftp = *Address::parse("192.0.2.2:69");
  const Address transfer = *Address::parse("192.0.2.2:50000");
  capture.see(kClient, tftp, "RRQ");
  capture.see(transfer, kClient, "DATA 1", 1ms);
  capture.see(kClient, transfer, "ACK 1", 2ms);
  capture.see(transfer, kClient, "DATA 2", 3ms);
  const Inspection found = capture.inspector.finish();
  ASSERT_EQ(found.flows.size(), 2U);
  EXPECT_EQ(found.flows[1].client, kClient);
  EXPECT_EQ(found.flows[1].server, transfer);
  EXPECT_EQ(found.flows[1].server_reason, ServerReason::kElsewhere);
  EXPECT_EQ(found.flows[1].answers_flow, 1U);
  EXPECT_EQ(found.flows[1].elsewhere, 1U);
  EXPECT_EQ(found.exchanges.requests, 2U);
  EXPECT_EQ(found.exchanges.answered, 2U);
  EXPECT_EQ(found.exchanges.unasked, 0U);
}

// Who was answered by the server itself, or has been by another port of it, waits for no other.
TEST(WhoServes, OtherPortsOfWhoHasAnswered) {
  const Address tftp = *Address::parse("192.0.2.2:69");
  for (const Address& first : {tftp, *Address::parse("192.0.2.2:50000")}) {
    Inspected capture;
    capture.see(kClient, tftp, "RRQ");
    capture.see(first, kClient, "DATA 1", 1ms);
    if (first == tftp) capture.see(kClient, tftp, "RRQ 2", 2ms);
    capture.see(*Address::parse("192.0.2.2:50001"), kClient, "who is there?", 3ms);
    const Inspection found = capture.inspector.finish();
    EXPECT_EQ(found.flows.back().answers_flow, 0U) << first.to_string();
    EXPECT_EQ(found.flows.back().server, kClient);
  }
}

// Who serves in a flow does not depend on which flow is asked for.
TEST(WhoServes, FlowsAloneAreWhatTheyAreAmongAll) {
  Inspected capture({.flow = 2});
  const Address transfer = *Address::parse("192.0.2.2:50000");
  capture.see(kClient, *Address::parse("192.0.2.2:69"), "RRQ");
  capture.see(transfer, kClient, "DATA 1", 1ms);
  capture.see(kClient, transfer, "ACK 1", 2ms);
  const Inspection found = capture.inspector.finish();
  ASSERT_EQ(found.flows.size(), 1U);
  EXPECT_EQ(found.flows[0].server, transfer);
  EXPECT_EQ(found.flows[0].elsewhere, 1U);
}

// Whom many hear does not answer itself: those do that heard it, each from its own address.
TEST(WhoServes, AnswersToAMulticast) {
  for (const char* group : {"239.255.255.250:1900", "192.0.2.255:1900"}) {
    Inspected capture;
    capture.see(kClient, *Address::parse(group), "M-SEARCH");
    for (const char* device : {"192.0.2.7:1900", "192.0.2.8:1900", "192.0.2.9:50000"}) {
      capture.see(*Address::parse(device), kClient, "HTTP/1.1 200 OK", 1ms);
    }
    const Inspection found = capture.inspector.finish();
    ASSERT_EQ(found.flows.size(), 4U);
    for (std::size_t i = 1; i < 4; ++i) {
      EXPECT_EQ(found.flows[i].client, kClient);
      EXPECT_EQ(found.flows[i].answers_flow, 1U);
    }
    EXPECT_EQ(found.exchanges.requests, 1U);
    EXPECT_EQ(found.exchanges.answered, 1U);
    EXPECT_EQ(found.exchanges.unasked, 0U);
  }
}

// A host that has no address yet asks all, and is known by its port.
TEST(WhoServes, AnswersToWhoHasNoAddress) {
  Inspected capture;
  capture.see(*Address::parse("0.0.0.0:68"), *Address::parse("255.255.255.255:67"), "DISCOVER");
  capture.see(*Address::parse("192.0.2.2:67"), *Address::parse("192.0.2.50:68"), "OFFER", 1ms);
  const Inspection found = capture.inspector.finish();
  ASSERT_EQ(found.flows.size(), 2U);
  EXPECT_EQ(found.flows[1].answers_flow, 1U);
  EXPECT_EQ(found.exchanges.answered, 1U);
}

// What waits for an answer at a port of many may itself have been answered before the capture: a
// request from another port of its host is none.
TEST(WhoServes, AnswerInFrontOfOtherClientsRequests) {
  Inspected capture;
  capture.see(kServer, kClient, "Hello, Sarah!");
  capture.see(with_port(kClient, 40001), kServer, "Michael");
  capture.see(kServer, with_port(kClient, 40001), "Hello, Michael!");
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.flows.at(1).server, kServer);
  EXPECT_EQ(found.flows[1].answers_flow, 0U);
  EXPECT_EQ(found.flows[1].exchanges.answered, 1U);
}

// Another host's datagram to a client that waits is no answer.
TEST(WhoServes, StrangersAnswerNothing) {
  Inspected capture;
  capture.see(kClient, kServer, "Michael");
  capture.see(*Address::parse("192.0.2.3:9999"), kClient, "Hello, Michael!");
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.flows.at(1).answers_flow, 0U);
  EXPECT_EQ(found.exchanges.answered, 0U);
}

}  // namespace
}  // namespace lossy
