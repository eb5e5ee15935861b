#include <lossy/harness/net/socket_address.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <system_error>

#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

// An address comes back from the operating system's form as it went in, scope included.
TEST(SocketAddress, KeepsEveryPartOfAnAddress) {
  for (const char* text : {"127.0.0.1:9999", "255.255.255.255:65535", "0.0.0.0:0", "[::1]:9999",
                           "[2001:db8::1]:1", "[fe80::1%2]:9999"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(SocketAddress(*address).to_address(), *address) << text;
  }
}

// The port is in network order on the wire, whatever the machine.
TEST(SocketAddress, WritesNetworkOrder) {
  const SocketAddress name(*Address::parse("1.2.3.4:258"));
  const auto* bytes = reinterpret_cast<const unsigned char*>(&name.storage);
  EXPECT_EQ(std::vector<unsigned char>(bytes + 2, bytes + 8),
            (std::vector<unsigned char>{1, 2, 1, 2, 3, 4}));
}

// Bytes that are no IP address are a caller's mistake, not an address.
TEST(SocketAddress, RefusesOtherFamilies) {
  SocketAddress name;
  name.storage.ss_family = AF_UNIX;
  EXPECT_THROW(name.to_address(), std::logic_error);
}

// Numeric addresses need no resolver.
TEST(Resolve, ReadsWhatAnAddressReads) {
  EXPECT_EQ(resolve("127.0.0.1:9999"), *Address::parse("127.0.0.1:9999"));
  EXPECT_EQ(resolve("[::1]:9999"), *Address::parse("[::1]:9999"));
  EXPECT_EQ(resolve("[fe80::1%7]:9999"), *Address::parse("[fe80::1%7]:9999"));
}

// A name stands for its IPv4 address, where the tutorial's server would be.
TEST(Resolve, PrefersIpv4ForAName) {
  if (!std::filesystem::exists("/etc/hosts")) GTEST_SKIP() << "a bare machine knows no names";
  EXPECT_EQ(resolve("localhost:9999"), *Address::parse("127.0.0.1:9999"));
}

// An interface may be named: lo is the first one on every Linux machine.
TEST(Resolve, ReadsAnInterfaceAsTheScope) {
  EXPECT_EQ(resolve("[fe80::1%lo]:9999"), *Address::parse("[fe80::1%1]:9999"));
}

// What is no address is refused in one line that shows what would be one.
TEST(Resolve, RefusesWhatIsNoAddress) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, ":"sv, ":9999"sv, "localhost"sv, "localhost:"sv, "localhost:http"sv, "localhost:-1"sv,
        "localhost:+9"sv, "localhost:65536"sv, "localhost:999999"sv, "localhost: 9"sv, "::1:9999"sv,
        "[::1]"sv, "[]:9"sv, "[::1:9999"sv}) {
    EXPECT_THAT([&] { resolve(text); },
                ThrowsMessage<TextError>(
                    AllOf(HasSubstr(std::string(text)), HasSubstr("such as 127.0.0.1:9999"))))
        << text;
  }
  EXPECT_THROW(resolve("a\0b:9999"sv), TextError);
}

// Brackets are IPv6's.
TEST(Resolve, RefusesAnythingElseInBrackets) {
  for (const char* text : {"[localhost]:9", "[127.0.0.1]:9", "[*]:9", "[::g%lo]:9"}) {
    EXPECT_THAT([&] { resolve(text); },
                ThrowsMessage<TextError>(HasSubstr("such as 127.0.0.1:9999")))
        << text;
  }
}

// What programs read as different addresses is none: octal, hexadecimal, fewer parts than four.
TEST(Resolve, RefusesNumbersThatAreAmbiguous) {
  for (const char* text :
       {"010.0.0.1:9", "127.0.0.01:9", "127.000.000.001:9", "0177.0.0.1:9", "0x7f.0.0.1:9",
        "0x7f000001:9", "0X7F000001:9", "2130706433:9", "127.1:9", "127.0.1:9", "1:9", "0:9",
        "0x:9", "256.0.0.1:9", "1.2.3.4.5:9", "127.0.0.1.:9", "host.0x7f:9", "host.1:9"}) {
    EXPECT_THAT([&] { resolve(text); },
                ThrowsMessage<TextError>(AllOf(StartsWith('"' + std::string(text) + '"'),
                                               HasSubstr("without leading zeros"))))
        << text;
  }
}

// A link-local address without a zone is refused, with the zones that there are.
TEST(Resolve, WantsAZoneWhereOneIsNeeded) {
  for (const char* text : {"[fe80::1]:9", "[febf::1]:9"}) {
    EXPECT_THAT([&] { resolve(text); },
                ThrowsMessage<TextError>(AllOf(StartsWith('"' + std::string(text) + '"'),
                                               HasSubstr("%eth0]:9; here are "), HasSubstr("lo"))))
        << text;
  }
  EXPECT_EQ(resolve("[fec0::1]:9"), *Address::parse("[fec0::1]:9"));
  EXPECT_THROW(resolve("[fe80::1%]:9999"), TextError);
  EXPECT_THAT([] { resolve("[fe80::1%nowhere]:9"); },
              ThrowsMessage<TextError>(
                  AllOf(HasSubstr("no interface is called \"nowhere\""), HasSubstr("lo"))));
}

// lo is the first interface on every Linux machine.
TEST(ZoneName, IsTheInterfacesName) {
  EXPECT_EQ(zone_name(1), "lo");
  EXPECT_EQ(zone_name(4'294'967'295), "4294967295");
}

// All addresses of this machine are something to listen at, and nothing to send to.
TEST(Resolve, TakesAStarForAllAddresses) {
  const ListenAddress all = resolve_listen("*:9999");
  EXPECT_TRUE(all.both_families);
  EXPECT_EQ(all.address, *Address::parse("[::]:9999"));
  EXPECT_EQ(all.to_string(), "*:9999");
  const ListenAddress one = resolve_listen("127.0.0.1:9");
  EXPECT_FALSE(one.both_families);
  EXPECT_EQ(one.to_string(), "127.0.0.1:9");
  for (const auto read : {resolve, resolve_server}) {
    EXPECT_THAT([&] { read("*:9999"); },
                ThrowsMessage<TextError>(HasSubstr("stands for all addresses of this machine")));
  }
  EXPECT_THROW(resolve_listen("*:x"), TextError);
  EXPECT_THROW(resolve_listen("224.0.0.1:9"), TextError);
  EXPECT_THROW(resolve_listen("255.255.255.255:9"), TextError);
  EXPECT_THROW(resolve_listen("[ff02::1%lo]:9"), TextError);
}

// IPv6's words for an IPv4 address are that address: no datagram of IPv6 ever goes there.
TEST(Resolve, ReadsAMappedAddressAsIpv4) {
  EXPECT_EQ(resolve("[::ffff:127.0.0.1]:9999"), *Address::parse("127.0.0.1:9999"));
  EXPECT_EQ(resolve("[::fffe:7f00:1]:9999"), *Address::parse("[::fffe:7f00:1]:9999"));
  const Address v4 = *Address::parse("192.0.2.1:9999");
  EXPECT_EQ(SocketAddress::in_ipv6(v4).storage.ss_family, AF_INET6);
  EXPECT_EQ(SocketAddress::in_ipv6(v4).to_address(), v4);
  const Address v6 = *Address::parse("[fe80::1%3]:9999");
  EXPECT_EQ(SocketAddress::in_ipv6(v6).to_address(), v6);
}

}  // namespace
}  // namespace lossy
