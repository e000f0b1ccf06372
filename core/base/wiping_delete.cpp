// Linked into the programs that a typed PIN passes through: memory that is given back is
// overwritten first, so that no copy that a library made outlives its use. Sanitizers have an
// operator delete of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <malloc.h>
#include <string.h>

#include <cstdlib>
#include <new>

namespace {

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  ::explicit_bzero(memory, ::malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void operator delete(void* memory) noexcept {
  give_back(memory);
}

void operator delete[](void* memory) noexcept {
  give_back(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  give_back(memory);
}

void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  give_back(memory);
}

void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  give_back(memory);
}

void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  give_back(memory);
}

#endif
