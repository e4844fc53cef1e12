import { describe, expect, it, vi } from "vitest";

const fetched = vi.fn<(request: Request) => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { createCall, endCall, fetchConsent, fetchEntry, refusalIn } = await import("./client");

const { signal } = new AbortController();
const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  Promise.resolve(Response.json(body, { status, headers }));
const refused = (code: string) => ({ error: { code, message: "No.", remedy: "Call later." } });
const grant = {
  call_id: "c-1",
  livekit_url: "ws://h",
  token: "t",
  call_token: "opens",
  room: "r",
  identity: "i",
};
const call = () => createCall("zh", "v1", { principal: "signed" }, signal);

describe("fetchConsent", () => {
  it("has no text of its own to fall back on", async () => {
    fetched.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    await expect(fetchConsent("zh", signal)).rejects.toMatchObject({
      problem: { kind: "consent_unreachable" },
    });
    expect(fetched.mock.lastCall?.[0].url).toBe("http://page.test/api/consent?language=zh");
  });
});

describe("createCall", () => {
  it("says who calls, in which language, and what they agreed to", async () => {
    fetched.mockReturnValueOnce(json(201, grant));
    await expect(call()).resolves.toEqual(grant);
    const request = fetched.mock.lastCall?.[0];
    expect(request?.url).toBe("http://page.test/api/calls");
    await expect(request?.json()).resolves.toEqual({
      language: "zh",
      consent: true,
      consent_version: "v1",
      principal: "signed",
      answers: "",
    });
  });

  it("passes on what the server says", async () => {
    fetched.mockReturnValueOnce(json(429, refused("too_often"), { "Retry-After": "9" }));
    await expect(call()).rejects.toMatchObject({
      problem: { kind: "api_refused", said: "No. Call later.", code: "too_often" },
    });
  });

  it("knows for how long all lines are busy", async () => {
    fetched.mockReturnValueOnce(json(503, refused("busy"), { "Retry-After": "45" }));
    await expect(call()).rejects.toMatchObject({ problem: { kind: "busy", waitS: 45 } });
  });

  it("knows when something else is agreed to by now", async () => {
    fetched.mockReturnValueOnce(json(409, refused("consent_changed")));
    await expect(call()).rejects.toMatchObject({ problem: { kind: "consent_changed" } });
  });

  it("tells a server that is away from one that refuses", async () => {
    const problem = { kind: "api_unreachable" };
    fetched.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    await expect(call()).rejects.toMatchObject({ problem });
    fetched.mockResolvedValueOnce(new Response("<h1>Bad Gateway</h1>", { status: 502 }));
    await expect(call()).rejects.toMatchObject({ problem });
  });
});

describe("what belongs to a call", () => {
  it("is opened with the grant, an id with unusual characters kept in its place", async () => {
    fetched.mockReturnValueOnce(json(404, refused("no_entry")));
    await expect(fetchEntry(grant, "zh/echo?", 2, signal)).rejects.toMatchObject({
      problem: { kind: "entry_refused", said: "No. Call later." },
    });
    const request = fetched.mock.lastCall?.[0];
    expect(request?.url).toBe("http://page.test/api/calls/c-1/entries/zh%2Fecho%3F?version=2");
    expect(request?.headers.get("Authorization")).toBe("Bearer opens");
  });

  it("is ended without waiting, whatever comes back", () => {
    fetched.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    endCall(grant);
    expect(fetched.mock.lastCall?.[0].url).toBe("http://page.test/api/calls/c-1/end");
  });
});

describe("refusalIn", () => {
  it("finds nothing in what is not our error body", () => {
    for (const body of [undefined, null, "Bad Gateway", {}, { error: "no" }, { error: {} }]) {
      expect(refusalIn(body)).toBeUndefined();
    }
  });
});
