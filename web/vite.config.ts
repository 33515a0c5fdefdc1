import { defineConfig } from "vite";

// Where `sonicrtc serve --port 8080` listens while `npm run dev` is used.
const server = "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  build: {
    outDir: "../python/sonicrtc/page",
    emptyOutDir: true,
    // The page's Content-Security-Policy allows no data: URLs, so nothing is written into the CSS.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { proxy: { "/session": { target: server, changeOrigin: true } } },
});
