/** The web API as the page sees it: a call's room and token, and the entries that answers cite. */

import createClient from "openapi-fetch";
import type { Language } from "../i18n";
import { ProblemError, type ProblemKind } from "../call/problem";
import type { paths } from "./schema";

export type Call = paths["/api/calls"]["post"]["responses"]["201"]["content"]["application/json"];
export type Entry =
  paths["/api/calls/{call_id}/entries/{entry_id}"]["get"]["responses"]["200"]["content"]["application/json"];

const client = createClient<paths>();
/** The call that was begun last: what it cited is open to it alone. */
let begun: Call | undefined;

/** Ask for a room. The customer has agreed to the transcription: without that nobody calls this. */
export async function createCall(language: Language, signal: AbortSignal): Promise<Call> {
  const agreed = await answerOf(
    client.GET("/api/consent", { params: { query: { language } }, signal }),
    "api_unreachable",
    "api_refused",
  );
  const body = { language, consent: true, consent_version: agreed.version, principal: "" } as const;
  begun = await answerOf(client.POST("/api/calls", { body, signal }), "api_unreachable", "api_refused");
  return begun;
}

/** The entry in the version that an answer cited: what is there now may say something else. */
export async function fetchEntry(
  id: string,
  version: number,
  signal: AbortSignal,
): Promise<Entry> {
  const params = { path: { call_id: begun?.call_id ?? "", entry_id: id }, query: { version } };
  const headers = { Authorization: `Bearer ${begun?.call_token ?? ""}` };
  return answerOf(
    client.GET("/api/calls/{call_id}/entries/{entry_id}", { params, headers, signal }),
    "entry_unreachable",
    "entry_refused",
  );
}

interface Reply<Data> {
  data?: Data;
  error?: unknown;
}

async function answerOf<Data>(
  request: Promise<Reply<Data>>,
  unreachable: ProblemKind,
  refused: ProblemKind,
): Promise<Data> {
  const reply = await request.catch(() => {
    throw new ProblemError({ kind: unreachable });
  });
  if (reply.data !== undefined) return reply.data;
  const said = saidBy(reply.error);
  // Without our own error body it was a proxy in between that answered, and the API is away.
  throw new ProblemError(said === undefined ? { kind: unreachable } : { kind: refused, said });
}

/** The message and remedy out of the API's error body, `{"error": {"code", "message", "remedy"}}`. */
export function saidBy(body: unknown): string | undefined {
  if (!isRecord(body) || !isRecord(body.error)) return undefined;
  const { message, remedy } = body.error;
  const parts = [message, remedy].filter((part) => typeof part === "string" && part !== "");
  return parts.length > 0 ? parts.join(" ") : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
