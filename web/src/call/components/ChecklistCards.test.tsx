import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { NOW } from "../../test/page";

const fetched = vi.fn<(request: Request) => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { expectAccessible, show } = await import("../../test/show");
const { ChecklistCards } = await import("./ChecklistCards");
const { useChecklists } = await import("../useChecklists");

const of = (call_id: string) => ({
  call_id,
  livekit_url: "",
  token: "",
  call_token: "secret",
  room: "r",
  identity: "customer-1",
});

function OfCall({ call, short = false }: { call: string; short?: boolean }) {
  return <ChecklistCards checklists={useChecklists(of(call), "ended")} short={short} />;
}

/** A server that keeps what is ticked, or refuses to. */
function serve(keeps: boolean): unknown[] {
  const told: unknown[] = [];
  const done = new Map<number, string | null>([[7, NOW], [8, null]]);
  fetched.mockImplementation(async (request) => {
    if (request.method === "PUT") {
      const body = (await request.json()) as { done: boolean };
      told.push([new URL(request.url).pathname, body, request.headers.get("Authorization")]);
      if (!keeps) return new Response(null, { status: 503 });
      done.set(Number(request.url.split("/").at(-1)), body.done ? NOW : null);
      return new Response(null, { status: 204 });
    }
    const items = [...done].map(([id, done_at]) => ({ id, text: `Step ${String(id)}`, done_at }));
    return Response.json({ checklists: [{ scenario: "live", items }] });
  });
  return told;
}

afterEach(() => {
  fetched.mockReset();
});

it.each([
  ["en", "What to do until your launch", "1 of 2 done", "2 of 2 done"],
  ["zh", "上线前要做的事", "已完成 1 项，共 2 项", "已完成 2 项，共 2 项"],
] as const)("is ticked in %s, and the server keeps it", async (language, label, before, after) => {
  const told = serve(true);
  const content = await show(<OfCall call={language} />, language);
  await screen.findByRole("region", { name: label });
  expect(screen.getByText(before)).toBeTruthy();
  await userEvent.click(screen.getByRole("checkbox", { name: "Step 8" }));
  await screen.findByText(after);
  expect(told).toEqual([[`/api/calls/${language}/checklist/8`, { done: true }, "Bearer secret"]]);
  await expectAccessible(content);
});

it("says so where it could not be kept, and shows what is", async () => {
  serve(false);
  await show(<OfCall call="failing" />);
  await userEvent.click(await screen.findByRole("checkbox", { name: "Step 8" }));
  await screen.findByText("That could not be kept. Please try again.");
  await vi.waitFor(() => {
    expect(screen.getByRole<HTMLInputElement>("checkbox", { name: "Step 8" }).checked).toBe(false);
  });
});

it("is one line beside a call, and nothing where nothing is to be done", async () => {
  const nothing = { checklists: [], tick: () => undefined, hasFailed: false };
  const content = await show(<ChecklistCards checklists={nothing} short />);
  expect(content.textContent).toBe("");
  serve(true);
  await show(<OfCall call="short" short />);
  const heading = await screen.findByText("Launch checklist");
  expect(heading.closest("details")?.open).toBe(false);
});
