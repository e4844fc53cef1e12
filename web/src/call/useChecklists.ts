/** A call in, what its customer has to do until their launch out, and a way to say what is done. */

import { useMutation } from "@tanstack/react-query";
import { type Checklist, fetchChecklists, type Grant, tickItem } from "../api/client";
import type { CallState } from "./callState";
import { type Intervals, useOfCall } from "./useOfCall";

const INTERVALS_MS: Intervals = { live: 2_000, ended: 5_000 };

export interface Checklists {
  checklists: readonly Checklist[];
  tick: (id: number, done: boolean) => void;
  /** What was ticked last could not be kept. */
  hasFailed: boolean;
}

export function useChecklists(grant: Grant | undefined, phase: CallState["phase"]): Checklists {
  const { data, refetch } = useOfCall("checklists", grant, INTERVALS_MS[phase], fetchChecklists);
  const { mutate, variables, isPending, isError } = useMutation({
    mutationFn: async ({ id, done }: { id: number; done: boolean }) => {
      if (grant) await tickItem(grant, id, done);
    },
    onSettled: () => refetch(),
  });
  const checklists = (data?.checklists ?? []).map(({ scenario, items }) => ({
    scenario,
    // What was pressed shows at once.
    items: items.map((item) =>
      isPending && variables.id === item.id
        ? { ...item, done_at: variables.done ? new Date().toISOString() : null }
        : item,
    ),
  }));
  return {
    checklists,
    tick: (id, done) => {
      mutate({ id, done });
    },
    hasFailed: isError,
  };
}
