import { describe, expect, it, vi } from "vitest";

const fetched = vi.fn<(request: Request) => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { createCall, fetchEntry, saidBy } = await import("./client");

const { signal } = new AbortController();
const json = (status: number, body: unknown) => Promise.resolve(Response.json(body, { status }));

const consent = { version: "v", heading: "h", sentences: [] };

describe("createCall", () => {
  it("says in which language the page is and what the customer agreed to", async () => {
    const call = { call_id: "c", livekit_url: "ws://h", token: "t", call_token: "k", room: "r", identity: "i" };
    fetched.mockReturnValueOnce(json(200, consent));
    fetched.mockReturnValueOnce(json(201, call));
    await expect(createCall("zh", signal)).resolves.toEqual(call);
    const request = fetched.mock.lastCall?.[0];
    expect(request?.url).toBe("http://page.test/api/calls");
    await expect(request?.json()).resolves.toMatchObject({ language: "zh", consent: true, consent_version: "v" });
  });

  it("passes on what the server says", async () => {
    const error = { code: "busy", message: "All lines are busy.", remedy: "Call later." };
    fetched.mockReturnValueOnce(json(200, consent)).mockReturnValueOnce(json(503, { error }));
    await expect(createCall("en", signal)).rejects.toMatchObject({
      problem: { kind: "api_refused", said: "All lines are busy. Call later." },
    });
  });

  it("tells a server that is away from one that refuses", async () => {
    const problem = { kind: "api_unreachable" };
    fetched.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    await expect(createCall("en", signal)).rejects.toMatchObject({ problem });
    fetched.mockResolvedValueOnce(new Response("<h1>Bad Gateway</h1>", { status: 502 }));
    await expect(createCall("en", signal)).rejects.toMatchObject({ problem });
  });
});

describe("fetchEntry", () => {
  it("keeps an id with unusual characters in its place", async () => {
    fetched.mockReturnValueOnce(json(404, { error: { code: "x", message: "No entry.", remedy: "" } }));
    await expect(fetchEntry("zh/echo?", 2, signal)).rejects.toMatchObject({
      problem: { kind: "entry_refused", said: "No entry." },
    });
    const asked = fetched.mock.lastCall?.[0];
    expect(asked?.url).toBe("http://page.test/api/calls/c/entries/zh%2Fecho%3F?version=2");
    expect(asked?.headers.get("Authorization")).toBe("Bearer k");
  });
});

describe("saidBy", () => {
  it("finds nothing in what is not our error body", () => {
    for (const body of [undefined, null, "Bad Gateway", {}, { error: "no" }, { error: {} }]) {
      expect(saidBy(body)).toBeUndefined();
    }
  });
});
