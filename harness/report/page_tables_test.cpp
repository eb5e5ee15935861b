#include <lossy/harness/report/page_tables.hpp>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

Json row_of(const Json& table, std::string_view key) {
  for (const Json& row : table["rows"]) {
    if (row["key"] == key) return row["cells"];
  }
  return {};
}

// Bars and what lies above them are all there is, whatever the values.
TEST(PageTables, AHistogramLosesNothing) {
  std::vector<Duration> one_far_out(1000, 1ms);
  one_far_out.push_back(400s);
  for (const std::vector<Duration>& values :
       {std::vector<Duration>{20ms, 20ms, 20ms}, std::vector<Duration>{0ms},
        std::vector<Duration>{1ms, 2ms, 3ms, 400s}, std::vector<Duration>{Duration(1), 3h},
        one_far_out}) {
    Histogram histogram;
    for (const Duration value : values) histogram.add(value);
    const Json json = page_histogram(histogram, "RTT");
    std::uint64_t sum = json["above"].get<std::uint64_t>();
    for (const Json& count : json["counts"]) sum += count.get<std::uint64_t>();
    EXPECT_EQ(sum, values.size()) << json;
    EXPECT_EQ(json["edges"].size(), json["counts"].size() + 1);
    for (std::size_t i = 1; i < json["edges"].size(); ++i) {
      EXPECT_LT(json["edges"][i - 1].get<std::int64_t>(), json["edges"][i].get<std::int64_t>());
    }
  }
  EXPECT_TRUE(page_histogram({}, "RTT").is_null());
}

// Counts stand beside their parts of what they are parts of, under the names of the RFCs.
TEST(PageTables, TellLinksByTheNamesOfTheRfcs) {
  LinkCounters up{.offered = 10, .delivered = 8};
  up.lost_by[static_cast<std::size_t>(LossReason::kQueue)] = 2;
  const Json table = links_table(up, {});
  EXPECT_EQ(row_of(table, "offered"), Json::array({"offered", "", "10", "", "0", ""}));
  EXPECT_EQ(row_of(table, "lost"), Json::array({"lost", "RFC 7680", "2", "20%", "0", ""}));
  EXPECT_EQ(row_of(table, "lost_by.queue"), Json::array({"  by queue", "", "2", "20%", "0", ""}));
  EXPECT_TRUE(row_of(table, "lost_by.drop").is_null());
  EXPECT_EQ(row_of(table, "reordered")[1], "RFC 4737");
  EXPECT_EQ(row_of(table, "duplicated")[1], "RFC 5560");
}

}  // namespace
}  // namespace lossy
