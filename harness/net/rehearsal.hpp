// Keeps the way out of this machine in the processor's caches: after some milliseconds without a
// datagram to send, the first one takes several times as long as the next.
//
// A rehearsal sends a datagram of one byte to the hosts of a network next to this machine
// (224.0.0.1) with 0 hops to live. The kernel takes it as far as the interface, and drops it there:
// it reaches neither the network, nor another program, nor a capture. That needs an interface with
// an IPv4 address that is not the loopback; where there is none, nothing is rehearsed.
#pragma once

#include <lossy/harness/net/file_descriptor.hpp>

namespace lossy {

class Rehearsal {
 public:
  Rehearsal();

  // Whether there is an interface to rehearse on.
  bool possible() const { return socket_.number() >= 0; }

  // Takes some microseconds. Must be possible.
  void run();

 private:
  FileDescriptor socket_;
};

}  // namespace lossy
