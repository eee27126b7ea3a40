import { defineConfig } from 'vite';

// The program that serves the built files has the API under the same origin. For `npm run dev` the address of a running
// one (or of tests/fixture/server.mjs) is taken from CONSOLE_API.
const api = process.env['CONSOLE_API'] ?? 'http://127.0.0.1:7711';

export default defineConfig({
  build: {
    target: 'es2022',
    // The policy is `default-src 'self'`: nothing may become a data: address or an inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: { host: '127.0.0.1', proxy: { '/api': api, '/health': api } },
});
