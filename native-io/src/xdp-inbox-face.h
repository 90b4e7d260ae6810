// XdpInbox as JavaScript sees it: part of the datagram socket (lib/datagram-socket.ts).
#pragma once
#include <napi.h>

#include "memory-view.h"
#include "xdp-inbox.h"

namespace andvari {

// The options: interface, queues, mode, frames, frameCount. Throws Napi::TypeError, and
// Napi::RangeError for frames that are not inside of the memory.
XdpInboxOptions xdpOptionsOf(const Napi::Object& options, const MemoryView& memory);
// interface, mode, queues, zeroCopy, hugePageBytes.
Napi::Object describeXdp(Napi::Env env, const XdpInbox& inbox);
Napi::Object toJavaScript(Napi::Env env, const XdpInbox::Statistics& statistics);
// The four bytes of the first argument, a big-endian number. False: the map is full. Nothing
// happens, and true, where there is no inbox (any more). Throws an IoError of JavaScript.
Napi::Value changePrefix(const Napi::CallbackInfo& info, XdpInbox* inbox,
                         int (XdpInbox::*change)(const uint8_t*));

}  // namespace andvari
