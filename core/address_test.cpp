#include <lossy/core/address.hpp>

#include <gtest/gtest.h>

#include <set>
#include <unordered_set>
#include <vector>

namespace lossy {
namespace {

// An address is read from the form that it is printed in.
TEST(Address, PrintsWhatItParses) {
  for (const char* text :
       {"127.0.0.1:9999", "0.0.0.0:0", "255.255.255.255:65535", "[::]:0", "[::1]:9999",
        "[2001:db8::8:800:200c:417a]:80", "[fe80::1%2]:9999", "[fe80::1%4294967295]:1",
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[::ffff:192.0.2.1]:53"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

// The parts are where they belong: octets in network order, the port, the scope.
TEST(Address, ParsesIntoItsParts) {
  const Address v4 = Address::parse("192.0.2.33:9999").value();
  EXPECT_FALSE(v4.is_v6());
  EXPECT_EQ(v4, Address::v4({192, 0, 2, 33}, 9999));
  EXPECT_EQ(v4.host(), "192.0.2.33");
  EXPECT_EQ(v4.port(), 9999);

  const Address v6 = Address::parse("[fe80::1%7]:53").value();
  EXPECT_TRUE(v6.is_v6());
  EXPECT_EQ(v6, Address::v6({0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 53, 7));
  EXPECT_EQ(v6.host(), "fe80::1%7");
  EXPECT_EQ(v6.scope_id(), 7U);

  EXPECT_EQ(Address().to_string(), "0.0.0.0:0");
}

// One address has one text (RFC 5952 section 4): no leading zeros, the longest run of zeros
// shortened, the first of equal runs, never a single group, lower case.
TEST(Address, PrintsAsRfc5952) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"[2001:0db8:0000:0000:0000:0000:0002:0001]:1", "[2001:db8::2:1]:1"},
      {"[2001:db8:0:1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1"},
      {"[2001:0:0:1:0:0:0:1]:1", "[2001:0:0:1::1]:1"},
      {"[2001:db8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"},
      {"[2001:DB8::ABCD]:1", "[2001:db8::abcd]:1"},
      {"[1:0:0:0:0:0:0:0]:1", "[1::]:1"},
      {"[::ffff:c000:201]:1", "[::ffff:192.0.2.1]:1"},
      {"[::1%0]:1", "[::1]:1"},
      {"127.0.0.1:00080", "127.0.0.1:80"},
  };
  for (const auto& [given, printed] : cases) {
    const auto address = Address::parse(given);
    ASSERT_TRUE(address) << given;
    EXPECT_EQ(address->to_string(), printed);
  }
}

// Whoever knows the interfaces says what a scope is called.
TEST(Address, PrintsScopesAsItIsTold) {
  Address::name_zones([](std::uint32_t scope_id) { return "eth" + std::to_string(scope_id); });
  const std::string named = Address::parse("[fe80::1%2]:9999")->to_string();
  const std::string without = Address::parse("[::1]:9999")->to_string();
  Address::name_zones([](std::uint32_t scope_id) { return std::to_string(scope_id); });
  EXPECT_EQ(named, "[fe80::1%eth2]:9999");
  EXPECT_EQ(without, "[::1]:9999");
}

// Anything else is refused, not guessed at.
TEST(Address, RefusesAnythingElse) {
  const std::string_view with_nul("127.0.0.1\0:80", 13);
  for (const std::string_view text :
       {std::string_view(""), std::string_view(":"), std::string_view("127.0.0.1"),
        std::string_view("9999"), std::string_view(":9999"), with_nul}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
  for (const char* text : {"127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+1",
                           "127.0.0.1: 1",
                           "127.0.0.1:1 ",
                           " 127.0.0.1:1",
                           "127.0.0.1:0x10",
                           "127.0.0.1:99999999999999999999",
                           "127.0.0:1",
                           "127.1:1",
                           "256.0.0.1:1",
                           "127.0.0.01:1",
                           "0x7f.0.0.1:1",
                           "1.2.3.4.5:1",
                           "localhost:9999",
                           "::1:9999",
                           "[::1]",
                           "[::1]9999",
                           "[::1:9999",
                           "::1]:9999",
                           "[]:1",
                           "[:1",
                           "]:1",
                           "[[::1]]:1",
                           "[::1]]:1",
                           "[127.0.0.1]:1",
                           "[:::]:1",
                           "[1::2::3]:1",
                           "[12345::]:1",
                           "[g::]:1",
                           "[1:2:3:4:5:6:7]:1",
                           "[1:2:3:4:5:6:7:8:9]:1",
                           "[fe80::1%]:1",
                           "[fe80::1%eth0]:1",
                           "[fe80::1%-1]:1",
                           "[fe80::1%4294967296]:1",
                           "[fe80::1%1%2]:1",
                           "127.0.0.1%1:1",
                           "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
}

// Two addresses are the same only when everything about them is: a client trusts this.
TEST(Address, DiffersInEveryPart) {
  std::array<std::uint8_t, 16> octets{127, 0, 0, 1};
  const std::vector<Address> all = {
      Address(),
      Address::v4({127, 0, 0, 1}, 9999),
      Address::v4({127, 0, 0, 1}, 9998),
      Address::v4({127, 0, 0, 2}, 9999),
      Address::v6(octets, 9999),
      Address::v6(octets, 9999, 1),
      Address::v6({}, 0),
  };
  const std::set<Address> ordered(all.begin(), all.end());
  const std::unordered_set<Address> hashed(all.begin(), all.end());
  EXPECT_EQ(ordered.size(), all.size());
  EXPECT_EQ(hashed.size(), all.size());
  for (const Address& address : all) EXPECT_TRUE(hashed.contains(address));
}

// Neighbouring ports and hosts, as they come in practice, hardly ever share a bucket.
TEST(Address, HashSpreadsNeighbours) {
  std::vector<int> buckets(1 << 12);
  int fullest = 0;
  for (std::uint16_t port = 0; port < 1 << 12; ++port) {
    const Address address = Address::v4({10, 0, 0, static_cast<std::uint8_t>(port % 16)}, port);
    fullest = std::max(fullest, ++buckets[std::hash<Address>{}(address) % buckets.size()]);
  }
  EXPECT_LE(fullest, 16);
}

}  // namespace
}  // namespace lossy
