/**
 * The engine's plain build (one thread: browsers, clients, tests), compiled once from the generated
 * module, alike in Node and browsers.
 */
import { compileBase64 } from './compile.ts';
import { engineWasmBase64 } from './generated/engine-wasm.ts';

let compiled: Promise<WebAssembly.Module> | undefined;

export function plainEngine(): Promise<WebAssembly.Module> {
  compiled ??= compileBase64(engineWasmBase64);
  return compiled;
}
