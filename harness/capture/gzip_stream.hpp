// Compressed bytes as a stream that anybody can read.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

namespace lossy {

// A stream of what gzip made of `descriptor`'s bytes, as they were before; bytes that gzip did not
// make are passed on as they are. The descriptor need not be seekable, and is closed with the
// stream. Where reading fails, `*error` says why, in words without a name: it is shared with the
// stream. Null when there is no memory for it; the descriptor is closed then, too.
std::FILE* open_gzip_stream(int descriptor, std::shared_ptr<std::string> error);

}  // namespace lossy
