#include <lossy/harness/sim/network_script.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/core/membership/protocol.hpp>
#include <lossy/core/random.hpp>
#include <lossy/core/tftp/protocol.hpp>
#include <lossy/harness/sim/host_addresses.hpp>
#include <lossy/harness/sim/property_check.hpp>

namespace lossy {
namespace {

using Kind = NetworkOperation::Kind;

const std::string kAll =
    "script 2\n"
    "protocol tftp\n"
    "set attempts 3\n"
    "set sorcerers-apprentice on\n"
    "get \"a \\\"b\\\" \\xff\"\n"
    "put \"notes\"\n"
    "deliver 0\n"
    "drop 1\n"
    "duplicate 0\n"
    "swap 0 1\n"
    "flip 0 13\n"
    "cut 0 4\n"
    "timeout\n"
    "deliver first 5\n"
    "timeout 3\n"
    "drop all\n"
    "isolate 2 8\n";

TEST(NetworkScript, SaysEveryOperation) {
  const NetworkScript script = parse_network_script(tftp::protocol(), kAll);
  EXPECT_EQ(script.settings.at("attempts"), 3);
  ASSERT_EQ(script.calls.size(), 2U);
  EXPECT_EQ(script.calls[0].argument, "a \"b\" \xff");
  const std::vector<NetworkOperation> operations{
      {Kind::kDeliver, 0},  {Kind::kDrop, 1},   {Kind::kDuplicate, 0}, {Kind::kSwap, 0, 1},
      {Kind::kFlip, 0, 13}, {Kind::kCut, 0, 4}, {Kind::kTimeout, 1},   {Kind::kDeliverFirst, 5},
      {Kind::kTimeout, 3},  {Kind::kDropAll},   {Kind::kIsolate, 2, 8}};
  EXPECT_EQ(script.operations, operations);
  EXPECT_EQ(format_network_script(tftp::protocol(), script), kAll);
}

TEST(NetworkScript, CommentsAndSpacesAreNotKept) {
  const std::string text =
      "# what it is\n\n  script 2 # the version\nprotocol membership\n\tdeliver   first 2#\n";
  EXPECT_EQ(format_network_script(membership::protocol(),
                                  parse_network_script(membership::protocol(), text)),
            "script 2\nprotocol membership\ndeliver first 2\n");
}

TEST(NetworkScript, ErrorsSayWhereAndWhy) {
  const std::string head = "script 2\nprotocol tftp\n";
  const std::string call = head + "get \"x\"\n";
  struct Case {
    std::string text;
    std::size_t line;
    std::string word;
    std::string why;
  };
  for (const Case& one : std::vector<Case>{
           {"", 1, "", "begins with its version"},
           {"script 3\n", 1, "3", "which are 1 and 2"},
           {"script 1\n", 1, "1", "here stands version 2"},
           {"script 2\n", 1, "", "as in protocol tftp"},
           {"script 2\nget \"x\"\n", 2, "get", "as in protocol tftp"},
           {"script 2\nprotocol membership\n", 2, "membership", "and not of tftp"},
           {head + "fetch \"x\"\n", 3, "fetch", "no such call; there are get or put"},
           {head + "set blocks 5\n", 3, "blocks", "no such setting; there are "},
           {head + "set attempts 0\n", 3, "0", "0"},
           {head + "set attempts 3\nset attempts 4\n", 4, "attempts", "said before"},
           {head + "set sorcerers-apprentice yes\n", 3, "yes", "neither on nor off"},
           {head + "get x\n", 3, "get", "no operation"},
           {head + "get \"x\n", 3, "\"x", "closing quote"},
           {call + "deliver 0\nget \"x\"\n", 5, "get", "before the first operation"},
           {call + "deliver 0\nset attempts 3\n", 5, "set", "before the first operation"},
           {call + "deliver 65536\n", 4, "65536", "0 to 65535"},
           {call + "deliver all\n", 4, "all", "a place, or the word first"},
           {call + "swap 1\n", 4, "", "another place"},
           {call + "timeout 2 3\n", 4, "3", "nothing more"},
           {call + "deliver uplink 0\n", 4, "uplink", "a place"},
       }) {
    SCOPED_TRACE(one.text);
    try {
      parse_network_script(tftp::protocol(), one.text);
      ADD_FAILURE() << "it is taken";
    } catch (const ScriptError& error) {
      EXPECT_EQ(error.line, one.line);
      EXPECT_EQ(error.word, one.word);
      EXPECT_NE(std::string(error.what()).find(one.why), std::string::npos) << error.what();
    }
  }
}

TEST(NetworkScript, APlanThatCannotBeIsRefusedInTheProtocolsWords) {
  try {
    parse_network_script(membership::protocol(), "script 2\nprotocol membership\nset nodes 1\n");
    ADD_FAILURE() << "it is taken";
  } catch (const ScriptError& error) {
    EXPECT_EQ(error.word, "1");
  }
}

TEST(NetworkScript, NamesItsProtocol) {
  EXPECT_EQ(protocol_of_script("script 2\nprotocol tftp\nnonsense"), "tftp");
  EXPECT_EQ(protocol_of_script("# a\nscript 1\nnonsense"), "");
  EXPECT_THROW(protocol_of_script("protocol tftp\n"), ScriptError);
}

// One run of a script, as a person would follow it.
class FollowedRun {
 public:
  explicit FollowedRun(const Protocol& protocol, const NetworkScript& script)
      : plan_(plan_of(protocol, script)),
        hosts_(protocol.hosts(plan_)),
        run_((place_hosts(plan_, hosts_), protocol.make_run(plan_, note()))),
        check_(protocol.properties, *run_),
        network_(*run_, network_addresses(plan_, hosts_)) {
    network_.observe(check_);
    network_.observe(watcher_);
    network_.over_when([this] { return !check_.holds(network_.now()); });
    network_.start();
    for (const NetworkOperation& operation : script.operations) {
      if (!perform(operation, network_)) ++idle;
    }
    letters_left = network_.letters().size();
    settles = network_.settle(ControlledNetwork::kSettlesWithin);
  }
  FollowedRun(const Protocol& protocol, const std::string& text)
      : FollowedRun(protocol, parse_network_script(protocol, text)) {}

  std::string ends;      // What the application was told.
  std::string watched;   // What observers were.
  std::size_t idle = 0;  // Operations without anything to do.
  std::size_t letters_left = 0;
  bool settles = false;
  const PropertyCheck& check() const { return check_; }
  const ControlledNetwork& network() const { return network_; }

 private:
  class Watcher final : public Observer {
   public:
    explicit Watcher(std::string& watched) : watched_(watched) {}
    void on_offered(Instant, const Passage& passage, const Offer& offer) override {
      add("sent", passage, offer.number);
    }
    void on_delivered(Instant, const Passage& passage, const Delivery& delivery) override {
      add(delivery.copy > 0    ? "copy"
          : delivery.reordered ? "late"
                               : "came",
          passage, delivery.number);
    }
    void on_lost(Instant, const Passage& passage, std::uint64_t number, std::string_view) override {
      add("lost", passage, number);
    }

   private:
    void add(const char* what, const Passage& passage, std::uint64_t number) {
      watched_ += std::string(what) + (passage.direction == Direction::kUplink ? " up" : " down") +
                  std::to_string(number) + ", ";
    }
    std::string& watched_;
  };

  Protocol::Listener note() {
    return [this](const RunEvent& event) {
      ends += std::string(event.subject) + ' ' + std::string(event.predicate) + ", ";
    };
  }

  RunPlan plan_;
  std::vector<HostRole> hosts_;
  std::unique_ptr<ProtocolRun> run_;
  PropertyCheck check_;
  Watcher watcher_{watched};
  ControlledNetwork network_;
};

const std::string kGreet =
    "script 2\nprotocol greetings\ngreet \"Ada\"\ngreet \"Bo\"\nset window 2\n";

TEST(NetworkScript, DoesWhatItSays) {
  struct Case {
    std::string operations;
    std::string watched;  // Of what the operations and then a perfect network did.
  };
  const std::string sent = "sent up1, sent up2, ";
  for (const Case& one : std::vector<Case>{
           {"", "came up1, sent down1, came up2, sent down2, came down1, came down2, "},
           {"deliver 1\n", "came up2, sent down1, late up1, sent down2, came down1, came down2, "},
           {"deliver 3\n", "came up2, sent down1, late up1, sent down2, came down1, came down2, "},
           {"deliver first 3\n",
            "came up1, sent down1, came up2, sent down2, came down1, "
            "came down2, "},
           {"drop 0\n",
            "lost up1, came up2, sent down1, came down1, sent up3, came up3, "
            "sent down2, came down2, "},
           {"drop all\n",
            "lost up1, lost up2, sent up3, sent up4, came up3, sent down1, came up4, "
            "sent down2, came down1, came down2, "},
           {"duplicate 0\n",
            "came up1, sent down1, came up2, sent down2, copy up1, sent down3, "
            "came down1, came down2, came down3, "},
           {"swap 0 1\n", "came up2, sent down1, late up1, sent down2, came down1, came down2, "},
           {"flip 0 0\n",
            "came up1, sent down1, came up2, sent down2, came down1, came down2, "
            "sent up3, came up3, sent down3, came down3, "},
           {"cut 0 0\n",
            "came up1, came up2, sent down1, came down1, sent up3, came up3, "
            "sent down2, came down2, "},
           {"timeout\n",
            "sent up3, sent up4, came up1, sent down1, came up2, sent down2, "
            "came up3, sent down3, came up4, sent down4, came down1, came down2, "
            "came down3, came down4, "},
           {"isolate 1 1\n",
            "lost up1, lost up2, sent up3, sent up4, came up3, sent down1, "
            "came up4, sent down2, came down1, came down2, "},
       }) {
    SCOPED_TRACE(one.operations);
    const FollowedRun run(greetings(), kGreet + one.operations);
    EXPECT_EQ(run.watched, sent + one.watched);
    EXPECT_TRUE(run.settles);
    EXPECT_EQ(run.idle, 0U);
    EXPECT_EQ(run.check().broken(), nullptr);
    EXPECT_NE(run.ends.find("Ada is greeted"), std::string::npos) << run.ends;
    EXPECT_NE(run.ends.find("Bo is greeted"), std::string::npos) << run.ends;
  }
}

TEST(NetworkScript, CountsWhatFindsNothingToDo) {
  const FollowedRun run(greetings(), kGreet +
                                         "drop all\ndeliver 0\nswap 0 1\nflip 0 1\ncut 0 1\n"
                                         "duplicate 0\ndrop 0\ndrop all\n");
  EXPECT_EQ(run.idle, 7U);
}

TEST(NetworkScript, CountersSayWhatBecameOfDatagrams) {
  // One lost as a whole, one of which a copy is lost, one that arrives damaged.
  const FollowedRun run(greetings(), kGreet + "duplicate 1\ndrop 2\ndrop 0\ncut 0 1\ndeliver 0\n");
  const LinkCounters& uplink = run.network().counters(Direction::kUplink);
  EXPECT_EQ(uplink.offered, 4U);
  EXPECT_EQ(uplink.delivered, 3U);
  EXPECT_EQ(uplink.lost(), 1U);
  EXPECT_EQ(uplink.duplicated, 1U);
  EXPECT_EQ(uplink.copies_dropped, 1U);
  EXPECT_EQ(uplink.truncated, 1U);
}

TEST(NetworkScript, APropertyThatBreaksEndsTheRun) {
  const FollowedRun run(tftp::protocol(),
                        "script 2\nprotocol tftp\nset sorcerers-apprentice on\nget \"x\"\n"
                        "deliver first 1\ndeliver 0\nduplicate 0\ndeliver first 100\n");
  ASSERT_NE(run.check().broken(), nullptr);
  EXPECT_FALSE(run.settles);
}

// Whatever an input does, its text does.
TEST(NetworkScript, AnInputIsItsText) {
  const RandomStream random(7);
  std::uint64_t draws = 0;
  const auto below = [&](std::uint64_t bound) { return uniform_below(random.at(++draws), bound); };
  for (const Protocol* const protocol : {&tftp::protocol(), &membership::protocol()}) {
    for (int i = 0; i < 300; ++i) {
      std::vector<std::byte> input(below(60));
      for (std::byte& byte : input) byte = static_cast<std::byte>(below(256));
      const NetworkScript script = decode_input(*protocol, input);
      const std::string text = format_network_script(*protocol, script);
      std::optional<NetworkScript> again;
      try {
        again = parse_network_script(*protocol, text);
      } catch (const ScriptError& error) {
        ADD_FAILURE() << error.what() << " in\n" << text;
        continue;
      }
      EXPECT_EQ(again->operations, script.operations);
      EXPECT_EQ(again->settings, script.settings);
      EXPECT_EQ(format_network_script(*protocol, *again), text);
    }
  }
}

}  // namespace
}  // namespace lossy
