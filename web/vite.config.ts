import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `liuke up` serves the API while `npm run dev` serves the page. */
const API = "http://127.0.0.1:8900";

export default defineConfig({
  plugins: [react()],
  // One bundle, fetched once from our own server: a call must not wait for a part of the page.
  build: { chunkSizeWarningLimit: 1500 },
  server: { proxy: { "/api": API } },
});
