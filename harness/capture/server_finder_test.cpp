#include <lossy/harness/capture/server_finder.hpp>

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace lossy {
namespace {

Address at(std::uint16_t port) {
  return Address::v4({192, 0, 2, static_cast<std::uint8_t>(port % 251)}, port);
}

std::vector<std::uint16_t> ports(std::initializer_list<std::uint16_t> numbers) {
  return numbers;
}

// Where nothing else is known the first datagram is a request.
TEST(ServerFinder, WhoIsAskedFirst) {
  ServerFinder finder;
  finder.begin(at(40000), at(9999));
  EXPECT_EQ(finder.role(at(40000), at(9999)), (ServerRole{true, ServerReason::kAskedFirst}));
  EXPECT_EQ(finder.role(at(9999), at(40000)), (ServerRole{true, ServerReason::kAskedFirst}));
}

// A port below 1024 is a server's, unless both are.
TEST(ServerFinder, PrivilegedPorts) {
  const ServerFinder finder;
  EXPECT_EQ(finder.role(at(53), at(40000)), (ServerRole{false, ServerReason::kPrivilegedPort}));
  EXPECT_EQ(finder.role(at(1024), at(1023)), (ServerRole{true, ServerReason::kPrivilegedPort}));
  EXPECT_EQ(finder.role(at(67), at(68)), (ServerRole{true, ServerReason::kAskedFirst}));
}

// A port of three flows that most of them ask serves, even where its clients have privileged ones.
TEST(ServerFinder, PortOfMany) {
  ServerFinder finder;
  finder.begin(at(2049), at(700));
  finder.begin(at(701), at(2049));
  EXPECT_EQ(finder.role(at(2049), at(700)).reason, ServerReason::kPrivilegedPort);
  finder.begin(at(702), at(2049));
  EXPECT_EQ(finder.role(at(2049), at(700)), (ServerRole{false, ServerReason::kPortOfMany}));
  EXPECT_EQ(finder.role(at(700), at(2049)), (ServerRole{true, ServerReason::kPortOfMany}));
}

// One that asks many, as a scanner does, or a resolver with a port of its own, serves nobody.
TEST(ServerFinder, PortThatAsksMany) {
  ServerFinder finder;
  for (const std::uint16_t port : ports({2001, 2002, 2003, 2004}))
    finder.begin(at(40000), at(port));
  finder.begin(at(2005), at(40000));
  EXPECT_EQ(finder.role(at(40000), at(2001)), (ServerRole{true, ServerReason::kAskedFirst}));
}

// One that as many flows begin from as to tells nothing.
TEST(ServerFinder, PortThatAsksAsOften) {
  ServerFinder finder;
  for (const std::uint16_t port : ports({40001, 40002})) {
    finder.begin(at(port), at(9999));
    finder.begin(at(9999), at(static_cast<std::uint16_t>(port + 10)));
  }
  EXPECT_EQ(finder.role(at(9999), at(40011)).reason, ServerReason::kAskedFirst);
}

// A flow between two hosts' same port is one flow of that port.
TEST(ServerFinder, TheSamePortOnBothSides) {
  ServerFinder finder;
  finder.begin(at(53), at(53));
  for (const std::uint16_t port : ports({40001, 40002})) finder.begin(at(port), at(53));
  EXPECT_EQ(finder.explain(at(53), ServerReason::kPortOfMany),
            "port 53 is in 3 flows, of which 3 begin with a datagram to it");
}

// Of two ports of many the one with more flows; a port that is given goes before all.
TEST(ServerFinder, PortsOfManyAndGivenOnes) {
  ServerFinder finder;
  ServerFinder given(5000);
  for (ServerFinder* each : {&finder, &given}) {
    for (const std::uint16_t port : ports({40001, 40002, 40003, 40004}))
      each->begin(at(port), at(9999));
    for (const std::uint16_t port : ports({40001, 40002, 40003})) each->begin(at(port), at(5000));
  }
  EXPECT_EQ(finder.role(at(9999), at(5000)), (ServerRole{false, ServerReason::kPortOfMany}));
  EXPECT_EQ(given.role(at(9999), at(5000)), (ServerRole{true, ServerReason::kPortGiven}));
  EXPECT_EQ(given.role(at(5000), at(5000)).reason, ServerReason::kAskedFirst);
}

}  // namespace
}  // namespace lossy
