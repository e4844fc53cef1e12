import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { Language } from "../../i18n";
import { NOW, ticketOf } from "../../test/page";
import { expectAccessible, show } from "../../test/show";
import type { Ticket } from "../../ticket/promises";
import { useAskPerson } from "../useAskPerson";
import { PersonBar } from "./PersonBar";
import { TicketCard } from "./TicketCard";

const now = new Date(NOW);

function card(ticket: Ticket, language: Language, inCall = true) {
  return show(<TicketCard ticket={ticket} now={now} inCall={inCall} />, language);
}

it.each([
  ["en", "Ticket 12", "Emergency", "A person by 02:12, in 12 minutes"],
  ["zh", "工单 12", "紧急", "人工接手：02:12 前，还有12分钟"],
] as const)("says in %s what was promised by when", async (language, ...words) => {
  const content = await card(ticketOf(), language);
  for (const text of words) expect(screen.getByText(text)).toBeTruthy();
  expect(screen.queryAllByRole("listitem")).toHaveLength(1);
  await expectAccessible(content);
});

it.each([
  ["en", "calling", null, "Calling the on-call engineer…"],
  ["zh", "calling", null, "正在呼叫值班工程师…"],
  ["en", "coming", null, "Lin has your call and joins in a moment."],
  ["zh", "coming", null, "Lin 已接手，马上加入通话。"],
  ["en", "here", null, "Lin is here."],
  ["en", "ringing", null, "Lin is calling you back."],
  ["zh", "ringing", null, "Lin 正在给您回电。"],
  ["zh", "here", null, "Lin 已在通话中。"],
  ["en", "nobody", null, "Nobody is free just now."],
  ["en", "nobody", "2026-11-30T10:30:00Z", "Nobody is free just now; you will be called back by 10:30."],
  ["zh", "nobody", "2026-11-30T10:30:00Z", "现在没有同事空闲，我们会在 10:30 前给您回电。"],
  ["en", "none", "2026-12-01T10:30:00Z", "You will be called back by Dec 1, 10:30."],
  ["en", "none", null, ""],
] as const)("says in %s who comes: %s", async (language, state, callback_at, words) => {
  const name = ["coming", "here", "ringing"].includes(state) ? "Lin" : "";
  const content = await card(ticketOf({ callback_at }, { state, name }), language);
  const person = screen.getByTestId("ticket-person");
  expect([person.textContent, person.dataset.state, person.role]).toEqual([words, state, "status"]);
  await expectAccessible(content);
});

it("shows after the call all that was promised, and who looks after it", async () => {
  const late = { clock: "human response", state: "missed", met_at: null } as const;
  const clocks: Ticket["clocks"] = [
    { ...late, due_at: "2026-11-30T01:30:00Z" },
    { clock: "resolution", state: "paused", due_at: null, met_at: null },
    { clock: "word", state: "running", due_at: "2026-11-30T05:00:00Z", met_at: null },
  ];
  await card(ticketOf({ clocks }, { state: "coming", name: "Lin" }), "en", false);
  expect(screen.getAllByRole("listitem").map(({ textContent }) => textContent)).toEqual([
    "A person was due by 01:30, 30 minutes ago",
    "A solution: the clock stands still",
    "News from us by 05:00, in 3 hours",
  ]);
  expect(screen.getByText("Lin has your ticket.")).toBeTruthy();
});

it("promises nothing more of what is resolved", async () => {
  await card(ticketOf({ status: "resolved" }), "zh");
  expect(screen.getByText("已解决")).toBeTruthy();
  expect(screen.queryAllByRole("listitem")).toHaveLength(0);
});

function Bar({ tickets, onAsk }: { tickets: Ticket[]; onAsk?: (text: string) => Promise<boolean> }) {
  const asking = useAskPerson(tickets, onAsk);
  return <PersonBar tickets={{ tickets, now }} asking={asking} />;
}

it.each([
  ["zh", "请帮我转人工。", "已请求转人工，请稍候。"],
  ["en", "I would like to talk to a person, please.", "Asked for a person. One moment, please."],
] as const)("asks for a person in %s, once", async (language, words, told) => {
  const onAsk = vi.fn(() => Promise.resolve(true));
  const content = await show(<Bar tickets={[]} onAsk={onAsk} />, language);
  const button = screen.getByTestId("ask-person");
  await userEvent.click(button);
  await userEvent.click(button);
  expect(onAsk.mock.calls).toEqual([[words]]);
  expect(screen.getByText(told).role).toBe("status");
  await expectAccessible(content);
});

it("can be asked again where it was not sent", async () => {
  const onAsk = vi.fn(() => Promise.resolve(false));
  await show(<Bar tickets={[]} onAsk={onAsk} />);
  await userEvent.click(screen.getByTestId("ask-person"));
  await userEvent.click(screen.getByTestId("ask-person"));
  expect(onAsk).toHaveBeenCalledTimes(2);
});

it.each([
  ["none", false],
  ["nobody", false],
  ["calling", true],
  ["coming", true],
  ["here", true],
] as const)("while a person's state is %s the button is off: %s", async (state, isOff) => {
  const onAsk = () => Promise.resolve(true);
  await show(<Bar tickets={[ticketOf({}, { state })]} onAsk={onAsk} />);
  expect(screen.getByTestId<HTMLButtonElement>("ask-person").disabled).toBe(isOff);
});

it("asks nobody while no assistant is there", async () => {
  await show(<Bar tickets={[]} />);
  expect(screen.getByTestId<HTMLButtonElement>("ask-person").disabled).toBe(true);
});
