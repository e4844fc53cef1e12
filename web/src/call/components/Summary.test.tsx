import { screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { NOW } from "../../test/page";

const fetched = vi.fn<(request: Request) => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { expectAccessible, show } = await import("../../test/show");
const { Summary } = await import("./Summary");
const { useSummary } = await import("../useSummary");

const grant = {
  call_id: "c-3",
  livekit_url: "",
  token: "",
  call_token: "secret",
  room: "r",
  identity: "customer-1",
};
const summary = {
  language: "zh" as const,
  sections: [
    { heading: "通话内容", lines: ["回声（已解决）"] },
    { heading: "我们约定的事", lines: ["回电（最晚 2026-12-01 10:15）"] },
  ],
  written_at: NOW,
  mailed_at: null as string | null,
};

function OfCall() {
  const found = useSummary(grant, "ended");
  return found ? <Summary summary={found} /> : null;
}

it.each([
  ["en", "Your call in writing", "A copy has gone to your mail address."],
  ["zh", "本次通话小结", "小结已发到您的邮箱。"],
] as const)("stands in %s as it was written, once it is there", async (language, heading, mailed) => {
  fetched.mockResolvedValue(Response.json({ summary: { ...summary, mailed_at: NOW } }));
  const content = await show(
    <main>
      <h1>End</h1>
      <OfCall />
    </main>,
    language,
  );
  await screen.findByRole("heading", { name: heading });
  expect(screen.getAllByRole("listitem").map((item) => item.textContent)).toEqual([
    "回声（已解决）",
    "回电（最晚 2026-12-01 10:15）",
  ]);
  expect(screen.getByText("通话内容").closest("[lang]")?.getAttribute("lang")).toBe("zh-CN");
  expect(screen.getByText(mailed)).toBeTruthy();
  await expectAccessible(content);
});

it("says nothing of a mail that did not go, and is not there where nothing was said", async () => {
  const unsent = await show(<Summary summary={summary} />);
  expect(unsent.textContent).toContain("通话内容");
  expect(unsent.textContent).not.toContain("mail");
  const content = await show(<Summary summary={{ ...summary, sections: [] }} />);
  expect(content.textContent).toBe("");
});
