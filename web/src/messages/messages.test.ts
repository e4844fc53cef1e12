import { describe, expect, it } from "vitest";
import enCall from "./en/call.json";
import enCommon from "./en/common.json";
import enConsole from "./en/console.json";
import enJoin from "./en/join.json";
import zhCall from "./zh/call.json";
import zhCommon from "./zh/common.json";
import zhConsole from "./zh/console.json";
import zhJoin from "./zh/join.json";

interface Texts {
  [key: string]: string | Texts;
}

function flat(texts: Texts, path = ""): [string, string][] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === "string" ? [[path + key, value]] : flat(value, `${path}${key}.`),
  );
}

const placeholders = (text: string) => text.match(/\{\{\w+\}\}/g) ?? [];

describe.each([
  ["common", enCommon, zhCommon],
  ["call", enCall, zhCall],
  ["console", enConsole, zhConsole],
  ["join", enJoin, zhJoin],
])("the texts of %s", (_name, en: Texts, zh: Texts) => {
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
