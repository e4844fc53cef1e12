/** What the customer is asked to agree to, in the language of the page. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { type Consent, fetchConsent } from "../api/client";
import { usePageLanguage } from "../i18n";

export const CONSENT = "consent";

export function useConsent(): UseQueryResult<Consent> {
  const language = usePageLanguage();
  return useQuery({
    queryKey: [CONSENT, language],
    queryFn: ({ signal }) => fetchConsent(language, signal),
    // What is on the page while somebody reads it does not change under their eyes; the server
    // refuses a version that is not in force any more.
    staleTime: Infinity,
    retry: 1,
  });
}
