import { defineConfig } from "vite";

// While `npm run dev` is used: sonicrtc serve --port 8080 --allowed-origin http://localhost:5173
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
  server: { proxy: Object.fromEntries(["/session", "/offer", "/voices", "/healthz"].map((path) => [path, server])) },
});
