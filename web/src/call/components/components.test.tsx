import { RoomContext } from "@livekit/components-react";
import { screen } from "@testing-library/react";
import { Room } from "livekit-client";
import { expect, it, vi } from "vitest";
import { expectAccessible, show } from "../../test/show";
import type { Answer, Conversation } from "../../room/conversation";
import { Captions } from "./Captions";
import { EndPage } from "./EndPage";
import { ProblemNotice } from "./ProblemNotice";

const answer: Answer = {
  turn: 1,
  question: "why",
  language: "en",
  declined: false,
  acknowledged: false,
  citations: [{ id: "en/echo", title: "Echo", language: "en", version: 1, score: 0.9 }],
  answer: "Because",
  interrupted: true,
  timings_ms: {},
};
const conversation: Conversation = [
  { kind: "caption", caption: { id: "q", speaker: "customer", who: "", text: "why", final: true } },
  { kind: "answer", answer },
  { kind: "caption", caption: { id: "a", speaker: "assistant", who: "", text: "Because", final: true } },
];
const nothing = () => undefined;

it.each([
  ["zh", 45, "请在45秒钟后再打来。"],
  ["zh", 90, "请在2分钟后再打来。"],
  ["en", 45, "Please call again in 45 seconds."],
  ["en", 60, "Please call again in 1 minute."],
] as const)("says in %s for how long all lines are busy (%d s)", async (language, waitS, text) => {
  const content = await show(<ProblemNotice problem={{ kind: "busy", waitS }} />, language);
  expect(screen.getByText(text)).toBeTruthy();
  await expectAccessible(content);
});

it("shows an answer with its source, and that it was cut short", async () => {
  const onOpen = vi.fn();
  const content = await show(
    <RoomContext.Provider value={new Room()}>
      <main>
        <Captions conversation={conversation} onOpen={onOpen} onAsk={nothing} onAskPerson={nothing} />
      </main>
    </RoomContext.Provider>,
  );
  screen.getByRole("button", { name: "Open source: Echo" }).click();
  expect(onOpen).toHaveBeenCalledWith(answer.citations[0]);
  expect(screen.getByTestId("cut").textContent).toBe("interrupted");
  await expectAccessible(content);
});

it("sums a call up", async () => {
  const content = await show(
    <EndPage
      end={{ phase: "ended", reason: "left", seconds: 65 }}
      conversation={conversation}
      tickets={{ tickets: [], now: new Date() }}
      checklists={{ checklists: [], tick: nothing, hasFailed: false }}
      summary={undefined}
      grant={undefined}
      onAgain={nothing}
      onLeave={nothing}
      onOpen={nothing}
    />,
    "zh",
  );
  expect(screen.getByText("1:05")).toBeTruthy();
  expect(screen.getByRole("button", { name: "打开来源：Echo" })).toBeTruthy();
  await expectAccessible(content);
});
