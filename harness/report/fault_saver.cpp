#include <lossy/harness/report/fault_saver.hpp>

#include <cerrno>
#include <system_error>

#include <lossy/harness/link/fault_list.hpp>

namespace lossy {

FaultSaver::FaultSaver(const std::string& path, const std::string& options,
                       const std::string& path_options)
    : file_(path), stream_(fdopen(file_.take_descriptor(), "wb"), std::fclose) {
  if (!stream_) refuse();
  write("# What happened with:" + options +
        "\n# Run it again with --faults=@ and this file's name, the options beside the path's as "
        "they "
        "are," +
        (path_options.empty() ? "\n# and none for the path.\n"
                              : "\n# and for the path:" + path_options + '\n'));
}

void FaultSaver::on_offered(Instant, const Passage& passage, const Offer& offer) {
  if (offer.fate->is_plain()) return;
  write(format_fault(passage.direction, offer.number, *offer.fate, passage.path + 1) + '\n');
}

void FaultSaver::finish() {
  std::FILE* const stream = stream_.release();
  if (std::fclose(stream) != 0) refuse();
  file_.commit();
}

void FaultSaver::write(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stream_.get()) != text.size()) refuse();
}

void FaultSaver::refuse() const {
  throw std::system_error(errno, std::generic_category(), "cannot write '" + file_.path() + "'");
}

}  // namespace lossy
