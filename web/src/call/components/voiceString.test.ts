import { describe, expect, it } from "vitest";
import { follow, HEIGHT, loudness, stringPath, WIDTH } from "./voiceString";

const STRAND = { waves: 5, speed: 1, gain: 1, phase: 0 };

function pointsOf(path: string): [number, number][] {
  return path
    .slice(1)
    .split("L")
    .map((point) => point.split(" ").map(Number) as [number, number]);
}

/** The largest distance from the middle, in a half of the string. */
function swing(path: string, isLeft: boolean): number {
  const half = pointsOf(path).filter(([x]) => x < WIDTH / 2 === isLeft);
  return Math.max(...half.map(([, y]) => Math.abs(y - HEIGHT / 2)));
}

describe("stringPath", () => {
  it("is held at both ends and stays in its field", () => {
    const points = pointsOf(stringPath({ customer: 1, assistant: 1 }, 2.3, STRAND));
    expect(points[0]).toEqual([0, HEIGHT / 2]);
    expect(points.at(-1)).toEqual([WIDTH, HEIGHT / 2]);
    expect(points.every(([, y]) => y >= 0 && y <= HEIGHT)).toBe(true);
  });

  it("swings most on the side of the one who speaks", () => {
    const path = stringPath({ customer: 1, assistant: 0 }, 0.4, STRAND);
    expect(swing(path, true)).toBeGreaterThan(2 * swing(path, false));
  });
});

describe("loudness", () => {
  it("takes a quiet room for silence and stays between 0 and 1", () => {
    expect([0, 0.1, 1].map(loudness)).toEqual([0, 0, 1]);
  });
});

describe("follow", () => {
  it("rises faster than it falls", () => {
    expect(follow(0, 1, 0.05)).toBeGreaterThan(1 - follow(1, 0, 0.05));
  });
});
