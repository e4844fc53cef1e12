import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import i18next from "i18next";
import { expect, it, vi } from "vitest";
import { NOW, ticketOf } from "../../test/page";

const CONSENT = { version: "v1", heading: "", sentences: [] };
vi.stubGlobal("fetch", () => Promise.resolve(Response.json(CONSENT)));
const { expectAccessible, show } = await import("../../test/show");
const { PageFrame } = await import("../../page");
const { Ringing } = await import("./Ringing");

const ringing = {
  now: new Date(NOW),
  tickets: [ticketOf({}, { state: "ringing", name: "Lin", since: NOW })],
};

it.each([
  ["en", "Lin is calling you back", "About ticket 12: Nobody can join our live room.", "Agree and answer"],
  ["zh", "Lin 正在给您回电", "关于工单 12：Nobody can join our live room.", "同意并接听"],
] as const)("rings in %s, in the title of the page too, and is answered", async (language, title, about, answer) => {
  const answered = vi.fn();
  await show(<Ringing tickets={ringing} onAnswer={answered} />, language);
  expect(screen.getByRole("dialog", { name: title }).textContent).toContain(about);
  expect(document.title).toBe(title);
  await expectAccessible(document.body);
  const button = screen.getByRole<HTMLButtonElement>("button", { name: answer });
  await vi.waitFor(() => {
    expect(button.disabled).toBe(false);
  });
  await userEvent.click(button);
  expect(answered).toHaveBeenCalledWith("v1");
});

it("is refused once, and rings when somebody calls again", async () => {
  await i18next.changeLanguage("en");
  const { rerender } = render(<Frame since={NOW} />);
  await userEvent.click(screen.getByRole("button", { name: "Not now" }));
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(document.title).not.toContain("calling");
  rerender(<Frame since="2026-11-30T02:05:00Z" />);
  expect(screen.getByRole("dialog")).toBeTruthy();
});

it("is not there while nobody rings", async () => {
  const coming = { ...ringing, tickets: [ticketOf({}, { state: "coming", name: "Lin" })] };
  await show(<Ringing tickets={coming} onAnswer={() => undefined} />);
  expect(screen.queryByRole("dialog")).toBeNull();
});

function Frame({ since }: { since: string }) {
  const tickets = [ticketOf({}, { state: "ringing", name: "Lin", since })];
  return (
    <PageFrame>
      <Ringing tickets={{ ...ringing, tickets }} onAnswer={() => undefined} />
    </PageFrame>
  );
}
