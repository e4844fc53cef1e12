/** What can go wrong in a call, by name: the message files hold a title and a remedy for each. */

import type en from "./messages/en/call.json";

type Messages = (typeof en)["problem"];

/** The keys of `problem` in the message files that hold a title and a remedy. */
export type ProblemKind = {
  [Key in keyof Messages]: Messages[Key] extends { title: string; remedy: string } ? Key : never;
}[keyof Messages];

export interface Problem {
  kind: ProblemKind;
  /** What happened and what to do in the server's words, in the language of the page then. */
  said?: string;
  /** The server's name of it. */
  code?: string;
  /** In how many seconds another try may succeed. */
  waitS?: number;
}

export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.said ?? problem.kind);
  }
}

export function problemOf(error: unknown): Problem {
  return error instanceof ProblemError ? error.problem : { kind: "unexpected" };
}
