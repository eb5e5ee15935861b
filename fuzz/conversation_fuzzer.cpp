// Invariant: whatever a network does to a client and a server, no greeting is told that was not
// asked for, each request ends exactly once, transmissions are bounded by attempts, the server
// answers each name once and never unasked; and when the network turns perfect, every request ends
// and nothing is left over. conversation.hpp says how the input is a script, client_model.hpp lists
// the client's properties.
#include "fuzz/conversation.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static lossy::fuzz::Conversation conversation;
  conversation.run({data, size});
  return 0;
}
