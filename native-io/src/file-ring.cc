// Files into the WebAssembly memory and out of it, by FileOperations.
//
// openFileRing({ memory, offset, bytes }, callback) registers [offset, offset + bytes) of the
// memory and gives an object:
//   start(write, fd, position, offset, bytes)  the number of the operation; -1: too many are under
//                  way. `position` counts in the file, `offset` in the memory. RangeError: not
//                  inside the registered range, or a position that no file has.
//   close()        idempotent, also done when the thread ends: gives up what has not ended, waits
//                  for it, reports it, and unpins the memory
// callback(operation, result) is called once for each: bytes, fewer than asked for only at the end
// of the file; or a negative errno. Never from inside start().
#include <napi.h>
#include <uv.h>

#include <memory>

#include "file-operations.h"
#include "io-error.h"
#include "memory-view.h"
#include "modules.h"
#include "options.h"
#include "packet-socket.h"

namespace andvari {
namespace {

// loff_t is signed, and a number of JavaScript is exact up to here.
constexpr double kPositionMax = 9007199254740991.0;

}  // namespace

class FileRing : public Napi::ObjectWrap<FileRing> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "FileRing",
                       {
                           InstanceMethod<&FileRing::start>("start"),
                           InstanceMethod<&FileRing::close>("close"),
                       });
  }
  explicit FileRing(const Napi::CallbackInfo& info);
  ~FileRing() override;

 private:
  Napi::Value start(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  void watch();
  void deliver();
  void idle();
  void shut();
  static void onReadable(uv_poll_t* poll, int status, int events);
  static void onThreadEnd(void* self) { static_cast<FileRing*>(self)->shut(); }

  MemoryView memory_;
  uint32_t offset_ = 0;
  uint32_t bytes_ = 0;
  std::unique_ptr<FileOperations> operations_;  // none: closed
  uv_poll_t* poll_ = nullptr;
  Napi::FunctionReference callback_;
  std::unique_ptr<Napi::AsyncContext> context_;
  // Is the object kept, and the event loop, because something is under way?
  bool isBusy_ = false;
  bool inCallback_ = false;  // context_ is in use
};

FileRing::FileRing(const Napi::CallbackInfo& info) : Napi::ObjectWrap<FileRing>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject() || !info[1].IsFunction()) {
    throw Napi::TypeError::New(env, "wanted an object of options and a function");
  }
  const auto options = info[0].As<Napi::Object>();
  memory_ = MemoryView(options.Get("memory"));
  offset_ = wordOf(options, "offset");
  bytes_ = wordOf(options, "bytes");
  if (bytes_ == 0 || bytes_ > FileOperations::kRegisteredMax || !memory_.holds(offset_, bytes_)) {
    throw Napi::RangeError::New(env, "wanted 1 byte to 1 GiB inside the memory");
  }
  try {
    operations_ = std::make_unique<FileOperations>(memory_.data() + offset_, bytes_);
  } catch (const IoError& error) {
    throw toJavaScript(env, error);
  }
  callback_ = Napi::Persistent(info[1].As<Napi::Function>());
  context_ = std::make_unique<Napi::AsyncContext>(env, "andvari:files");
  watch();
  napi_add_env_cleanup_hook(env, onThreadEnd, this);
}

FileRing::~FileRing() {
  if (operations_) napi_remove_env_cleanup_hook(Env(), onThreadEnd, this);
  shut();
}

void FileRing::watch() {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(Env(), &loop);
  auto poll = std::make_unique<uv_poll_t>();
  if (uv_poll_init(loop, poll.get(), operations_->eventFd()) != 0) {
    operations_.reset();
    throw Napi::Error::New(Env(), "the event loop cannot watch the ring");
  }
  poll_ = poll.release();
  poll_->data = this;
  uv_poll_start(poll_, UV_READABLE, onReadable);
  uv_unref(reinterpret_cast<uv_handle_t*>(poll_));
}

Napi::Value FileRing::start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!operations_) throw Napi::Error::New(env, "the ring is closed");
  const double position = info[2].As<Napi::Number>().DoubleValue();
  const double offset = info[3].As<Napi::Number>().DoubleValue();
  const double bytes = info[4].As<Napi::Number>().DoubleValue();
  // Written so that a NaN is refused too. The numbers are exact, and so are their sums.
  const auto end = static_cast<double>(uint64_t{offset_} + bytes_);
  if (!(bytes >= 1 && offset >= offset_ && offset + bytes <= end)) {
    throw Napi::RangeError::New(env, "the range is not inside the registered memory");
  }
  if (!(position >= 0 && position + bytes <= kPositionMax)) {
    throw Napi::RangeError::New(env, "position: wanted 0 to 2^53 - 1");
  }
  FileOperations::Request request = {};
  request.write = info[0].ToBoolean();
  request.fd = info[1].As<Napi::Number>().Int32Value();
  request.position = static_cast<uint64_t>(position);
  request.place = memory_.data() + static_cast<uint32_t>(offset);
  request.bytes = static_cast<uint32_t>(bytes);
  const uint32_t operation = operations_->start(request);
  if (operation == FileOperations::kNone) return Napi::Number::New(env, -1);
  if (!isBusy_) {
    isBusy_ = true;
    Ref();
    uv_ref(reinterpret_cast<uv_handle_t*>(poll_));
  }
  return Napi::Number::New(env, operation);
}

void FileRing::onReadable(uv_poll_t* poll, int, int) {
  auto* self = static_cast<FileRing*>(poll->data);
  if (!self->operations_) return;
  self->operations_->readEvents();
  self->operations_->work();
  const Napi::HandleScope scope(self->Env());
  // The callback may close the ring: the object stays until this returns.
  [[maybe_unused]] const Napi::Value object = self->Value();
  self->deliver();
  self->idle();
}

// Reports what has ended. A callback may start more, or close the ring.
void FileRing::deliver() {
  FileOperations::Finished finished = {};
  const Napi::Env env = Env();
  while (operations_ && operations_->next(finished)) {
    const Napi::HandleScope scope(env);
    napi_value arguments[] = {Napi::Number::New(env, finished.operation),
                              Napi::Number::New(env, static_cast<double>(finished.result))};
    const bool isInner = inCallback_;
    inCallback_ = true;
    const napi_status status =
        napi_make_callback(env, *context_, Value(), callback_.Value(), 2, arguments, nullptr);
    inCallback_ = isInner;
    napi_value error;
    if (status != napi_pending_exception) continue;
    // As if it had been thrown in a callback of Node's own: uncaughtException. When the thread is
    // being terminated there is no exception to take.
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
  // close() in a callback could not let go of what the call still used.
  if (!operations_ && !inCallback_) context_.reset();
}

// With nothing under way, the ring keeps neither itself nor the process.
void FileRing::idle() {
  if (!isBusy_ || (operations_ && operations_->active() > 0)) return;
  isBusy_ = false;
  if (poll_) uv_unref(reinterpret_cast<uv_handle_t*>(poll_));
  Unref();
}

Napi::Value FileRing::close(const Napi::CallbackInfo& info) {
  if (operations_) {
    napi_remove_env_cleanup_hook(info.Env(), onThreadEnd, this);
    operations_->cancel();
    deliver();
    shut();
    idle();
  }
  return info.Env().Undefined();
}

void FileRing::shut() {
  if (!operations_) return;
  uv_poll_stop(poll_);
  uv_close(reinterpret_cast<uv_handle_t*>(poll_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
  poll_ = nullptr;
  // Waits until the kernel has let go of the memory, whose reference goes afterwards.
  operations_.reset();
  callback_.Reset();
  if (!inCallback_) context_.reset();
  memory_ = MemoryView();
}

void initFileRing(Napi::Env env, Napi::Object exports) {
  const auto constructor =
      std::make_shared<Napi::FunctionReference>(Napi::Persistent(FileRing::define(env)));
  exports.Set("openFileRing",
              Napi::Function::New(env, [constructor](const Napi::CallbackInfo& info) {
                return constructor->New({info[0], info[1]});
              }));
}

}  // namespace andvari
