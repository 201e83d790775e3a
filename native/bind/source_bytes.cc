#include "bind/source_bytes.h"

#include "sys/careful_copy.h"

namespace memtiers {

SourceBytes::SourceBytes(const Napi::Uint8Array& source)
    : bytes_(reinterpret_cast<const std::byte*>(source.Data()), source.ByteLength()),
      source_(Napi::Persistent(source)) {}

Status SourceBytes::CopyTo(std::span<std::byte> to) const {
  return CopyCarefully(to, bytes_) ? Status() : TakenAway();
}

bool SourceBytes::Intact() const {
  const Napi::Uint8Array source = source_.Value();
  return source.ByteLength() == bytes_.size() &&
         (bytes_.empty() || reinterpret_cast<const std::byte*>(source.Data()) == bytes_.data());
}

Status SourceBytes::TakenAway() {
  return Status(Code::kInvalid,
                "the bytes are gone: detached, resized or lost before they were copied");
}

}  // namespace memtiers
