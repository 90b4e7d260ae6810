import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/**
 * The wallet page as static files in dist/. Nothing inline (no script, style or data: module), so
 * that it runs under the server's strict Content-Security-Policy; `connect-src` in that policy
 * names the 25 WebSocket addresses, `script-src` needs 'wasm-unsafe-eval' for the engine.
 */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/',
  publicDir: false,
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: 'es' },
  server: { host: '127.0.0.1' },
});
