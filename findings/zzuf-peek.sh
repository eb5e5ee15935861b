#!/usr/bin/env bash
# zzuf 0.15 in network mode fuzzes by the position in all bytes that a socket ever handed out, and a
# MSG_PEEK moves that position as a read does. One datagram, peeked at and then read, shows two different
# contents, and every later datagram is fuzzed in other places than without the peek.
# Versions: zzuf 0.15-2+b3 (Debian 12).
# Why it hurts: UDP programs peek to learn a length or a sender. Under zzuf they decide by bytes that
# they then do not get, which no network can do, and what is found that way is no bug.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
need gcc
deb zzuf=0.15-2+b3
cat >"$tmp/peek.c" <<'C'
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
int main(int argc, char** argv) {
  (void)argv;
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  char sent[16] = {0}, got[16];
  if (bind(s, (void*)&address, size) || getsockname(s, (void*)&address, &size)) return 1;
  for (int i = 0; i < 3; ++i) {
    if (sendto(s, sent, sizeof sent, 0, (void*)&address, size) != sizeof sent) return 1;
    for (int flags = argc > 1 ? MSG_PEEK : 0; flags >= 0; flags = flags ? 0 : -1) {
      if (recv(s, got, sizeof got, flags) != sizeof got) return 1;
      printf(flags ? "peek%d " : "read%d ", i);
      for (int j = 0; j < 16; ++j) printf("%02x", (unsigned char)got[j]);
      puts("");
    }
  }
}
C
gcc -o "$tmp/peek" "$tmp/peek.c"
# zzuf looks for its library in one folder of the system only: its own variables do the same from here.
fuzz() {
  LD_PRELOAD=$(find "$tmp/root" /usr/lib -name libzzuf.so 2>/dev/null | head -1) ZZUF_SEED=3 \
    ZZUF_MINRATIO=0.02 ZZUF_MAXRATIO=0.02 ZZUF_NETWORK=1 timeout 20 "$tmp/peek" "$@"
}
fuzz >"$tmp/plain"
fuzz peek >"$tmp/peeked"
sed 's/^/without a peek: /' "$tmp/plain"
cat "$tmp/peeked"
of() { sed -n "s/^$1 //p" "$tmp/$2"; }
same() { [[ $1 == "$2" ]] && echo "the same" || echo "differ"; }
verdict "peek and read: the same; the third read with and without peeks: the same" \
  "peek and read: $(same "$(of peek0 peeked)" "$(of read0 peeked)"); the third read with and without peeks: $(
    same "$(of read2 peeked)" "$(of read2 plain)")" \
  "peek and read: differ; the third read with and without peeks: differ"
