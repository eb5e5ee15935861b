#include <lossy/harness/link/profiles.hpp>

#include <algorithm>
#include <array>

namespace lossy {
namespace {

// A round-trip time is split evenly between the directions. What no source is named for (jitter,
// queues, most losses) are rounded typical values, good for trying a protocol out and no
// measurement of anybody's network. Queues hold a quarter of a second to a second of full-sized
// datagrams. What has a link layer that retries delivers in order.
constexpr std::array kProfiles{
    Profile{
        .name = "edge",
        .description = "EDGE, when a phone finds nothing better",
        .source = "Rate and round-trip time of WebPageTest's \"Mobile Edge\" (240 and 200 kbit/s,"
                  " 840 ms).",
        .uplink = "delay 420ms 60ms distribution normal loss 1% rate 200kbit keep-order queue 50",
        .downlink =
            "delay 420ms 60ms distribution normal loss 1% rate 240kbit keep-order queue 50"},
    Profile{
        .name = "3g",
        .description = "3G, HSPA",
        .source = "Rate and round-trip time of WebPageTest's \"3G\" (1.6 and 0.768 Mbit/s, 300 "
                  "ms).",
        .uplink = "delay 150ms 25ms distribution normal loss 0.5% rate 768kbit keep-order queue "
                  "100",
        .downlink = "delay 150ms 25ms distribution normal loss 0.5% rate 1600kbit keep-order queue "
                    "100"},
    Profile{
        .name = "lte",
        .description = "LTE (4G), outdoors, moderately loaded",
        .source = "Opensignal, \"State of mobile networks: USA\" (May 2019): 21.3 Mbit/s down and"
                  " 6.3 up, round trips of 44 to 66 ms by operator.",
        .uplink = "delay 27ms 5ms distribution normal loss 0.2% rate 6mbit keep-order queue 150",
        .downlink =
            "delay 27ms 5ms distribution normal loss 0.2% rate 21mbit keep-order queue 500"},
    Profile{
        .name = "5g",
        .description = "5G in the middle bands",
        .source = "Opensignal (May 2020): 100 to 250 Mbit/s down where operators use the middle "
                  "bands. The rest is typical of such networks.",
        .uplink = "delay 15ms 3ms distribution normal loss 0.1% rate 20mbit keep-order queue 400",
        .downlink = "delay 15ms 3ms distribution normal loss 0.1% rate 150mbit keep-order queue "
                    "3000"},
    Profile{.name = "dsl",
            .description = "DSL far from the exchange",
            .source = "Rate and round-trip time of WebPageTest's \"DSL\" (1.5 and 0.384 Mbit/s, 50 "
                      "ms).",
            .uplink = "delay 25ms 2ms loss 0.1% rate 384kbit keep-order queue 50",
            .downlink = "delay 25ms 2ms loss 0.1% rate 1500kbit keep-order queue 100"},
    Profile{.name = "cable",
            .description = "cable at home, 100 Mbit/s down and 10 up",
            .source = "The round-trip time of WebPageTest's \"Cable\" (28 ms). Rates and "
                      "losses are typical of tariffs of the 2020s.",
            .uplink = "delay 14ms 3ms loss 0.1% rate 10mbit keep-order queue 250",
            .downlink = "delay 14ms 1ms loss 0.1% rate 100mbit keep-order queue 2000"},
    Profile{.name = "wifi",
            .description = "Wi-Fi near the access point, nobody else",
            .source = "Typical of 5 GHz and one user; no measurement.",
            .uplink = "delay 2ms 1ms loss 0.1% rate 100mbit keep-order queue 1000",
            .downlink = "delay 2ms 1ms loss 0.1% rate 100mbit keep-order queue 1000"},
    Profile{.name = "wifi-crowded",
            .description = "Wi-Fi in a block of flats, a shared channel",
            .source = "Typical of a shared channel at 2.4 GHz, where retries make delays vary"
                      " and losses come in runs; no measurement.",
            .uplink = "delay 12ms 10ms loss gemodel 1% 49% rate 10mbit keep-order queue 250",
            .downlink = "delay 12ms 10ms loss gemodel 1% 49% rate 20mbit keep-order queue 500"},
    Profile{.name = "conference-wifi",
            .description = "the Wi-Fi of a conference hall, when everybody is in it",
            .source = "That such halls lose and hand over a lot was observed at the 65th IETF"
                      " meeting (Columbia University, 2006); the figures are typical: one "
                      "datagram in twenty, in runs.",
            .uplink = "delay 40ms 35ms loss gemodel 1.5% 28.5% rate 1mbit keep-order queue 100",
            .downlink = "delay 40ms 35ms loss gemodel 1.5% 28.5% rate 2mbit keep-order queue 100"},
    Profile{
        .name = "satellite-geo",
        .description = "a geostationary satellite",
        .source = "Michel and others, \"A first look at Starlink performance\" (IMC "
                  "2022): round trips of 600 ms and more. The rest is typical of tariffs.",
        .uplink = "delay 300ms 10ms distribution normal loss 0.5% rate 3mbit keep-order queue 200",
        .downlink = "delay 300ms 10ms distribution normal loss 0.5% rate 25mbit keep-order queue "
                    "1000"},
    Profile{.name = "satellite-leo",
            .description = "satellites in low orbits, such as Starlink",
            .source = "Michel and others (IMC 2022, and APNIC's blog, November 2022): round "
                      "trips of 50 ms, half of them between 40 and 60 ms; 100 to 200 Mbit/s "
                      "down are promised. Losses of one or two in a hundred, in runs, are "
                      "typical.",
            .uplink = "delay 25ms 5ms distribution normal loss gemodel 0.3% 20% rate 15mbit "
                      "keep-order queue 400",
            .downlink = "delay 25ms 5ms distribution normal loss gemodel 0.3% 20% rate 150mbit "
                        "keep-order queue 3000"},
    Profile{.name = "intercontinental",
            .description = "a wired path to another continent",
            .source = "Light in fibre takes 5 us/km, and 25,000 km of cable 125 ms. ITU-T "
                      "Y.1541 asks for losses of at most 0.1 % and a variation of at most 50 "
                      "ms.",
            .uplink = "delay 125ms 2ms distribution normal loss 0.1%",
            .downlink = "delay 125ms 2ms distribution normal loss 0.1%"},
};

}  // namespace

std::span<const Profile> profiles() {
  return kProfiles;
}

const Profile* find_profile(std::string_view name) {
  const auto found = std::find_if(kProfiles.begin(), kProfiles.end(),
                                  [&](const Profile& profile) { return profile.name == name; });
  return found == kProfiles.end() ? nullptr : &*found;
}

}  // namespace lossy
