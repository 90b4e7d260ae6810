/**
 * Compiles a module that was embedded as base64, so that every host loads the engine the same way,
 * without a fetch.
 */
export function compileBase64(base64: string): Promise<WebAssembly.Module> {
  return WebAssembly.compile(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}
