/**
 * The engine's shared build (shared memory and atomics): a server whose store commits in another
 * thread.
 */
import { compileBase64 } from './compile.ts';
import { engineSharedWasmBase64 } from './generated/engine-shared-wasm.ts';

let compiled: Promise<WebAssembly.Module> | undefined;

export function sharedEngine(): Promise<WebAssembly.Module> {
  compiled ??= compileBase64(engineSharedWasmBase64);
  return compiled;
}
