// Why the kernel said no: what this process may not do, and what mends it.
#pragma once
#include <cstdint>
#include <string>

#include "io-error.h"

namespace andvari {

// Throws IoError ANDVARI_IO_PERMISSION that names every capability which AF_XDP needs and this
// thread has not.
void requireXdpCapabilities();
// The mend for EPERM or EACCES though no capability is missing: a user namespace, or a filter of
// system calls.
std::string forbiddenMend();
// For what AF_XDP's set-up was refused with EPERM or EACCES.
[[noreturn]] void refusePermission(const std::string& what, int error);

// Maps of BPF count as locked memory on this kernel (before Linux 5.11).
bool chargesMapsAsLocked();
// Bytes that this process may lock: UINT64_MAX with CAP_IPC_LOCK or without a limit.
uint64_t lockableBytes();

}  // namespace andvari
