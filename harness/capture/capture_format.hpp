// What the readers of the formats of capture files have in common.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <lossy/harness/capture/byte_window.hpp>
#include <lossy/harness/capture/capture_record.hpp>

namespace lossy {

// What packets were captured on.
struct CaptureInterface {
  std::string name{};  // As the file has it, which may be any bytes, and often none.
  int link_type = 0;
};

class CaptureFormat {
 public:
  explicit CaptureFormat(ByteWindow window) : window_(std::move(window)) {}
  virtual ~CaptureFormat() = default;
  CaptureFormat(const CaptureFormat&) = delete;
  CaptureFormat& operator=(const CaptureFormat&) = delete;

  // Reads what stands in front of everything else. False when it is no capture.
  virtual bool begin() = 0;

  // Fills in the next record, but for its number; the frame is valid until the next call. False at
  // the end, and where the file makes no sense any more: then this was the last call.
  virtual bool next(CaptureRecord& record) = 0;

  // Why begin() or next() gave false, when it was not the end of the file; or nothing.
  const std::string& error() const { return error_; }

  // Those that were declared until now. Interfaces of a record is a place in it.
  const std::vector<CaptureInterface>& interfaces() const { return interfaces_; }

 protected:
  // False. Where the stream has ended for a reason, it is that one.
  bool fail(std::string why) {
    error_ = window_.error().empty() ? std::move(why) : window_.error();
    return false;
  }

  ByteWindow window_;
  std::vector<CaptureInterface> interfaces_;

 private:
  std::string error_;
};

}  // namespace lossy
