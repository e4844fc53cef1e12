import { RoomContext } from "@livekit/components-react";
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Room } from "livekit-client";
import { afterEach, expect, it, vi } from "vitest";
import type { Page } from "../api/client";
import { NOW, pageOf } from "../test/page";
import type { JoinControl } from "./useJoin";

const fetched = vi.fn<(request: Request) => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { expectAccessible, show } = await import("../test/show");
const { App } = await import("./App");
const { JoinPage } = await import("./components/JoinPage");

afterEach(() => {
  fetched.mockReset();
});

/** The API answers so, by the end of the path; what was asked is in `fetched`. */
function answers(byPath: Record<string, () => Response>) {
  fetched.mockImplementation((request) => {
    const answer = byPath[request.url.split("/").at(-1) ?? ""];
    return answer ? Promise.resolve(answer()) : Promise.reject(new TypeError("no such path"));
  });
}

const says = (page: Page) => () => Response.json(page);
const refuses = (status: number, code: string, message: string) => () =>
  Response.json({ error: { code, message, remedy: "" } }, { status });

let links = 0;
/** The page of a link that no test had before. */
async function open(language: "zh" | "en" = "en") {
  links += 1;
  return show(<App link={`link-${String(links)}`} />, language);
}

async function state(name: string) {
  await vi.waitFor(() => {
    expect(screen.getByTestId("join-state").dataset.state).toBe(name);
  });
}

it.each([
  ["en", "A customer asks for you", "said by the customer (Wang Min), Nov 30, 2025", "Join the call"],
  ["zh", "有客户找您", "客户所说（Wang Min），2025年11月30日", "加入通话"],
] as const)("shows in %s what is known, before anything is answered", async (language, ...words) => {
  answers({ open: says(pageOf({})) });
  const content = await open(language);
  await state("ready");
  for (const text of words) expect(screen.getByText(text)).toBeTruthy();
  expect(screen.getByText("Acme Live")).toBeTruthy();
  expect(screen.getByTestId("join-transcript").textContent).toContain("Nobody can join.");
  expect(screen.getByTestId("join-screen").textContent).toContain("Error 109: token expired");
  expect(fetched.mock.calls.map(([{ url, method }]) => [method, url])).toEqual([
    ["POST", "http://page.test/api/pages/open"],
  ]);
  expect(fetched.mock.calls[0]?.[0].headers.get("Accept-Language")).toBe(language);
  await expectAccessible(content);
});

it.each([
  ["en", "taken", pageOf({}, { state: "coming", name: "Zhao" }), "Zhao has this call"],
  ["zh", "taken", pageOf({}, { state: "here", name: "Zhao" }), "Zhao 已接手这个通话"],
  ["en", "over", pageOf({ call: null }), "The call is over, and nobody promised to call back. If their page is still open, you can ring it."],
  ["en", "declined", pageOf({ answer: "declined" }), "The next colleague is called"],
  ["zh", "yours", pageOf({ answer: "acknowledged" }), "这个通话由您接手"],
] as const)("says in %s where one stands: %s", async (language, name, page, words) => {
  answers({ open: says(page) });
  const content = await open(language);
  await state(name);
  expect(screen.getByText(words)).toBeTruthy();
  expect(screen.queryByTestId("decline-page")).toBeNull();
  expect(screen.queryByTestId("join-call") !== null).toBe(name === "yours");
  await expectAccessible(content);
});

const INCIDENT: NonNullable<Page["incident"]> = {
  region: "cn-east",
  begins_at: NOW,
  ends_at: NOW,
  going_on: true,
  metrics: ["stall_rate", "join_ms"],
  accounts: ["Acme", "Other", "直播"],
};
const NO_CALL = { account: null, call: null, contact: "", transcript: [] };

it.each([
  ["en", "incident", "", ["Several customers have trouble at once", "time to join"]],
  ["zh", "incident_yours", "acknowledged", ["这起事故由您处理", "卡顿率"]],
] as const)("shows in %s an incident and where one stands: %s", async (...example) => {
  const [language, name, answer, words] = example;
  answers({ open: says(pageOf({ ...NO_CALL, answer, incident: INCIDENT })) });
  const content = await open(language);
  await state(name);
  for (const text of [...words, "cn-east", "Acme", "直播"]) {
    expect(screen.getByText(text)).toBeTruthy();
  }
  expect(screen.queryByTestId("join-transcript")).toBeNull();
  expect(screen.queryByTestId("join-call")).toBeNull();
  expect(screen.queryByTestId("take-incident") !== null).toBe(name === "incident");
  await expectAccessible(content);
});

it("says of an incident that it is over, or another's", async () => {
  const over = { ...INCIDENT, going_on: false };
  answers({ open: says(pageOf({ ...NO_CALL, incident: over })) });
  await open();
  await state("incident_over");
  answers({
    open: says(pageOf({ ...NO_CALL, incident: INCIDENT }, { state: "coming", name: "Zhao" })),
  });
  await open();
  await vi.waitFor(() => {
    expect(screen.getByText("Zhao has this incident")).toBeTruthy();
  });
});

it("takes an incident without joining anything", async () => {
  let page = pageOf({ ...NO_CALL, incident: INCIDENT });
  answers({
    open: () => Response.json(page),
    acknowledge: () => {
      page = pageOf({ ...NO_CALL, incident: INCIDENT, answer: "acknowledged" });
      return Response.json({ ...page, grant: null });
    },
  });
  await open();
  await state("incident");
  await userEvent.click(screen.getByTestId("take-incident"));
  await state("incident_yours");
});

it("tells by when the customer, who has left, was promised a call", async () => {
  const page = pageOf({ call: null });
  page.ticket.callback_at = "2026-11-30T10:30:00Z";
  vi.setSystemTime(NOW);
  answers({ open: says(page) });
  await open();
  await state("over");
  vi.useRealTimers();
  expect(screen.getByText(/^They were promised a call back by 10:30\./)).toBeTruthy();
});

it("tells where the customer can be reached, of a guest, too", async () => {
  const page = pageOf({ account: null });
  page.ticket.reach = "13800138002";
  answers({ open: says(page) });
  await open();
  expect(await screen.findByText("13800138002")).toBeTruthy();
});

it("says of a guest that nothing is known", async () => {
  answers({ open: says(pageOf({ account: null, contact: "" })) });
  const content = await open();
  await state("ready");
  expect(screen.getByText("A guest: no account, nothing is known of them.")).toBeTruthy();
  await expectAccessible(content);
});

it("says so where the link opens nothing, or is missing", async () => {
  answers({ open: refuses(404, "no_page", "No.") });
  const content = await open("zh");
  await state("invalid");
  expect(screen.getByText("这个链接无效")).toBeTruthy();
  await expectAccessible(content);
});

it("asks for nothing without a link", async () => {
  await show(<App link="" />);
  await state("invalid");
  expect(fetched).not.toHaveBeenCalled();
});

it("tells a server that is away from a link that opens nothing", async () => {
  answers({});
  await open();
  await state("unreachable");
});

it("declines, and says what happens then", async () => {
  let page = pageOf({});
  answers({
    open: () => Response.json(page),
    decline: () => {
      page = pageOf({ answer: "declined" });
      return new Response(null, { status: 204 });
    },
  });
  await open();
  await state("ready");
  await userEvent.click(screen.getByTestId("decline-page"));
  await state("declined");
  expect(document.activeElement?.tagName).toBe("H1");
});

it("who comes second is told who has it", async () => {
  let page = pageOf({});
  answers({
    open: () => Response.json(page),
    acknowledge: () => {
      page = pageOf({ answer: "acknowledged" }, { state: "coming", name: "Zhao" });
      return refuses(409, "page_taken", "Zhao has it already.")();
    },
  });
  await open();
  await state("ready");
  await userEvent.click(screen.getByTestId("join-call"));
  await state("taken");
  expect(screen.getByText("Zhao has this call")).toBeTruthy();
});

it("who takes a call that is over has it, and nowhere to go", async () => {
  const page = pageOf({ answer: "acknowledged", call: null });
  let isTaken = false;
  answers({
    open: () => Response.json(isTaken ? page : pageOf({})),
    acknowledge: () => {
      isTaken = true;
      return Response.json({ ...page, grant: null });
    },
  });
  await open();
  await state("ready");
  await userEvent.click(screen.getByTestId("join-call"));
  await state("over");
  expect(screen.queryByRole("alert")).toBeNull();
});

it.each([
  ["en", "Ring their page", "Ringing"],
  ["zh", "呼叫客户", "正在呼叫客户"],
] as const)("rings in %s in the page of a customer who has left, and joins who answers", async (language, button, title) => {
  const grant = { livekit_url: "ws://127.0.0.1:9", token: "t", room: "r", identity: "human-1" };
  const left = pageOf({ answer: "acknowledged", call: null }, { state: "ringing", name: "Lin" });
  const answered = pageOf({ answer: "acknowledged" }, { state: "coming", name: "Lin" });
  let page = pageOf({ call: null });
  answers({
    open: () => Response.json(page),
    ring: () => Response.json((page = left)),
    acknowledge: () => Response.json({ ...answered, grant }),
  });
  const content = await open(language);
  await state("over");
  await userEvent.click(screen.getByRole("button", { name: button }));
  await state("ringing");
  expect(screen.getByText(title)).toBeTruthy();
  await expectAccessible(content);
  page = answered;
  // There is no voice server here: that it is looked for is what is seen.
  const notice = await screen.findByRole("alert", {}, { timeout: 10_000 });
  expect(notice.dataset.kind).toBe("livekit_unreachable");
});

it("says why nothing rings", async () => {
  answers({
    open: says(pageOf({ call: null })),
    ring: refuses(409, "page_taken", "Zhao has it already."),
  });
  await open();
  await state("over");
  await userEvent.click(screen.getByTestId("ring-customer"));
  expect((await screen.findByRole("alert")).textContent).toContain("Zhao has it already.");
  await state("over");
});

it("says why the room could not be joined, and lets one try again", async () => {
  const grant = { livekit_url: "ws://127.0.0.1:9", token: "t", room: "r", identity: "human-1" };
  answers({
    open: says(pageOf({ answer: "acknowledged" })),
    acknowledge: () => Response.json({ ...pageOf({ answer: "acknowledged" }), grant }),
  });
  await open();
  await state("yours");
  await userEvent.click(screen.getByTestId("join-call"));
  const notice = await screen.findByRole("alert", {}, { timeout: 10_000 });
  expect(notice.dataset.kind).toBe("livekit_unreachable");
  expect(screen.getByTestId<HTMLButtonElement>("join-call").disabled).toBe(false);
});

it.each([
  ["en", "Introduce me", "Hand back to the assistant", "Leave"],
  ["zh", "现在介绍我", "交还给助手", "离开"],
] as const)("offers in %s what can be done in the room", async (language, introduce, back, leave) => {
  const done: string[] = [];
  const does = (what: string) => () => {
    done.push(what);
    return Promise.resolve();
  };
  const join: JoinControl = {
    room: new Room(),
    attempt: 1,
    state: "in_room",
    page: pageOf({ answer: "acknowledged" }, { state: "here", name: "Lin" }),
    now: new Date(NOW),
    problem: undefined,
    microphone: {
      problem: "microphone_refused",
      setProblem: () => undefined,
      switchTo: () => Promise.resolve(),
    },
    isExpected: false,
    join: does("join"),
    ring: does("ring"),
    take: does("join"),
    decline: does("decline"),
    introduce: does("introduce"),
    handBack: does("hand back"),
    leave: does("leave"),
  };
  const content = await show(
    <RoomContext.Provider value={join.room}>
      <JoinPage join={join} />
    </RoomContext.Provider>,
    language,
  );
  expect(screen.getByTestId("error-message").dataset.kind).toBe("microphone_refused");
  await expectAccessible(content);
  await userEvent.click(screen.getByRole("button", { name: introduce }));
  expect(screen.queryByTestId("introduce-me")).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: back }));
  expect(done).toEqual(["introduce", "hand back"]);
  expect(screen.getByRole<HTMLButtonElement>("button", { name: leave }).disabled).toBe(true);
});
