/** The web API as the pages see it: a customer's call with what belongs to it, and what a responder's link opens. */

import createClient from "openapi-fetch";
import { ProblemError, type ProblemKind } from "../problem";
import type { Language } from "../i18n";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type Consent = Schemas["ConsentView"];
export type DemoContact = Schemas["DemoContact"];
export type Grant = Schemas["CallGrant"];
export type Entry = Schemas["EntryView"];
export type Stretch = Schemas["Stretch"];
export type CallTickets = Schemas["TicketsView"];
export type Checklist = Schemas["ChecklistView"];
export type CallSummary = Schemas["SummaryView"];
export type Page = Schemas["PageView"];
export type AcknowledgedPage = Schemas["AcknowledgedView"];

const client = createClient<paths>();

/** What a customer agrees to before a call. */
export async function fetchConsent(language: Language, signal: AbortSignal): Promise<Consent> {
  return answerOf(
    client.GET("/api/consent", { params: { query: { language } }, signal }),
    "consent_unreachable",
    "consent_unreachable",
  );
}

/** Whom a newcomer may call as, where there is the demo; nobody elsewhere. */
export async function fetchDemoContacts(
  language: Language,
  signal: AbortSignal,
): Promise<readonly DemoContact[]> {
  const request = client.GET("/api/demo/contacts", { params: { query: { language } }, signal });
  return (await answerOf(request, "api_unreachable", "api_refused")).contacts;
}

/** Be one of them for the call that begins now: what their own site would sign. */
export async function signInAs(
  { account, contact }: DemoContact,
  language: Language,
  signal: AbortSignal,
): Promise<string> {
  const body = { account, contact };
  const request = client.POST("/api/demo/principals", { body, headers: spoken(language), signal });
  return (await answerOf(request, "api_unreachable", "api_refused")).principal;
}

/** Who calls: as the operator's site signed it, empty for a guest, or who answers in the page of an earlier call. */
export type Caller = { principal: string } | { answers: string };

/** Ask for a room. The customer has read and agreed to `consentVersion`: without that nobody calls this. */
export async function createCall(
  language: Language,
  consentVersion: string,
  caller: Caller,
  signal: AbortSignal,
): Promise<Grant> {
  const body = {
    language,
    consent: true,
    consent_version: consentVersion,
    principal: "",
    answers: "",
    ...caller,
  } as const;
  return answerOf(client.POST("/api/calls", { body, signal }), "api_unreachable", "api_refused");
}

/** The customer has left for good; nobody waits for the answer, and without it the server finds out later. */
export function endCall(grant: Grant): void {
  const params = { path: { call_id: grant.call_id } };
  void client
    .POST("/api/calls/{call_id}/end", { params, headers: opening(grant), keepalive: true })
    .catch(() => undefined);
}

/** How joining went: what it took, or that it failed. Nobody waits for the answer, here and below. */
export function tellJoining(grant: Grant, joinMs: number | null): void {
  const params = { path: { call_id: grant.call_id } };
  const body = { join_ms: joinMs };
  void client
    .POST("/api/calls/{call_id}/joining", { params, body, headers: opening(grant), keepalive: true })
    .catch(() => undefined);
}

/** How a stretch of the call was. */
export function tellStretch(grant: Grant, body: Stretch): void {
  const params = { path: { call_id: grant.call_id } };
  void client
    .POST("/api/calls/{call_id}/measurements", {
      params,
      body,
      headers: opening(grant),
      keepalive: true,
    })
    .catch(() => undefined);
}

/** Ask the assistant to join again. */
export async function askAgain(grant: Grant): Promise<void> {
  const params = { path: { call_id: grant.call_id } };
  const request = client.POST("/api/calls/{call_id}/assistant", { params, headers: opening(grant) });
  await answerOf(request, "api_unreachable", "api_refused");
}

/** The entry in the version that an answer of this call cited: what is there now may say something else. */
export async function fetchEntry(
  grant: Grant,
  id: string,
  version: number,
  signal: AbortSignal,
): Promise<Entry> {
  const params = { path: { call_id: grant.call_id, entry_id: id }, query: { version } };
  return answerOf(
    client.GET("/api/calls/{call_id}/entries/{entry_id}", {
      params,
      headers: opening(grant),
      signal,
    }),
    "entry_unreachable",
    "entry_refused",
  );
}

/** The tickets of a call, with who comes for them. */
export async function fetchTickets(grant: Grant, signal: AbortSignal): Promise<CallTickets> {
  const params = { path: { call_id: grant.call_id } };
  const request = client.GET("/api/calls/{call_id}/tickets", {
    params,
    headers: opening(grant),
    signal,
  });
  return answerOf(request, "api_unreachable", "api_refused");
}

/** What there is to do until a launch, as far as it was set in the call. */
export async function fetchChecklists(
  grant: Grant,
  signal: AbortSignal,
): Promise<Schemas["ChecklistsView"]> {
  const params = { path: { call_id: grant.call_id } };
  const request = client.GET("/api/calls/{call_id}/checklist", {
    params,
    headers: opening(grant),
    signal,
  });
  return answerOf(request, "api_unreachable", "api_refused");
}

/** An item of a checklist is done, or is not; said again, the last counts. */
export async function tickItem(grant: Grant, item: number, done: boolean): Promise<void> {
  const request = client.PUT("/api/calls/{call_id}/checklist/{item}", {
    params: { path: { call_id: grant.call_id, item } },
    headers: opening(grant),
    body: { done },
  });
  await answerOf(request, "api_unreachable", "api_refused");
}

/** The written summary of a call, once it has ended. */
export async function fetchSummary(
  grant: Grant,
  signal: AbortSignal,
): Promise<Schemas["SummaryOfCall"]> {
  const params = { path: { call_id: grant.call_id } };
  const request = client.GET("/api/calls/{call_id}/summary", {
    params,
    headers: opening(grant),
    signal,
  });
  return answerOf(request, "api_unreachable", "api_refused");
}

/** What the customer thinks of the call; said again, the last counts. */
export async function rateCall(grant: Grant, rating: number, comment: string): Promise<void> {
  const params = { path: { call_id: grant.call_id } };
  const request = client.POST("/api/calls/{call_id}/rating", {
    params,
    headers: opening(grant),
    body: { rating, comment },
  });
  await answerOf(request, "api_unreachable", "api_refused");
}

/** What the link of somebody who was called is about. Looking answers nothing. */
export async function openPage(link: string, language: Language, signal: AbortSignal): Promise<Page> {
  const request = client.POST("/api/pages/open", { body: { link }, headers: spoken(language), signal });
  return answerOf(request, "api_unreachable", "api_refused");
}

/** They take the call; rejects where somebody else has it. */
export async function acknowledgePage(
  link: string,
  language: Language,
  signal: AbortSignal,
): Promise<AcknowledgedPage> {
  const request = client.POST("/api/pages/acknowledge", {
    body: { link },
    headers: spoken(language),
    signal,
  });
  return answerOf(request, "api_unreachable", "api_refused");
}

/** They call the customer back, who has left the call: the customer's page rings. */
export async function ringPage(
  link: string,
  language: Language,
  signal: AbortSignal,
): Promise<Page> {
  const request = client.POST("/api/pages/ring", {
    body: { link },
    headers: spoken(language),
    signal,
  });
  return answerOf(request, "api_unreachable", "api_refused");
}

/** They cannot: the next one is called. */
export async function declinePage(link: string, language: Language): Promise<void> {
  const request = client.POST("/api/pages/decline", { body: { link }, headers: spoken(language) });
  await answerOf(request, "api_unreachable", "api_refused");
}

/** A refusal comes in the language of the page, not in the browser's. */
function spoken(language: Language): { "Accept-Language": Language } {
  return { "Accept-Language": language };
}

/** What belongs to a call is open to whoever has its grant. */
function opening(grant: Grant): { Authorization: string } {
  return { Authorization: `Bearer ${grant.call_token}` };
}

interface Reply<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

async function answerOf<Data>(
  request: Promise<Reply<Data>>,
  unreachable: ProblemKind,
  refused: ProblemKind,
): Promise<Data> {
  const reply = await request.catch(() => {
    throw new ProblemError({ kind: unreachable });
  });
  if (reply.response.ok) return reply.data as Data;
  const refusal = refusalIn(reply.error);
  // Without our own error body it was a proxy in between that answered, and the API is away.
  if (!refusal) throw new ProblemError({ kind: unreachable });
  const waitS = Number(reply.response.headers.get("Retry-After"));
  if (refusal.code === "busy" && waitS > 0) throw new ProblemError({ kind: "busy", waitS });
  if (refusal.code === "consent_changed") throw new ProblemError({ kind: "consent_changed" });
  throw new ProblemError({ kind: refused, said: refusal.said, code: refusal.code });
}

interface Refusal {
  code: string;
  /** Message and remedy, in the language of the page. */
  said: string;
}

/** What the API's error body says, `{"error": {"code", "message", "remedy"}}`. */
export function refusalIn(body: unknown): Refusal | undefined {
  if (!isRecord(body) || !isRecord(body.error)) return undefined;
  const { code, message, remedy } = body.error;
  const said = [message, remedy].filter((part) => typeof part === "string" && part !== "");
  if (typeof code !== "string" || said.length === 0) return undefined;
  return { code, said: said.join(" ") };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
