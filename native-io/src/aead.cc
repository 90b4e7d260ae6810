// ChaCha20-Poly1305 (RFC 8439 section 2.8) by the OpenSSL that is a part of Node, over one
// WebAssembly.Memory: its assembler uses what the processor has, which WebAssembly cannot. It is
// looked for when the addon is loaded; in a Node without it (BoringSSL, or an OpenSSL before 3)
// there are no such functions, and the engine does the work.
#include <dlfcn.h>
#include <napi.h>
#include <openssl/evp.h>

#include <memory>

#include "memory-function.h"
#include "memory-view.h"
#include "modules.h"

namespace andvari {
namespace {

constexpr uint32_t kKeyBytes = 32;
constexpr uint32_t kNonceBytes = 12;
constexpr uint32_t kTagBytes = 16;
// Of OpenSSL's lengths, which are ints.
constexpr uint32_t kBytesMax = 1u << 30;

// Looked up by name, so that the addon can be loaded where they are not.
struct OpenSsl {
  decltype(&EVP_CIPHER_fetch) fetch;
  decltype(&EVP_CIPHER_free) freeCipher;
  decltype(&EVP_CIPHER_CTX_new) newContext;
  decltype(&EVP_CIPHER_CTX_free) freeContext;
  decltype(&EVP_CipherInit_ex) init;
  decltype(&EVP_CipherUpdate) update;
  decltype(&EVP_CipherFinal_ex) final;
  decltype(&EVP_CIPHER_CTX_ctrl) control;

  bool isWhole() const {
    return fetch && freeCipher && newContext && freeContext && init && update && final && control;
  }
};

template <typename Function>
void lookUp(const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

const OpenSsl& openSsl() {
  static const OpenSsl functions = [] {
    OpenSsl found{};
    lookUp("EVP_CIPHER_fetch", found.fetch);
    lookUp("EVP_CIPHER_free", found.freeCipher);
    lookUp("EVP_CIPHER_CTX_new", found.newContext);
    lookUp("EVP_CIPHER_CTX_free", found.freeContext);
    lookUp("EVP_CipherInit_ex", found.init);
    lookUp("EVP_CipherUpdate", found.update);
    lookUp("EVP_CipherFinal_ex", found.final);
    lookUp("EVP_CIPHER_CTX_ctrl", found.control);
    return found;
  }();
  return functions;
}

// A cipher that is used again and again, and between two uses has a key of zeros.
class Aead {
 public:
  Aead() {
    const OpenSsl& ssl = openSsl();
    if (!ssl.isWhole()) return;
    cipher_ = ssl.fetch(nullptr, "ChaCha20-Poly1305", nullptr);
    for (auto& context : contexts_) {
      if (cipher_) context = ssl.newContext();
      if (context && ssl.init(context, cipher_, nullptr, kZeros, kZeros, 1) == 1) ready_++;
    }
  }
  Aead(const Aead&) = delete;
  Aead& operator=(const Aead&) = delete;
  ~Aead() {
    for (auto* context : contexts_) {
      if (context) openSsl().freeContext(context);
    }
    if (cipher_) openSsl().freeCipher(cipher_);
  }

  bool isReady() const { return ready_ == 2; }

  // The additional data are taken; nothing has been written yet.
  bool begin(bool seals, const uint8_t* key, const uint8_t* nonce, const uint8_t* aad,
             uint32_t aadBytes) {
    context_ = contexts_[seals];
    if (openSsl().init(context_, nullptr, nullptr, key, nonce, seals) != 1) return false;
    return aadBytes == 0 || crypt(nullptr, aad, aadBytes);
  }
  bool text(uint8_t* at, uint32_t bytes) { return bytes == 0 || crypt(at, at, bytes); }
  bool expect(const uint8_t* tag) {
    return openSsl().control(context_, EVP_CTRL_AEAD_SET_TAG, kTagBytes,
                             const_cast<uint8_t*>(tag)) == 1;
  }
  // Sealing: true. Opening: whether the tag is the expected one, compared in constant time.
  bool end() {
    uint8_t none[kTagBytes];
    int length = 0;
    return openSsl().final(context_, none, &length) == 1;
  }
  bool tag(uint8_t* out) {
    return openSsl().control(context_, EVP_CTRL_AEAD_GET_TAG, kTagBytes, out) == 1;
  }
  // Key, key stream and the key of Poly1305 give way to those of a key of zeros.
  void wipe() {
    openSsl().init(context_, nullptr, nullptr, kZeros, kZeros, context_ == contexts_[1]);
    crypt(nullptr, kZeros, 1);
  }

 private:
  static constexpr uint8_t kZeros[kKeyBytes] = {};

  bool crypt(uint8_t* out, const uint8_t* source, uint32_t bytes) {
    int length = 0;
    return openSsl().update(context_, out, &length, source, static_cast<int>(bytes)) == 1;
  }

  EVP_CIPHER* cipher_ = nullptr;
  // That which opens, that which seals.
  EVP_CIPHER_CTX* contexts_[2] = {};
  EVP_CIPHER_CTX* context_ = nullptr;
  uint32_t ready_ = 0;
};

struct Context {
  MemoryView memory;
  Aead aead;
};

struct Text {
  const uint8_t* key;
  const uint8_t* nonce;
  const uint8_t* aad;
  uint32_t aadBytes;
  uint8_t* at;
  uint32_t bytes;
  uint8_t* tag;
};

// Of (key, nonce, aad, aadLength, at, length, tag).
Context* readText(napi_env env, napi_callback_info info, Text& text) {
  uint32_t words[7];
  auto* const context = readArguments<Context>(env, info, words);
  if (!context) return nullptr;
  const auto [key, nonce, aad, aadBytes, at, bytes, tag] = words;
  const MemoryView& memory = context->memory;
  const bool isInside = memory.holds(key, kKeyBytes) && memory.holds(nonce, kNonceBytes) &&
                        memory.holds(aad, aadBytes) && memory.holds(at, bytes) &&
                        memory.holds(tag, kTagBytes);
  if (!isInside || aadBytes > kBytesMax || bytes > kBytesMax) return nullptr;
  uint8_t* const base = memory.data();
  text = {base + key, base + nonce, base + aad, aadBytes, base + at, bytes, base + tag};
  return context;
}

// What OpenSSL does not refuse at its beginning it does not refuse later; text that is half
// changed must not go on.
void mustHold(bool holds) {
  if (!holds) napi_fatal_error("andvari", NAPI_AUTO_LENGTH, "OpenSSL gave up", NAPI_AUTO_LENGTH);
}

// Undefined when text and tag are written; 1: refused, and nothing was.
napi_value seal(napi_env env, napi_callback_info info) {
  Text text;
  auto* const context = readText(env, info, text);
  if (!context) return refusal(env, 1);
  Aead& aead = context->aead;
  const bool begins = aead.begin(true, text.key, text.nonce, text.aad, text.aadBytes);
  if (begins) mustHold(aead.text(text.at, text.bytes) && aead.end() && aead.tag(text.tag));
  aead.wipe();
  return begins ? nullptr : refusal(env, 1);
}

// Undefined when the tag fits and the text is opened; 2: it does not fit, 1: refused; then the text
// is as it was.
napi_value open(napi_env env, napi_callback_info info) {
  Text text;
  auto* const context = readText(env, info, text);
  if (!context) return refusal(env, 1);
  Aead& aead = context->aead;
  const bool begins = aead.begin(false, text.key, text.nonce, text.aad, text.aadBytes) &&
                      aead.expect(text.tag);
  if (begins) mustHold(aead.text(text.at, text.bytes));
  const bool fits = begins && aead.end();
  aead.wipe();
  if (fits) return nullptr;
  if (!begins) return refusal(env, 1);
  // OpenSSL has decrypted it before it knew.
  mustHold(aead.begin(true, text.key, text.nonce, nullptr, 0) && aead.text(text.at, text.bytes));
  aead.wipe();
  return refusal(env, 2);
}

template <napi_callback kCallback>
Napi::Value over(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto context = std::unique_ptr<Context>(new Context{MemoryView(info[0]), {}});
  if (!context->aead.isReady()) throw Napi::Error::New(env, "there is no OpenSSL in this Node");
  return functionWith(env, kCallback, std::move(context));
}

}  // namespace

// chachaSeal(memory) and chachaOpen(memory) return functions; hasChacha tells whether they can.
void initAead(Napi::Env env, Napi::Object exports) {
  exports.Set("hasChacha", Aead().isReady());
  exports.Set("chachaSeal", Napi::Function::New(env, over<seal>, "chachaSeal"));
  exports.Set("chachaOpen", Napi::Function::New(env, over<open>, "chachaOpen"));
}

}  // namespace andvari
