import { expect, it } from "vitest";
import type { RoomText } from "../room/roomTexts";
import { canShareScreen, screenReadOf, wasRefused } from "./screen";

const read = { lines: [{ text: "Error 109", tells: true }], codes: ["109"] };
const told: RoomText = {
  id: "1",
  speaker: "assistant",
  who: "",
  text: JSON.stringify(read),
  attributes: {},
  ended: true,
};

it("takes what was read from the assistant alone, and whole", () => {
  expect(screenReadOf(told)).toEqual(read);
  expect(screenReadOf({ ...told, speaker: "human" })).toBeUndefined();
  expect(screenReadOf({ ...told, ended: false })).toBeUndefined();
  expect(screenReadOf({ ...told, text: told.text.slice(0, 9) })).toBeUndefined();
  expect(screenReadOf({ ...told, text: '{"lines": 3}' })).toBeUndefined();
});

it("knows who can share, and who has changed their mind", () => {
  expect(canShareScreen({})).toBe(false);
  expect(canShareScreen({ mediaDevices: {} })).toBe(false);
  expect(canShareScreen({ mediaDevices: { getDisplayMedia: () => undefined } })).toBe(true);
  expect(wasRefused(Object.assign(new Error(), { name: "NotAllowedError" }))).toBe(true);
  expect(wasRefused(Object.assign(new Error(), { name: "NotReadableError" }))).toBe(false);
});
