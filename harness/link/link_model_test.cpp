#include <lossy/harness/link/link_model.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// What becomes of a thousand datagrams that are a millisecond apart: '.' is lost.
std::string fates(Link link) {
  const std::vector<std::byte> payload(100);
  std::string fates;
  for (int i = 0; i < 1000; ++i) {
    const Offer offer = link.handle_datagram(Instant(i * 1ms), payload);
    fates += offer.copies_in_flight == 0 ? '.' : 'x';
  }
  return fates;
}

std::size_t equal(const std::string& a, const std::string& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] == b[i] ? 1 : 0;
  return count;
}

// Paths of one seed, and directions of one path, agree about half of a thousand losses at 50 %, as
// often as chance has it: at most five standard deviations, 79, from 500.
TEST(LinkModel, PathsOfOneSeedDiffer) {
  std::vector<std::string> all;
  for (std::uint64_t path = 0; path < 8; ++path) {
    for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
      all.push_back(fates(make_link("loss 50%", 7, direction, path)));
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NEAR(double(equal(all[i], all[j])), 500, 79);
  }
}

// The first path has the seed itself; any path is the same each time.
TEST(LinkModel, SameSeedAndPathAreTheSame) {
  const Impairments half{.loss = RandomLoss{Probability::ratio(1, 2)}};
  EXPECT_EQ(
      fates(make_link("loss 50%", 7, Direction::kDownlink)),
      fates(Link(LinkOptions{}, std::make_unique<RandomFates>(half, 7, Direction::kDownlink))));
  for (const std::uint64_t path : {0U, 1U, 1'000'000U}) {
    EXPECT_EQ(fates(make_link("loss 50%", 7, Direction::kUplink, path)),
              fates(make_link("loss 50%", 7, Direction::kUplink, path)));
  }
}

// A line's own seed comes first; what else it says is done; one that cannot be read is refused.
TEST(LinkModel, IsWhatTheLineSays) {
  EXPECT_EQ(fates(make_link("loss 50% seed 9", 7, Direction::kUplink)),
            fates(make_link("loss 50%", 9, Direction::kUplink)));
  Link link = make_link("delay 20ms rate 128kbit mtu 1500 outage 1s..2s", 7, Direction::kUplink);
  const std::vector<std::byte> payload(100);
  link.handle_datagram(Instant{}, payload);
  EXPECT_EQ(link.poll_timeout(), Instant(20ms + 8ms)) << "128 bytes at 128 kbit/s";
  const std::vector<std::byte> large(1500 - kHeaderBytesV4 + 1);
  EXPECT_EQ(link.handle_datagram(Instant{}, large).loss, LossReason::kMtu);
  EXPECT_EQ(link.handle_datagram(Instant(1s), payload).loss, LossReason::kOutage);
  EXPECT_THROW(make_link("loss many", 7, Direction::kUplink), NetemError);
}

// Phases begin when they are said to.
TEST(LinkModel, HasPhases) {
  Timeline<LinkSettings> settings(parse_netem("delay 1ms", {}));
  settings.add(Instant(1s), parse_netem("delay 5ms loss 100%", {}));
  Link link = make_link(link_model(settings, kHeaderBytesV6), 7, Direction::kUplink);
  const std::vector<std::byte> payload(1);
  EXPECT_EQ(link.handle_datagram(Instant{}, payload).copies_in_flight, 1U);
  EXPECT_EQ(link.handle_datagram(Instant(1s), payload).loss, LossReason::kDrop);
}

}  // namespace
}  // namespace lossy
