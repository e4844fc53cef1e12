import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { beforeEach, expect, it, vi } from "vitest";
import type { DemoContact } from "../../api/client";

const fetched = vi.fn<(request: Request) => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { expectAccessible, show } = await import("../../test/show");
const { CallerChoice } = await import("./CallerChoice");

const STORIES = {
  en: ["Starisle Live", "Stalls have risen for three weeks"],
  zh: ["星屿直播", "卡顿三周来越来越高"],
};

function contactsIn(language: "en" | "zh"): DemoContact[] {
  const [company = "", story = ""] = STORIES[language];
  const of = { account: "demo-starisle", language: "zh", company, story } as const;
  return [
    { ...of, contact: "zhao-lei", name: "赵磊" },
    { ...of, contact: "wang-min", name: "王敏" },
  ];
}

beforeEach(() => {
  fetched.mockImplementation(({ url }) => {
    const language = new URL(url).searchParams.get("language") === "zh" ? "zh" : "en";
    return Promise.resolve(Response.json({ contacts: contactsIn(language) }));
  });
});

function Page({ onCaller }: { onCaller: (caller: DemoContact | undefined) => void }) {
  const [caller, setCaller] = useState<DemoContact>();
  const choose = (chosen: DemoContact | undefined) => {
    setCaller(chosen);
    onCaller(chosen);
  };
  return (
    <main>
      <CallerChoice caller={caller} onCaller={choose} />
    </main>
  );
}

/** It takes the focus a moment after it is there, and keys before that go to the button. */
async function listIsOpen() {
  const list = await screen.findByRole("listbox");
  await waitFor(() => {
    expect(list.contains(document.activeElement)).toBe(true);
  });
}

it("one calls as a guest, unless one chooses whom of them to call as", async () => {
  const onCaller = vi.fn();
  const content = await show(<Page onCaller={onCaller} />);
  const button = await screen.findByRole("button", { name: "A guest Call as" });
  await expectAccessible(content);

  await userEvent.click(button);
  const list = await screen.findByRole("listbox");
  const options = within(list).getAllByRole("option");
  expect(options.map((option) => option.getAttribute("aria-selected"))).toEqual(["true", "false", "false"]);
  const wang = within(list).getByRole("option", { name: "王敏 Starisle Live" });
  expect(wang.textContent).toContain("Stalls have risen for three weeks");
  expect(within(wang).getByText("王敏").lang).toBe("zh-CN");
  await expectAccessible(document.body);

  await userEvent.click(wang);
  expect(onCaller).toHaveBeenLastCalledWith(contactsIn("en")[1]);
  expect(await screen.findByRole("button", { name: "王敏 Starisle Live Call as" })).toBeTruthy();
  expect(screen.getByText("Stalls have risen for three weeks")).toBeTruthy();
});

it("is worked with the keyboard alone, and one may be a guest again", async () => {
  const onCaller = vi.fn();
  await show(<Page onCaller={onCaller} />, "zh");
  await screen.findByRole("button", { name: "访客 以谁的身份通话" });
  await userEvent.tab();
  await userEvent.keyboard("{ArrowDown}");
  await listIsOpen();
  await userEvent.keyboard("{ArrowDown}{Enter}");
  expect(onCaller).toHaveBeenLastCalledWith(contactsIn("zh")[0]);
  expect(await screen.findByText("卡顿三周来越来越高")).toBeTruthy();
  await userEvent.keyboard("{Enter}");
  await listIsOpen();
  await userEvent.keyboard("{Home}{Enter}");
  expect(onCaller).toHaveBeenLastCalledWith(undefined);
});

it.each([
  ["there is no demo", () => Promise.resolve(Response.json({ contacts: [] }))],
  ["it cannot be asked for", () => Promise.reject(new TypeError("Failed to fetch"))],
])("where %s, nobody is to be chosen", async (_, answer) => {
  const { default: i18next } = await import("i18next");
  await i18next.changeLanguage("en");
  const { QueryClient, QueryClientProvider } = await import("@tanstack/react-query");
  fetched.mockImplementation(answer);
  const { render } = await import("@testing-library/react");
  const { container } = render(
    <QueryClientProvider client={new QueryClient()}>
      <CallerChoice caller={undefined} onCaller={vi.fn()} />
    </QueryClientProvider>,
  );
  await waitFor(() => {
    expect(fetched).toHaveBeenCalled();
  });
  expect(container.textContent).toBe("");
});
