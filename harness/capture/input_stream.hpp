// The bytes of a file or a pipe as a stream, unpacked where gzip has packed them.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

namespace lossy {

// A stream of a descriptor's bytes, or of those that gzip made them of: their beginning tells. The
// descriptor need not be seekable, and is closed with the stream. A read waits for the first bytes
// there are and for no more, so that who writes a pipe slowly is read at once. Where reading fails,
// `*error` says why, in words without a name: it is shared with the stream. Null when there is no
// memory for it; the descriptor is closed then, too.
std::FILE* open_input_stream(int descriptor, std::shared_ptr<std::string> error);

}  // namespace lossy
