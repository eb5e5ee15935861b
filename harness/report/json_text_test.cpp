#include <lossy/harness/report/json_text.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

namespace lossy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kTwo53 = std::uint64_t{1} << 53;

// Whoever reads numbers as doubles reads the one that was meant, wherever it stands.
TEST(JsonText, NumbersThatNoDoubleHoldsAreStrings) {
  EXPECT_EQ(json_text(kTwo53 - 1), "9007199254740991");
  EXPECT_EQ(json_text(kTwo53), R"("9007199254740992")");
  EXPECT_EQ(json_text(std::numeric_limits<std::uint64_t>::max()), R"("18446744073709551615")");
  EXPECT_EQ(json_text(-static_cast<std::int64_t>(kTwo53) + 1), "-9007199254740991");
  EXPECT_EQ(json_text(-static_cast<std::int64_t>(kTwo53)), R"("-9007199254740992")");
  EXPECT_EQ(json_text(std::numeric_limits<std::int64_t>::min()), R"("-9223372036854775808")");
  EXPECT_EQ(json_text(std::numeric_limits<std::int64_t>::max()), R"("9223372036854775807")");
  EXPECT_EQ(json_text({{"seeds", {{"uplink", kTwo53 + 1}, {"downlink", 7}}}, {"list", {kTwo53}}}),
            R"({"seeds":{"uplink":"9007199254740993","downlink":7},"list":["9007199254740992"]})");
}

TEST(JsonText, OtherValuesStayWhatTheyAre) {
  EXPECT_EQ(
      json_text({{"share", 0.25}, {"much", 1e300}, {"is", true}, {"name", "9"}, {"no", nullptr}}),
      R"({"share":0.25,"much":1e+300,"is":true,"name":"9","no":null})");
}

TEST(JsonText, NamesNeedNotBeUtf8) {
  EXPECT_EQ(json_text("a\xff"
                      "b"),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(json_text("Zo\xc3\xab"), "\"Zo\xc3\xab\"");
  EXPECT_EQ(json_ascii_text({"Zo\xc3\xab\xff", kTwo53}),
            R"(["Zo\u00eb\ufffd","9007199254740992"])");
}

}  // namespace
}  // namespace lossy
