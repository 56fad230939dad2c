import { defineConfig } from 'vite';
import about from './package.json' with { type: 'json' };

// `npm run dev` serves the sources, with the server of `updraft serve` behind it.
export default defineConfig({
  define: { __VERSION__: JSON.stringify(about.version) },
  build: { target: 'es2023', modulePreload: { polyfill: false } },
  server: { proxy: { '/socket.io': { target: 'http://127.0.0.1:3000', ws: true } } },
});
