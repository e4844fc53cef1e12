import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync("src/styles/tokens.css", "utf8");

type Theme = "light" | "dark";

/** A colour token as [red, green, blue], 0 to 255. */
function colour(name: string, theme: Theme): number[] {
  const value = new RegExp(`--${name}: (.+);`).exec(css)?.[1] ?? "";
  const hexes = value.match(/#[0-9a-f]{6}/g) ?? [];
  const hex = hexes[theme === "light" ? 0 : hexes.length - 1];
  if (hex === undefined) throw new Error(`tokens.css has no colour --${name}`);
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** Relative luminance (WCAG 2.2). */
function luminance(rgb: number[]): number {
  const [r = 0, g = 0, b = 0] = rgb
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string, theme: Theme): number {
  const [high = 0, low = 0] = [one, other]
    .map((name) => luminance(colour(name, theme)))
    .sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

const STATUSES = ["good", "warn", "bad", "info"];
const TEXT_ON_GROUND = [
  ...["paper", "surface", "wash"].flatMap((ground) => [
    ["ink", ground],
    ["ink-soft", ground],
  ]),
  ...["assistant", "customer", "colleague"].flatMap((voice) => [
    [voice, "paper"],
    [voice, "surface"],
  ]),
  ["on-assistant", "assistant"],
  ["on-assistant", "assistant-strong"],
  ["on-cinnabar", "cinnabar"],
  ["on-cinnabar", "cinnabar-strong"],
  ["paper", "ink"],
  ...STATUSES.flatMap((status) => [
    [`status-${status}`, `status-${status}-wash`],
    [`status-${status}`, "surface"],
    ["ink", `status-${status}-wash`],
    ["ink-soft", `status-${status}-wash`],
  ]),
] as [string, string][];
const CHART = [1, 2, 3, 4, 5, 6].map((series) => `chart-${String(series)}`);

describe.each<Theme>(["light", "dark"])("colours of the %s theme", (theme) => {
  it.each(TEXT_ON_GROUND)("%s can be read on %s", (text, ground) => {
    expect(contrast(text, ground, theme)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(["edge", ...CHART])("%s can be seen on the page (WCAG 1.4.11)", (mark) => {
    expect(contrast(mark, "surface", theme)).toBeGreaterThanOrEqual(3);
  });

  it("neighbouring series of a chart differ in lightness too", () => {
    for (const [index, series] of CHART.slice(1).entries()) {
      expect(contrast(series, CHART[index] ?? "", theme), series).toBeGreaterThanOrEqual(1.25);
    }
  });
});
