import { ConnectionState } from "livekit-client";
import { describe, expect, it } from "vitest";
import { activityOf, clock } from "./callState";

describe("activityOf", () => {
  it("is the agent's own state during a call", () => {
    expect(activityOf("live", ConnectionState.Connected, "thinking", false)).toBe("thinking");
  });

  it("does not call an assistant speaking that is not heard", () => {
    expect(activityOf("live", ConnectionState.Connected, "speaking", false)).toBe("speaking");
    expect(activityOf("live", ConnectionState.Connected, "speaking", true)).toBe("thinking");
    expect(activityOf("live", ConnectionState.Connected, "listening", true)).toBe("listening");
  });

  it("waits for an agent that is not there or says nothing known", () => {
    expect(activityOf("live", ConnectionState.Connected, "connecting", false)).toBe("connecting");
    expect(activityOf("live", ConnectionState.Connected, "toString-like", false)).toBe("connecting");
  });

  it("puts a broken connection before the agent's state, and the phase before both", () => {
    expect(activityOf("live", ConnectionState.SignalReconnecting, "speaking", false)).toBe("reconnecting");
    expect(activityOf("ended", ConnectionState.Disconnected, "speaking", false)).toBe("ended");
  });
});

describe("clock", () => {
  it.each([
    [0, "0:00"],
    [65.9, "1:05"],
    [3609, "1:00:09"],
  ])("reads %d seconds as %s", (seconds, text) => {
    expect(clock(seconds)).toBe(text);
  });
});
