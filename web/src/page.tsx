/** Starts a page: its texts and content in, a page in #root out that knows its language and survives a fault. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, StrictMode } from "react";
import { I18nProvider } from "react-aria-components";
import { createRoot } from "react-dom/client";
import { LANGUAGE_NAMES, type Language, type PageName, startI18n, usePageLanguage } from "./i18n";
import { ErrorBoundary } from "./ui/ErrorBoundary";
import "@fontsource-variable/hanken-grotesk/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";

export async function startPage(
  name: PageName,
  texts: Record<Language, object>,
  content: ReactNode,
): Promise<void> {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no element with the id root");
  await startI18n(name, texts);
  createRoot(root).render(
    <StrictMode>
      <PageFrame>{content}</PageFrame>
    </StrictMode>,
  );
}

const queries = new QueryClient();

/** What every page stands in. */
export function PageFrame({ children }: { children: ReactNode }) {
  return (
    <QueryClientProvider client={queries}>
      <I18nProvider locale={LANGUAGE_NAMES[usePageLanguage()].tag}>
        <ErrorBoundary>{children}</ErrorBoundary>
      </I18nProvider>
    </QueryClientProvider>
  );
}
