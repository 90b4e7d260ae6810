export default {
  entries: ["assembly/**/__tests__/*.spec.ts"],
  include: [],
  disclude: [/node_modules/],
  async instantiate(memory, createImports, instantiate, binary) {
    return instantiate(
      binary,
      createImports({
        env: {
          memory,
          worker: new WebAssembly.Global({ value: "i32", mutable: false }, 0),
          // No AES instructions: every text is the engine's own work.
          nativeCtrLeast: new WebAssembly.Global({ value: "i32", mutable: false }, -1),
          cryptCtr: () => 1,
          // Nor a cipher or a hash of the host for transfer.
          nativeChachaLeast: new WebAssembly.Global({ value: "i32", mutable: false }, -1),
          chachaSeal: () => 1,
          chachaOpen: () => 1,
          nativeBlake3: new WebAssembly.Global({ value: "i32", mutable: false }, 0),
          blake3Chunks: () => 1,
        },
      }),
    );
  },
  outputBinary: false,
};
