#include "harness/cli/profiles.hpp"

#include <algorithm>
#include <array>

namespace lossy {
namespace {

// Where a figure was published, the comment says where. A round-trip time is split evenly between
// the directions. The others (jitter, queues, losses where no source is named) are rounded typical
// values, good for trying a protocol out and no measurement of anybody's network. A queue holds
// about a quarter of a second of full-sized datagrams, or what the technology is known for. Radio
// links deliver in order, because their link layers do.
constexpr std::array kProfiles{
    // Rate and round-trip time of WebPageTest's "Mobile Edge" (240/200 kbit/s, 840 ms).
    Profile{"edge", "EDGE, when a phone finds nothing better",
            "delay 420ms 60ms distribution normal loss 1% rate 200kbit keep-order queue 50",
            "delay 420ms 60ms distribution normal loss 1% rate 240kbit keep-order queue 50"},
    // Rate and round-trip time of WebPageTest's "3G" (1.6/0.768 Mbit/s, 300 ms).
    Profile{"3g", "3G, HSPA",
            "delay 150ms 25ms distribution normal loss 0.5% rate 768kbit keep-order queue 100",
            "delay 150ms 25ms distribution normal loss 0.5% rate 1600kbit keep-order queue 100"},
    // Opensignal, "State of Mobile Networks: USA" (May 2019): 21.3 Mbit/s down, 6.3 Mbit/s up,
    // 44 to 66 ms round trip on average by operator.
    Profile{"lte", "LTE (4G), outdoors, moderately loaded",
            "delay 27ms 5ms distribution normal loss 0.2% rate 6mbit keep-order queue 150",
            "delay 27ms 5ms distribution normal loss 0.2% rate 21mbit keep-order queue 500"},
    // Opensignal's "5G user experience" (May 2020): 100 to 250 Mbit/s down where operators use the
    // middle bands. The upload, and a round trip of about 30 ms, are typical of such networks.
    Profile{"5g", "5G in the middle bands",
            "delay 15ms 3ms distribution normal loss 0.1% rate 20mbit keep-order queue 400",
            "delay 15ms 3ms distribution normal loss 0.1% rate 150mbit keep-order queue 3000"},
    // Rate and round-trip time of WebPageTest's "DSL" (1.5/0.384 Mbit/s, 50 ms).
    Profile{"dsl", "DSL far from the exchange",
            "delay 25ms 2ms loss 0.1% rate 384kbit keep-order queue 50",
            "delay 25ms 2ms loss 0.1% rate 1500kbit keep-order queue 100"},
    // The round-trip time of WebPageTest's "Cable" (28 ms), and in the FCC's "Measuring Broadband
    // America" cable's latency lies around it, with losses below 0.4 % for most subscribers. The
    // rates are those of an ordinary tariff of the 2020s.
    Profile{"cable", "cable at home, 100 Mbit/s down and 10 up",
            "delay 14ms 3ms loss 0.1% rate 10mbit keep-order queue 250",
            "delay 14ms 1ms loss 0.1% rate 100mbit keep-order queue 2000"},
    // Typical of 5 GHz with one user near the access point; nothing published is this simple.
    Profile{"wifi", "Wi-Fi near the access point, nobody else",
            "delay 2ms 1ms loss 0.1% rate 100mbit keep-order queue 1000",
            "delay 2ms 1ms loss 0.1% rate 100mbit keep-order queue 1000"},
    // Typical of a shared 2.4 GHz channel: retries and waiting for the medium make the delay vary,
    // and what is lost in spite of retries is lost in runs.
    Profile{"wifi-crowded", "Wi-Fi in a block of flats, a shared channel",
            "delay 12ms 10ms loss gemodel 1% 49% rate 10mbit keep-order queue 250",
            "delay 12ms 10ms loss gemodel 1% 49% rate 20mbit keep-order queue 500"},
    // Measurements at the 65th IETF meeting (Forte, Shin and Schulzrinne, Columbia University,
    // 2006) found losses, imbalance and handovers hard on hundreds of users at once. The figures
    // are rounded from what such halls are known for: one datagram in twenty, in runs.
    Profile{"conference-wifi", "the Wi-Fi of a conference hall, when everybody is in it",
            "delay 40ms 35ms loss gemodel 1.5% 28.5% rate 1mbit keep-order queue 100",
            "delay 40ms 35ms loss gemodel 1.5% 28.5% rate 2mbit keep-order queue 100"},
    // Two hops of 36,000 km take 240 ms and more each way (RFC 2488 section 2); with the
    // terrestrial
    // parts round trips are about 600 ms (Michel and others, "A first look at Starlink
    // performance", IMC 2022). 25/3 Mbit/s is an ordinary tariff.
    Profile{"satellite-geo", "a geostationary satellite",
            "delay 300ms 10ms distribution normal loss 0.5% rate 3mbit keep-order queue 200",
            "delay 300ms 10ms distribution normal loss 0.5% rate 25mbit keep-order queue 1000"},
    // Michel and others (IMC 2022; APNIC blog, November 2022): a median round trip of 50 ms, 40 to
    // 60 ms in the middle half, 100 to 200 Mbit/s down; losses under load of 1 to 2 %, in runs,
    // many
    // at the handovers every 15 s.
    Profile{"satellite-leo", "satellites in low orbits, such as Starlink",
            "delay 25ms 5ms distribution normal loss gemodel 0.3% 20% rate 15mbit keep-order "
            "queue 400",
            "delay 25ms 5ms distribution normal loss gemodel 0.3% 20% rate 150mbit keep-order "
            "queue 3000"},
    // Light in fibre needs 5 us/km: 18,000 km of cable and its detours take 125 ms each way. ITU-T
    // Y.1541 asks networks for a loss ratio below 0.1 %, and for at most 50 ms of variation.
    Profile{"intercontinental", "a wired path to another continent",
            "delay 125ms 2ms distribution normal loss 0.1%",
            "delay 125ms 2ms distribution normal loss 0.1%"},
};

}  // namespace

std::span<const Profile> profiles() {
  return kProfiles;
}

const Profile* find_profile(std::string_view name) {
  const auto found = std::ranges::find(kProfiles, name, &Profile::name);
  return found == kProfiles.end() ? nullptr : &*found;
}

}  // namespace lossy
