import { describe, expect, it } from "vitest";
import en from "./en.json";
import zh from "./zh.json";

interface Texts {
  [key: string]: string | Texts;
}

function flat(texts: Texts, path = ""): [string, string][] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === "string" ? [[path + key, value]] : flat(value, `${path}${key}.`),
  );
}

const placeholders = (text: string) => text.match(/\{\{\w+\}\}/g) ?? [];

describe("the two message files", () => {
  const [english, chinese] = [flat(en), new Map(flat(zh))];

  it("hold the same texts, none empty", () => {
    expect([...chinese.keys()]).toEqual(english.map(([key]) => key));
    expect([...english, ...chinese].filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  it("fill in the same values", () => {
    for (const [key, text] of english) {
      expect(placeholders(chinese.get(key) ?? ""), key).toEqual(placeholders(text));
    }
  });
});
