/** Where the page starts. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { LogLevel, setLogLevel } from "livekit-client";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { I18nProvider } from "react-aria-components";
import { App } from "./App";
import { LANGUAGE_NAMES, startI18n, usePageLanguage } from "./i18n";
import "@fontsource-variable/hanken-grotesk/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";

/** An entry does not change during a call, and a failed one is asked for again by the customer. */
const queries = new QueryClient({
  defaultOptions: { queries: { staleTime: Infinity, retry: false } },
});

function Page() {
  return (
    <I18nProvider locale={LANGUAGE_NAMES[usePageLanguage()].tag}>
      <App />
    </I18nProvider>
  );
}

setLogLevel(LogLevel.warn);

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with the id root");
await startI18n();
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Page />
    </QueryClientProvider>
  </StrictMode>,
);
