import { describe, expect, it } from "vitest";
import { microphoneChoices, microphoneProblem } from "./microphone";

const browserError = (name: string) => Object.assign(new Error("from the browser"), { name });

describe("microphoneProblem", () => {
  it.each([
    ["NotAllowedError", "microphone_refused"],
    ["NotFoundError", "microphone_absent"],
    ["NotReadableError", "microphone_busy"],
    ["TypeError", "microphone_unavailable"],
  ])("takes %s for %s", (name, kind) => {
    expect(microphoneProblem(browserError(name))).toBe(kind);
  });

  it("does not trip over something that is no error", () => {
    expect(microphoneProblem(undefined)).toBe("microphone_unavailable");
  });
});

describe("microphoneChoices", () => {
  const devices = (...ids: string[]) => ids.map((deviceId) => ({ deviceId }));

  it("offers the default and each device", () => {
    expect(microphoneChoices(devices("default", "communications", "a", "b"))).toEqual(
      devices("default", "a", "b"),
    );
  });

  it("offers nothing where there is nothing to choose, or nothing is known before consent", () => {
    expect(microphoneChoices(devices("default", "a"))).toEqual([]);
    expect(microphoneChoices(devices("", ""))).toEqual([]);
  });
});
