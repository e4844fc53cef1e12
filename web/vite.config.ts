import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where `liuke up` serves the API while `npm run dev` serves the pages. */
const API = "http://127.0.0.1:8900";

/** Every address below /console is a page of the console's own router, as the API serves it. */
const consoleAddresses: Plugin = {
  name: "console-addresses",
  configureServer({ middlewares }) {
    middlewares.use((request, _response, next) => {
      if (/^\/console(\/|\?|$)/.test(request.url ?? "")) request.url = "/console.html";
      next();
    });
  },
};

export default defineConfig({
  plugins: [react(), consoleAddresses],
  build: {
    rolldownOptions: { input: ["index.html", "join.html", "console.html", "404.html"] },
    // Each page is fetched once from our own server: a call must not wait for a part of it.
    chunkSizeWarningLimit: 1500,
    // The content policy has no data: addresses.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/api": API } },
  test: {
    environment: "jsdom",
    environmentOptions: { jsdom: { url: "http://page.test" } },
    setupFiles: "src/test/setup.ts",
    env: { TZ: "UTC" },
  },
});
