/** The shape of the string between the two speakers: how loud each is in, an SVG path out. */

/** Loudness of each side, 0 to 1. */
export interface Levels {
  customer: number;
  assistant: number;
}

export interface Strand {
  /** Waves along the whole string. */
  waves: number;
  /** Waves per second that leave the speaker. */
  speed: number;
  /** Share of the full swing. */
  gain: number;
  /** Where in its wave the strand starts, in radians. */
  phase: number;
}

/** The viewBox of the drawing. */
export const WIDTH = 1000;
export const HEIGHT = 100;

const POINTS = 120;
const SWING = 40;
/** Each voice is strongest near its own end, and carries past the middle. */
const CENTRE = { customer: 0.27, assistant: 0.73 };
const SPREAD = 0.2;
/** A string at rest still breathes. */
const BREATH = { swing: 1.6, waves: 1.5, speed: 0.12 };

export function stringPath(levels: Levels, seconds: number, strand: Strand): string {
  const points = Array.from({ length: POINTS + 1 }, (_, index) => {
    const along = index / POINTS;
    const y = HEIGHT / 2 + displacement(levels, seconds, strand, along);
    return `${(along * WIDTH).toFixed(1)} ${y.toFixed(2)}`;
  });
  return `M${points.join("L")}`;
}

function displacement(levels: Levels, seconds: number, strand: Strand, along: number): number {
  const pinned = Math.sin(Math.PI * along);
  const wave = (waves: number, travelled: number) =>
    Math.sin(2 * Math.PI * (waves * along - travelled) + strand.phase);
  const travelled = strand.speed * seconds;
  const voices =
    levels.customer * bell(along, CENTRE.customer) * wave(strand.waves, travelled) +
    levels.assistant * bell(along, CENTRE.assistant) * wave(strand.waves, -travelled);
  const breath = BREATH.swing * wave(BREATH.waves, BREATH.speed * seconds);
  return pinned * (SWING * strand.gain * voices + breath);
}

function bell(along: number, centre: number): number {
  return Math.exp(-(((along - centre) / SPREAD) ** 2));
}

/** LiveKit's track volume (0 to 1 over the whole decibel range) as loudness: a quiet room is 0. */
export function loudness(volume: number): number {
  const QUIET = 0.12;
  const LOUD = 0.55;
  return Math.min(1, Math.max(0, (volume - QUIET) / (LOUD - QUIET)));
}

/** Follow a level as an ear does: up at once, down slowly. Times in seconds. */
export function follow(level: number, target: number, elapsed: number): number {
  const RISE = 0.05;
  const FALL = 0.25;
  const time = target > level ? RISE : FALL;
  return target + (level - target) * Math.exp(-elapsed / time);
}
