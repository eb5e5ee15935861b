#include <lossy/harness/capture/record_as.hpp>

#include <algorithm>

namespace lossy {
namespace {

struct Form {
  RecordAs as;
  std::string_view word;
  int link_type;
};

constexpr std::array<Form, kAllRecordAs.size()> kForms = {{
    {RecordAs::kSll2, "sll2", kLinkTypeLinuxSll2},
    {RecordAs::kSll, "sll", kLinkTypeLinuxSll},
    {RecordAs::kEthernet, "ethernet", kLinkTypeEthernet},
    {RecordAs::kRaw, "raw", kLinkTypeRaw},
}};

template <typename Wanted>
std::optional<RecordAs> find_form(Wanted&& wanted) {
  const auto found = std::ranges::find_if(kForms, wanted);
  return found == kForms.end() ? std::nullopt : std::optional(found->as);
}

}  // namespace

std::string_view to_string(RecordAs as) {
  return kForms[static_cast<std::size_t>(as)].word;
}

std::optional<RecordAs> parse_record_as(std::string_view word) {
  return find_form([&](const Form& form) { return form.word == word; });
}

int link_type_of(RecordAs as) {
  return kForms[static_cast<std::size_t>(as)].link_type;
}

std::optional<RecordAs> record_as_of(int link_type) {
  return find_form([&](const Form& form) { return form.link_type == link_type; });
}

std::optional<std::span<const std::byte>> frame_as(RecordAs as, const RecordedFrame& recorded,
                                                   std::span<std::byte> buffer) {
  if (as == RecordAs::kSll2) return recorded.bytes;
  if (as != RecordAs::kRaw) {
    return buffer.first(encode_frame(recorded.frame, buffer, link_type_of(as)));
  }
  Frame frame = recorded.frame;
  if (frame.in_flight || recorded_host(frame) != RecordedHost::kServer) return std::nullopt;
  if (recorded.copy > 0) frame.identification = 0;
  return buffer.first(encode_frame(frame, buffer, kLinkTypeRaw));
}

}  // namespace lossy
