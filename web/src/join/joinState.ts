/** Where a person who is called stands: what they did, and what the server says of the page, in; one word out. */

import type { Page } from "../api/client";
import type { Problem } from "../problem";

/** What happened on this page. */
export type Step =
  | "looking"
  | "joining"
  | "in_room"
  | "over"
  | "ringing"
  | "unanswered"
  | "left"
  | "handed_back"
  | "elsewhere"
  | "lost";

/** The texts and the `data-state` of the page. */
export type JoinState =
  | Exclude<Step, "looking">
  | "loading"
  | "ready"
  | "yours"
  | "declined"
  | "taken"
  | "invalid"
  | "unreachable"
  | "incident"
  | "incident_yours"
  | "incident_taken"
  | "incident_over";

/** Whether the API says that a link opens nothing, or is none. */
export function opensNothing(problem: Problem | undefined): boolean {
  return problem?.code === "no_page" || problem?.code === "bad_input";
}

/** `problem`: why the server's last answer is none. */
export function joinStateOf(
  step: Step,
  page: Page | undefined,
  problem: Problem | undefined,
): JoinState {
  if (step === "joining" || step === "in_room" || step === "ringing") return step;
  if (opensNothing(problem)) return "invalid";
  if (page === undefined) return problem ? "unreachable" : "loading";
  if (page.answer === "declined") return "declined";
  const { name } = page.ticket.person;
  const isTaken = name !== "" && name !== page.responder;
  if (page.incident) return ofIncident(page.incident.going_on, isTaken, page.answer);
  if (isTaken) return "taken";
  if (step === "over") return step;
  if (!page.call?.live) return step === "unanswered" ? step : "over";
  if (step !== "looking" && step !== "unanswered") return step;
  return page.answer === "acknowledged" ? "yours" : "ready";
}

function ofIncident(goesOn: boolean, isTaken: boolean, answer: Page["answer"]): JoinState {
  if (!goesOn) return "incident_over";
  if (isTaken) return "incident_taken";
  return answer === "acknowledged" ? "incident_yours" : "incident";
}
