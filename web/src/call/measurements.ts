/** How a call was: what the browser counts of the room's audio in, a stretch as the API is told it out. */

import { type Room, RoomEvent, Track } from "livekit-client";
import type { Stretch } from "../api/client";

/** What has been counted of a stream until now; it only grows. */
export interface Counters {
  packets: number;
  lost: number;
  samples: number;
  /** Made up by the player where something should have sounded. */
  concealed: number;
  bufferedS: number;
  emitted: number;
}

/** By stream: one that is gone takes none of the others' with it. */
export interface Sample {
  streams: Map<string, Counters>;
  roundTripS: number | undefined;
}

type Stat = Record<string, unknown> & { type: string };

/** The streams in what browsers report of tracks. */
export function sampleOf(stats: Iterable<Stat>): Sample {
  const streams = new Map<string, Counters>();
  let ofMicrophone: number | undefined;
  let ofConnection: number | undefined;
  for (const stat of stats) {
    const count = (name: string) => {
      const value = stat[name];
      return typeof value === "number" && Number.isFinite(value) ? value : 0;
    };
    const key = `${stat.type} ${String(stat.ssrc)}`;
    if (stat.type === "inbound-rtp") {
      const lost = Math.max(0, count("packetsLost"));
      streams.set(key, {
        packets: count("packetsReceived") + lost,
        lost,
        samples: count("totalSamplesReceived"),
        // Silence that stands for silence is no stall: nothing was to be heard.
        concealed: count("concealedSamples") - count("silentConcealedSamples"),
        bufferedS: count("jitterBufferDelay"),
        emitted: count("jitterBufferEmittedCount"),
      });
    } else if (stat.type === "outbound-rtp") {
      streams.set(key, { ...NOTHING, packets: count("packetsSent") });
    } else if (stat.type === "remote-inbound-rtp") {
      streams.set(key, { ...NOTHING, lost: Math.max(0, count("packetsLost")) });
      if (count("roundTripTime") > 0) ofMicrophone = count("roundTripTime");
    } else if (stat.type === "candidate-pair" && stat.nominated === true) {
      if (count("currentRoundTripTime") > 0) ofConnection = count("currentRoundTripTime");
    }
  }
  return { streams, roundTripS: ofMicrophone ?? ofConnection };
}

const NOTHING: Counters = { packets: 0, lost: 0, samples: 0, concealed: 0, bufferedS: 0, emitted: 0 };
const NAMES = Object.keys(NOTHING) as (keyof Counters)[];

/** Longer than this the machine was asleep: nobody knows what was heard. Seconds. */
const LONGEST_S = 120;

/** Adds samples up to stretches. Times are of one clock that only goes forward, milliseconds. */
export class Meter {
  private number = 1;
  private total = { ...NOTHING };
  private last: Sample = { streams: new Map(), roundTripS: undefined };
  private roundTripsS: number[] = [];
  private mendingSinceMs: number | undefined;
  private mendedMs = 0;

  constructor(
    private beganMs: number,
    private untilMs = beganMs,
  ) {}

  take(sample: Sample, atMs: number): void {
    for (const [key, after] of sample.streams) {
      const before = this.last.streams.get(key) ?? NOTHING;
      for (const name of NAMES) this.total[name] += Math.max(0, after[name] - before[name]);
    }
    // What is not counted for a moment, while the connection is mended, goes on where it stood.
    this.last = { ...sample, streams: new Map([...this.last.streams, ...sample.streams]) };
    if (sample.roundTripS !== undefined) this.roundTripsS.push(sample.roundTripS);
    this.untilMs = atMs;
  }

  /** The connection is being mended, or is well again. */
  mending(isMending: boolean, atMs: number): void {
    if (isMending) this.mendingSinceMs ??= atMs;
    else this.addMending(atMs, undefined);
  }

  /** What was measured since the last one; undefined where that was nothing. The next begins. */
  stretch(): Stretch | undefined {
    if (this.mendingSinceMs !== undefined) this.addMending(this.untilMs, this.untilMs);
    const seconds = (this.untilMs - this.beganMs) / 1000;
    const { packets, lost, samples, concealed, bufferedS, emitted } = this.total;
    const share = samples > 0 ? concealed / samples : 0;
    const roundTripS =
      this.roundTripsS.reduce((sum, one) => sum + one, 0) / Math.max(1, this.roundTripsS.length);
    const told = {
      number: this.number,
      seconds,
      stalled_seconds: Math.min(seconds, share * seconds + this.mendedMs / 1000),
      latency_ms:
        this.roundTripsS.length > 0 && emitted > 0
          ? 1000 * (roundTripS / 2 + bufferedS / emitted)
          : null,
      packets,
      packets_lost: Math.min(packets, lost),
    };
    this.beganMs = this.untilMs;
    this.total = { ...NOTHING };
    this.roundTripsS = [];
    this.mendedMs = 0;
    if (seconds <= 0 || seconds > LONGEST_S) return undefined;
    this.number += 1;
    return told;
  }

  private addMending(untilMs: number, next: number | undefined): void {
    if (this.mendingSinceMs !== undefined) {
      this.mendedMs += Math.max(0, untilMs - this.mendingSinceMs);
    }
    this.mendingSinceMs = next;
  }
}

const SAMPLES_EVERY_MS = 5_000;
const TELLS_EVERY_MS = 60_000;

/** Measure a room that was joined, until the function that is given back is called: it tells the rest. */
export function measure(room: Room, tell: (stretch: Stretch) => void): () => void {
  const meter = new Meter(performance.now());
  const sample = async () => {
    const taken = sampleOf(await statsOf(room));
    meter.take(taken, performance.now());
  };
  const report = () => {
    const stretch = meter.stretch();
    if (stretch) tell(stretch);
  };
  const mends = () => {
    meter.mending(true, performance.now());
  };
  const isWell = () => {
    meter.mending(false, performance.now());
  };
  const sampling = setInterval(() => void sample().catch(() => undefined), SAMPLES_EVERY_MS);
  const telling = setInterval(report, TELLS_EVERY_MS);
  room.on(RoomEvent.Reconnecting, mends).on(RoomEvent.Reconnected, isWell);
  return () => {
    clearInterval(sampling);
    clearInterval(telling);
    room.off(RoomEvent.Reconnecting, mends).off(RoomEvent.Reconnected, isWell);
    report();
  };
}

async function statsOf(room: Room): Promise<Stat[]> {
  const published = [...room.remoteParticipants.values()].flatMap((who) => [
    ...who.audioTrackPublications.values(),
  ]);
  const microphone = room.localParticipant.getTrackPublication(Track.Source.Microphone);
  const tracks = [...published.map(({ track }) => track), microphone?.track];
  const reports = await Promise.all(
    tracks.flatMap((track) => (track ? [track.getRTCStatsReport()] : [])),
  );
  return reports.flatMap((report) => (report ? [...(report as Map<string, Stat>).values()] : []));
}
