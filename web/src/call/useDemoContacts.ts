/** Whom a newcomer may call as, in the language of the page; nobody where there is no demo. */

import { useQuery } from "@tanstack/react-query";
import { type DemoContact, fetchDemoContacts } from "../api/client";
import { usePageLanguage } from "../i18n";

export function useDemoContacts(): readonly DemoContact[] {
  const language = usePageLanguage();
  const { data } = useQuery({
    queryKey: ["demo contacts", language],
    queryFn: ({ signal }) => fetchDemoContacts(language, signal),
    // Who cannot choose calls as a guest.
    retry: false,
    refetchOnWindowFocus: false,
  });
  return data ?? [];
}
