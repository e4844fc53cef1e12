/** A ticket, and the page of somebody who is called to it, as the API gives them. */

import type { Page } from "../api/client";
import type { Ticket } from "../ticket/promises";

export const NOW = "2026-11-30T02:00:00Z";

const LONG_AGO = "2025-11-30T02:00:00Z";

export function ticketOf(
  changed: Partial<Ticket> = {},
  person: Partial<Ticket["person"]> = {},
): Ticket {
  return {
    number: 12,
    severity: 1,
    subject: "Nobody can join our live room.",
    status: "open",
    opened_at: NOW,
    clocks: [
      { clock: "human response", state: "running", due_at: "2026-11-30T02:12:00Z", met_at: null },
      { clock: "restoration", state: "running", due_at: "2026-11-30T06:00:00Z", met_at: null },
    ],
    person: { state: "none", name: "", since: null, ...person },
    callback_at: null,
    reach: "",
    ...changed,
  };
}

export function pageOf(changed: Partial<Page>, person: Partial<Ticket["person"]> = {}): Page {
  return {
    now: NOW,
    ticket: ticketOf({}, person),
    responder: "Lin",
    answer: "",
    incident: null,
    account: {
      id: "acme",
      name: "Acme Live",
      owner: "Chen",
      facts: [
        { field: "regions", value: ["SEA", "JP"], source: "import", who: "", said_at: NOW },
        { field: "scale", value: "8000", source: "contact", who: "Wang Min", said_at: LONG_AGO },
      ],
    },
    contact: "Wang Min",
    language: "en",
    call: { call_id: "c-1", live: true, started_at: NOW },
    transcript: [
      { at: NOW, speaker: "customer", who: "", text: "Nobody can join." },
      { at: NOW, speaker: "screen", who: "", text: "Joining live-42\nError 109: token expired" },
      { at: NOW, speaker: "assistant", who: "", text: "I am calling somebody." },
    ],
    ...changed,
  };
}
