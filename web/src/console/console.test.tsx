import { createMemoryHistory, RouterProvider } from "@tanstack/react-router";
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import type { Language } from "../i18n";
import { expectAccessible, show } from "../test/show";
import { consoleRouter } from "./router";

async function open(address: string, language: Language) {
  const history = createMemoryHistory({ initialEntries: [address] });
  const content = await show(<RouterProvider router={consoleRouter(history)} />, language);
  return { content, history };
}

it.each([
  ["zh", "这里还没有内容"],
  ["en", "Nothing here yet"],
] as const)("says in %s that nothing is behind it yet", async (language, heading) => {
  const { content } = await open("/console", language);
  expect(await screen.findByRole("heading", { name: heading })).toBeTruthy();
  await expectAccessible(content);
});

it("says so for an address that is none, and leads back", async () => {
  const { history } = await open("/console/nowhere/at-all?x=1", "en");
  expect(await screen.findByText(/nothing at .*\/nowhere\/at-all\./)).toBeTruthy();
  await userEvent.click(screen.getByRole("link", { name: "To the start of the console" }));
  expect(await screen.findByRole("heading", { name: "Nothing here yet" })).toBeTruthy();
  expect(history.location.pathname).toMatch(/^\/console\/?$/);
});
