// Signed configuration files.
#include "core/trust/signed_file.h"

namespace ringfence::core {

Bytes sign_file(std::string_view name, BytesView content, const FileSigner& signer, Digest digest,
                Time timestamp) {
  Header header;
  header.version_major = 1;
  header.version_minor = 0;
  header.file_name = name;
  header.timestamp = timestamp;
  Bytes file = sign(std::move(header), content, signer, digest);
  file.insert(file.end(), content.begin(), content.end());
  return file;
}

BytesView content_of(BytesView signed_file) {
  return signed_file.subspan(parse_header(signed_file).length);
}

}  // namespace ringfence::core
