import { expect, it } from "vitest";
import { Meter, sampleOf } from "./measurements";

type Stat = Parameters<typeof sampleOf>[0] extends Iterable<infer One> ? One : never;

const heard = (ssrc: number, changed: Partial<Stat> = {}): Stat => ({
  type: "inbound-rtp",
  ssrc,
  packetsReceived: 980,
  packetsLost: 20,
  totalSamplesReceived: 960_000,
  concealedSamples: 30_000,
  silentConcealedSamples: 10_800,
  jitterBufferDelay: 48_000,
  jitterBufferEmittedCount: 960_000,
  ...changed,
});
const said: Stat[] = [
  { type: "outbound-rtp", ssrc: 9, packetsSent: 1000 },
  { type: "remote-inbound-rtp", ssrc: 9, packetsLost: 10, roundTripTime: 0.04 },
  { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.2 },
];

it("counts loss both ways, what had to be made up, and the way of the sound", () => {
  const meter = new Meter(0);
  meter.take(sampleOf([heard(1), ...said]), 20_000);
  expect(meter.stretch()).toEqual({
    number: 1,
    seconds: 20,
    stalled_seconds: 0.4,
    latency_ms: 70,
    packets: 2000,
    packets_lost: 30,
  });
});

it("counts from one stretch to the next, also where a stream goes and another comes", () => {
  const meter = new Meter(0);
  meter.take(sampleOf([heard(1)]), 20_000);
  meter.stretch();
  meter.take(sampleOf([heard(1, { packetsReceived: 1480 })]), 30_000);
  meter.take(sampleOf([heard(2)]), 40_000);
  meter.take(sampleOf([heard(1, { packetsReceived: 1480 }), heard(2)]), 60_000);
  expect(meter.stretch()).toMatchObject({ number: 2, seconds: 40, packets: 1500, packets_lost: 20 });
});

it("counts the time in which the connection was mended, also over the end of a stretch", () => {
  const meter = new Meter(0);
  meter.take(sampleOf([]), 10_000);
  meter.mending(true, 10_000);
  meter.take(sampleOf([]), 20_000);
  expect(meter.stretch()).toMatchObject({ seconds: 20, stalled_seconds: 10, latency_ms: null });
  meter.mending(false, 22_000);
  meter.take(sampleOf([]), 30_000);
  expect(meter.stretch()).toMatchObject({ seconds: 10, stalled_seconds: 2, packets: 0 });
});

it("tells nothing of a time in which it measured nothing, or slept", () => {
  const meter = new Meter(0);
  expect(meter.stretch()).toBeUndefined();
  meter.take(sampleOf([heard(1)]), 3_600_000);
  expect(meter.stretch()).toBeUndefined();
  meter.take(sampleOf([heard(1)]), 3_605_000);
  expect(meter.stretch()).toMatchObject({ number: 1, seconds: 5, packets: 0 });
});

it("takes what no browser counts for nothing", () => {
  const odd = heard(1, { packetsLost: -5, packetsReceived: Number.NaN, jitterBufferDelay: "x" });
  const meter = new Meter(0);
  meter.take(sampleOf([odd]), 1000);
  expect(meter.stretch()).toMatchObject({ packets: 0, packets_lost: 0, latency_ms: null });
});
