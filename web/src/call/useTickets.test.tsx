import { renderHook, waitFor } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { PageFrame } from "../page";
import { ticketOf } from "../test/page";
import type { CallState } from "./callState";

const fetched = vi.fn<(request: Request) => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { useTickets } = await import("./useTickets");

const grant = {
  call_id: "c-1",
  livekit_url: "ws://h",
  token: "t",
  call_token: "opens",
  room: "r",
  identity: "i",
};

it("asks while there is a call to ask about, and counts by the server's clock", async () => {
  const hoursAhead = new Date(Date.now() + 3 * 3_600_000).toISOString();
  fetched.mockImplementation(() =>
    Promise.resolve(Response.json({ now: hoursAhead, tickets: [ticketOf()] })),
  );
  const { result, rerender } = renderHook(
    (phase: CallState["phase"]) => useTickets(grant, phase),
    { initialProps: "calling", wrapper: PageFrame },
  );
  expect(fetched).not.toHaveBeenCalled();
  rerender("live");
  await waitFor(() => {
    expect(result.current.tickets.map(({ number }) => number)).toEqual([12]);
  });
  const [request] = fetched.mock.lastCall ?? [];
  expect(request?.url).toBe("http://page.test/api/calls/c-1/tickets");
  expect(request?.headers.get("Authorization")).toBe("Bearer opens");
  expect(result.current.now.getTime()).toBeGreaterThan(Date.now() + 2 * 3_600_000);
});
