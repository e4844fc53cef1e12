import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { expectAccessible, show } from "../../test/show";
import type { Screen } from "../useScreen";
import { ScreenControl } from "./ScreenControl";
import { ScreenPanel } from "./ScreenPanel";

function shared(changed: Partial<Screen> = {}): Screen {
  return {
    canShare: true,
    isShared: true,
    hasFailed: false,
    read: undefined,
    share: () => Promise.resolve(),
    ...changed,
  };
}

it("shares a screen and shares it no more", async () => {
  const share = vi.fn(() => Promise.resolve());
  const content = await show(
    <ScreenControl isReady screen={shared({ isShared: false, share })} />,
  );
  await userEvent.click(screen.getByRole("button", { name: "Share screen" }));
  expect(share).toHaveBeenCalledWith(true);
  await expectAccessible(content);
  await show(<ScreenControl isReady screen={shared({ share })} />, "zh");
  await userEvent.click(screen.getByRole("button", { name: "停止共享" }));
  expect(share).toHaveBeenLastCalledWith(false);
});

it("offers nothing where the browser cannot share", async () => {
  await show(<ScreenControl isReady screen={shared({ canShare: false })} />);
  expect(screen.queryByRole("button")).toBeNull();
});

it.each([
  ["en", "Error codes 109, 401", "Only this text is kept, never the picture."],
  ["zh", "错误码 109、401", "只保留这些文字，不保留画面。"],
] as const)("shows in %s what was read, and what is kept of it", async (language, codes, kept) => {
  const read = {
    lines: [
      { text: "Error 109: token expired", tells: true },
      { text: "编码格式：VP8", tells: false },
    ],
    codes: ["109", "401"],
  };
  const content = await show(<ScreenPanel screen={shared({ read })} />, language);
  expect(screen.getByTestId("screen-codes").textContent).toBe(codes);
  expect(screen.getByText("Error 109: token expired").tagName).toBe("MARK");
  expect(screen.getByText("编码格式：VP8").tagName).toBe("LI");
  expect(screen.getByText(kept)).toBeTruthy();
  await expectAccessible(content);
});

it("says that it reads, that there was nothing, and else takes no room", async () => {
  await show(<ScreenPanel screen={shared()} />);
  expect(screen.getByRole("status").textContent).toBe("Reading your screen…");
  await show(<ScreenPanel screen={shared({ read: { lines: [], codes: [] } })} />);
  expect(screen.getByText("No text was found on your screen.")).toBeTruthy();
  const content = await show(<ScreenPanel screen={shared({ isShared: false })} />);
  expect(content.querySelector("section")).toBeNull();
});
