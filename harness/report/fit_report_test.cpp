#include <lossy/harness/report/fit_report.hpp>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace lossy {
namespace {

using namespace std::chrono_literals;

FitReport report_of(PathFit uplink) {
  FitReport report{
      .captures = {"run.pcap"}, .ends = {}, .ways = {}, .lines = {"loss 1%", ""}, .written = {}};
  report.ways[0] = std::move(uplink);
  return report;
}

// Two digits of the error, and as many decimals of what it is of.
TEST(FitReport, ShowsWhatIsKnown) {
  EXPECT_EQ(share_text({0.0912345, 0.00123}), "9.12% ± 0.12%");
  EXPECT_EQ(share_text({0.0912345, 0.0123}), "9.1% ± 1.2%");
  EXPECT_EQ(share_text({0.5, 0.2}), "50% ± 20%");
  EXPECT_EQ(share_text({0.25, 0}), "25%");
  EXPECT_EQ(share_text({0.999, 0.0996}), "100% ± 10%");
}

// Of what never happened the bound is said that 95% of all samples keep (3 / n).
TEST(FitReport, BoundsWhatNeverHappened) {
  PathFit fit;
  fit.sent = fit.arrived = fit.duplicated_of = fit.loss.counts.known = 3000;
  fit.loss.kind = LossKind::kIndependent;
  fit.duplicated = Estimate{};
  const std::string text = fit_text(report_of(fit));
  EXPECT_NE(text.find("    loss          none in 3000: at most 0.1%\n"), std::string::npos) << text;
  EXPECT_NE(text.find("    duplicated    none in 3000: at most 0.1%\n"), std::string::npos);
  EXPECT_NE(text.find("    rate          no bottleneck seen\n"), std::string::npos);
  EXPECT_NE(text.find("  --uplink='loss 1%'\n"), std::string::npos);
  EXPECT_NE(text.find("  downlink: 0 sent, 0 arrived\n"), std::string::npos);
  EXPECT_EQ(text.find("--downlink"), std::string::npos);
}

// How two captures were joined, and on what assumption.
TEST(FitReport, SaysHowEndsWereJoined) {
  FitReport report = report_of({});
  report.ends.emplace();
  report.ends->swapped = true;
  report.ends->offset = -1500ms;
  report.ends->least = 20ms;
  report.ends->drift_ppm = -12.34;
  report.ends->ambiguous = 1;
  const std::string text = fit_text(report);
  for (const char* line :
       {"  the second capture is the client's end\n",
        "  the server's clock is 1.5s behind, if the least delay, 20 ms, is the same both ways\n",
        "  it goes 12.3 ppm slower, which is set right\n",
        "  1 arrival could each be one of several that are alike, none of which counts\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  EXPECT_EQ(fit_json(report)["ends"]["client"], 2);
  report.ends->both_ways = false;
  EXPECT_NE(fit_text(report).find("delays count from the least\n"), std::string::npos);
}

// Programs get what people get, in six digits.
TEST(FitReport, IsJsonToo) {
  PathFit fit;
  fit.sent = 10;
  fit.loss.kind = LossKind::kGilbert;
  fit.loss.to_bad = {0.123456789, 0.01};
  fit.rate = RateFit{.bits_per_second = {1e6 / 3, 10}};
  const auto json = fit_json(report_of(fit));
  EXPECT_EQ(json["uplink"]["loss"]["model"], "gilbert");
  EXPECT_EQ(json["uplink"]["loss"]["to_bad"]["value"], 0.123457);
  EXPECT_EQ(json["uplink"]["rate"]["value"], 333333);
  EXPECT_EQ(json["uplink"]["netem"], "loss 1%");
  EXPECT_TRUE(json["downlink"]["delay"].is_null());
}

}  // namespace
}  // namespace lossy
