#include <lossy/harness/report/merged_report.hpp>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lossy {
namespace {

// Where nothing was merged nothing is said.
TEST(MergedReportTest, NothingMerged) {
  const MergedReport report{.interface = "lo"};
  EXPECT_EQ(merged_text_before(report) + merged_text(report), "");
  EXPECT_EQ(merged_json(report).dump(), R"({"packets":0,"datagrams":0,"carried":0,"unknown":0})");
}

TEST(MergedReportTest, TakenApart) {
  const MergedReport report{.interface = "lo",
                            .handed_on = {.packets = 38, .datagrams = 1000, .carried = 1}};
  EXPECT_EQ(merged_text(report),
            "lossy: the kernel had merged 1000 datagrams into 38 packets; they are recorded one by "
            "one\n"
            "lossy: 1 packet was a tunnel's, and stayed merged inside; record on the tunnel's own "
            "interface to have the datagrams one by one\n");
  EXPECT_EQ(merged_json(report).dump(),
            R"({"packets":38,"datagrams":1000,"carried":1,"unknown":0})");
}

// What cannot be told is said, with what to do.
TEST(MergedReportTest, Unknown) {
  const MergedReport report{.interface = "eth0", .missed = {.merged = 2, .any = 3}, .lost = 4};
  EXPECT_EQ(
      merged_text(report),
      "lossy: 2 packets were merged, and before Linux 6.2 the kernel does not say how; what "
      "of them was recorded stayed merged; to have none sent merged: sudo ethtool -K eth0 "
      "tx-udp-segmentation off\n"
      "lossy: of 7 packets nobody knows whether the kernel had merged them, or how: give it a "
      "larger --buffer\n");
  EXPECT_EQ(merged_json(report)["unknown"], 9);
}

TEST(MergedReportTest, KernelTellsNothing) {
  const MergedReport report{.interface = "any", .cannot_tell = "there is no memory"};
  EXPECT_EQ(merged_text_before(report),
            "lossy: there is no memory; datagrams that the kernel merges stay merged; to have none "
            "sent merged: sudo ethtool -K IFACE tx-udp-segmentation off\n");
  EXPECT_EQ(merged_json(report), nullptr);
}

}  // namespace
}  // namespace lossy
