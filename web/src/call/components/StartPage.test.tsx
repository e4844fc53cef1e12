import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

const fetched = vi.fn<() => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { expectAccessible, show } = await import("../../test/show");
const { StartPage } = await import("./StartPage");

it("begins no call before there is a text to agree to, and says what to do", { timeout: 20_000 }, async () => {
  const onStart = vi.fn();
  fetched.mockRejectedValue(new TypeError("Failed to fetch"));
  const content = await show(<StartPage problem={undefined} onStart={onStart} />, "zh");
  await userEvent.click(screen.getByRole("button", { name: "同意转写，开始通话" }));
  expect(onStart).not.toHaveBeenCalled();

  const retry = await screen.findByRole("button", { name: "重试" }, { timeout: 10_000 });
  expect(screen.getByRole("alert").textContent).toContain("转写说明没有加载出来");
  await expectAccessible(content);

  const consent = { version: "v7", heading: "本次通话会转成文字", sentences: ["转成文字。", "可以挂断。"] };
  fetched.mockImplementation(() => Promise.resolve(Response.json(consent)));
  await userEvent.click(retry);
  expect(await screen.findByText("可以挂断。")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "同意转写，开始通话" }));
  expect(onStart).toHaveBeenCalledWith("v7");
});
