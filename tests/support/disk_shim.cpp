// librf_disk.so: writes down what the processes it is preloaded into do to the files below
// RINGFENCE_DISK_ROOT, in the order in which they could know of it, into RINGFENCE_DISK_RECORD.
//
// An entry is a kind, two paths (u16 length + text) and bytes (u64 offset, u32 length + bytes), all
// numbers as this machine writes them:
//
//     c create   t truncate to offset   w write at offset   f whole content (what stdio wrote)
//     m mkdir    r rename to            l link to           u unlink or rmdir      s sync
//
// A sync is written down when it has returned, everything else before it is done, except what goes
// through stdio: that is read back when it has been flushed. tests/support/recorded_disk.h reads
// it.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

struct Plan {
  std::string root;
  int record = -1;

  Plan() {
    const char* folder = std::getenv("RINGFENCE_DISK_ROOT");
    const char* file = std::getenv("RINGFENCE_DISK_RECORD");
    if (folder == nullptr || file == nullptr) return;
    root = folder;
    const long fd =
        ::syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    // A number that nobody else gets.
    record = static_cast<int>(::syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900));
    ::syscall(SYS_close, fd);
  }
};

/// plan opens the record anew in a process that closed it: the signer's workers keep only their
/// channel.
Plan& plan() {
  static Plan plan;
  if (plan.record >= 0 && ::syscall(SYS_fcntl, plan.record, F_GETFD) < 0) plan = Plan();
  return plan;
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool ours(std::string_view path) {
  const Plan& now = plan();
  return now.record >= 0 && path.starts_with(now.root) &&
         (path.size() == now.root.size() || path[now.root.size()] == '/');
}

std::string path_of(int fd) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
  return size <= 0 ? "" : std::string(path, static_cast<std::size_t>(size));
}

void note(char kind, const std::string& path, const std::string& other = "",
          std::uint64_t offset = 0, const void* bytes = nullptr, std::size_t size = 0) {
  std::string entry(1, kind);
  for (const std::string* text : {&path, &other}) {
    const auto length = static_cast<std::uint16_t>(text->size());
    entry.append(reinterpret_cast<const char*>(&length), 2).append(*text);
  }
  const auto length = static_cast<std::uint32_t>(size);
  entry.append(reinterpret_cast<const char*>(&offset), 8);
  entry.append(reinterpret_cast<const char*>(&length), 4);
  if (size > 0) entry.append(static_cast<const char*>(bytes), size);
  // One write: entries of several processes do not mix.
  if (::syscall(SYS_write, plan().record, entry.data(), entry.size()) !=
      static_cast<long>(entry.size()))
    std::abort();
}

bool exists(const char* path) {
  struct stat facts {};

  return ::lstat(path, &facts) == 0;
}

void note_opening(const char* path, int flags) {
  if (!ours(path)) return;
  if ((flags & O_CREAT) != 0 && !exists(path)) return note('c', path);
  if ((flags & O_TRUNC) != 0) note('t', path);
}

/// note_content writes down a whole file.
void note_content(int fd) {
  const std::string path = path_of(fd);
  if (!ours(path) || !exists(path.c_str())) return;
  const int again = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY, 0));
  if (again < 0) return;
  std::string content;
  char chunk[8192];
  for (long count; (count = ::syscall(SYS_read, again, chunk, sizeof chunk)) > 0;)
    content.append(chunk, static_cast<std::size_t>(count));
  ::syscall(SYS_close, again);
  note('f', path, "", 0, content.data(), content.size());
}

bool writes(FILE* stream) {
  const int flags = static_cast<int>(::syscall(SYS_fcntl, ::fileno(stream), F_GETFL));
  return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

template <typename Call>
int synced(int fd, const Call& call) {
  const int result = call(fd);
  const std::string path = path_of(fd);
  if (result == 0 && ours(path)) note('s', path);
  return result;
}

void note_write(int fd, const void* bytes, std::size_t size, std::uint64_t offset) {
  const std::string path = path_of(fd);
  if (ours(path)) note('w', path, "", offset, bytes, size);
}

}  // namespace

extern "C" {

#define RF_EXPORT __attribute__((visibility("default")))

#define RF_OPEN(name)                                                  \
  RF_EXPORT int name(const char* path, int flags, ...) {               \
    static auto* const call = real<int(const char*, int, ...)>(#name); \
    va_list more;                                                      \
    va_start(more, flags);                                             \
    const int mode = (flags & O_CREAT) != 0 ? va_arg(more, int) : 0;   \
    va_end(more);                                                      \
    note_opening(path, flags);                                         \
    return call(path, flags, mode);                                    \
  }

RF_OPEN(open)
RF_OPEN(open64)

#define RF_FOPEN(name)                                                      \
  RF_EXPORT FILE* name(const char* path, const char* mode) {                \
    static auto* const call = real<FILE*(const char*, const char*)>(#name); \
    if (*mode == 'w') note_opening(path, O_CREAT | O_TRUNC);                \
    if (*mode == 'a') note_opening(path, O_CREAT);                          \
    return call(path, mode);                                                \
  }

RF_FOPEN(fopen)
RF_FOPEN(fopen64)

#define RF_MKOSTEMP(name)                                   \
  RF_EXPORT int name(char* path, int flags) {               \
    static auto* const call = real<int(char*, int)>(#name); \
    const int fd = call(path, flags);                       \
    if (fd >= 0 && ours(path)) note('c', path);             \
    return fd;                                              \
  }

RF_MKOSTEMP(mkostemp)
RF_MKOSTEMP(mkostemp64)

RF_EXPORT int fflush(FILE* stream) {
  static auto* const call = real<int(FILE*)>("fflush");
  const int result = call(stream);
  if (stream != nullptr && writes(stream)) note_content(::fileno(stream));
  return result;
}

RF_EXPORT int fclose(FILE* stream) {
  static auto* const call = real<int(FILE*)>("fclose");
  if (stream != nullptr && writes(stream)) fflush(stream);
  return call(stream);
}

#define RF_TRUNCATE(name)                                                  \
  RF_EXPORT int name(int fd, off_t size) {                                 \
    static auto* const call = real<int(int, off_t)>(#name);                \
    const std::string path = path_of(fd);                                  \
    if (ours(path)) note('t', path, "", static_cast<std::uint64_t>(size)); \
    return call(fd, size);                                                 \
  }

RF_TRUNCATE(ftruncate)
RF_TRUNCATE(ftruncate64)

#define RF_PWRITE(name)                                                                   \
  RF_EXPORT ssize_t name(int fd, const void* bytes, std::size_t size, off_t offset) {     \
    static auto* const call = real<ssize_t(int, const void*, std::size_t, off_t)>(#name); \
    note_write(fd, bytes, size, static_cast<std::uint64_t>(offset));                      \
    return call(fd, bytes, size, offset);                                                 \
  }

RF_PWRITE(pwrite)
RF_PWRITE(pwrite64)

RF_EXPORT ssize_t write(int fd, const void* bytes, std::size_t size) {
  static auto* const call = real<ssize_t(int, const void*, std::size_t)>("write");

  struct stat facts {};

  if (plan().record >= 0 && ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
    const long flags = ::syscall(SYS_fcntl, fd, F_GETFL);
    const off_t at = (flags & O_APPEND) != 0 ? facts.st_size : ::lseek(fd, 0, SEEK_CUR);
    note_write(fd, bytes, size, static_cast<std::uint64_t>(at));
  }
  return call(fd, bytes, size);
}

RF_EXPORT int mkdir(const char* path, mode_t mode) {
  static auto* const call = real<int(const char*, mode_t)>("mkdir");
  if (ours(path) && !exists(path)) note('m', path);
  return call(path, mode);
}

RF_EXPORT int rename(const char* from, const char* to) {
  static auto* const call = real<int(const char*, const char*)>("rename");
  if (ours(to) && exists(from)) note('r', from, to);
  return call(from, to);
}

RF_EXPORT int link(const char* from, const char* to) {
  static auto* const call = real<int(const char*, const char*)>("link");
  if (ours(to) && exists(from) && !exists(to)) note('l', from, to);
  return call(from, to);
}

#define RF_REMOVE(name)                                      \
  RF_EXPORT int name(const char* path) {                     \
    static auto* const call = real<int(const char*)>(#name); \
    if (ours(path) && exists(path)) note('u', path);         \
    return call(path);                                       \
  }

RF_REMOVE(unlink)
RF_REMOVE(rmdir)
RF_REMOVE(remove)

/// std::filesystem::remove_all works with this one. Its paths are made absolute.
RF_EXPORT int unlinkat(int folder, const char* path, int flags) {
  static auto* const call = real<int(int, const char*, int)>("unlinkat");
  std::string whole = path;
  if (!whole.starts_with('/') && folder != AT_FDCWD) whole = path_of(folder) + "/" + path;
  if (ours(whole) && exists(whole.c_str())) note('u', whole);
  return call(folder, path, flags);
}

RF_EXPORT int fsync(int fd) {
  static auto* const call = real<int(int)>("fsync");
  return synced(fd, call);
}

RF_EXPORT int fdatasync(int fd) {
  static auto* const call = real<int(int)>("fdatasync");
  return synced(fd, call);
}

}  // extern "C"
