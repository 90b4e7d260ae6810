// One error for everything that the kernel refuses: what was tried, why not, what mends it.
#pragma once
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace andvari {

// Thrown by set-up code, never by the data path. The JavaScript face makes an IoError of it with
// `code` (ANDVARI_IO_...), `errno`, `syscall` and `mend`.
class IoError : public std::runtime_error {
 public:
  // `error` is a positive errno, 0 when the kernel was not asked; `mend` may be empty.
  IoError(std::string code, std::string syscall, int error, std::string mend = "")
      : std::runtime_error(error ? syscall + ": " + std::strerror(error) : syscall),
        code(std::move(code)),
        syscall(std::move(syscall)),
        error(error),
        mend(std::move(mend)) {}

  const std::string code;
  const std::string syscall;
  const int error;
  const std::string mend;
};

}  // namespace andvari
