/** A string between customer and assistant that swings with whoever speaks. */

import { useLocalParticipant, useTrackVolume, useVoiceAssistant } from "@livekit/components-react";
import type { LocalAudioTrack } from "livekit-client";
import { useEffect, useRef } from "react";
import type { Activity } from "../callState";
import { follow, HEIGHT, type Levels, loudness, type Strand, stringPath, WIDTH } from "./voiceString";
import styles from "./VoiceString.module.css";

const STRANDS: readonly Strand[] = [
  { waves: 5, speed: 1.1, gain: 1, phase: 0 },
  { waves: 8, speed: 1.5, gain: 0.62, phase: 1.7 },
  { waves: 3.4, speed: 0.7, gain: 0.8, phase: 3.1 },
];

/** Before a call nobody is heard; the string shows what it is for. */
const MURMUR: Levels = { customer: 0.42, assistant: 0.42 };

export function VoiceString({ activity }: { activity: Activity }) {
  const paths = useRef<(SVGPathElement | null)[]>([]);
  const heard = useLevels();
  useSwing(activity === "idle" ? MURMUR : heard, paths);
  return (
    <div className={styles.field} data-activity={activity} aria-hidden="true">
      <svg viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`} preserveAspectRatio="none">
        <defs>
          <linearGradient id="voices" gradientUnits="userSpaceOnUse" x1="0" x2={WIDTH} y1="0" y2="0">
            <stop offset="0.18" className={styles.customerColour} />
            <stop offset="0.62" className={styles.assistantColour} />
          </linearGradient>
        </defs>
        {STRANDS.map((strand, index) => (
          <path
            key={strand.phase}
            ref={(path) => {
              paths.current[index] = path;
            }}
            className={styles.strand}
            stroke="url(#voices)"
            vectorEffect="non-scaling-stroke"
          />
        ))}
      </svg>
      <span className={styles.customerPeg} />
      <span className={styles.assistantPeg} />
      <span className={styles.bead} />
    </div>
  );
}

function useLevels(): Levels {
  const { audioTrack } = useVoiceAssistant();
  const { microphoneTrack, isMicrophoneEnabled } = useLocalParticipant();
  const spoken = microphoneTrack?.track as LocalAudioTrack | undefined;
  const customer = useTrackVolume(spoken);
  const assistant = useTrackVolume(audioTrack);
  return {
    customer: spoken && isMicrophoneEnabled ? loudness(customer) : 0,
    assistant: audioTrack ? loudness(assistant) : 0,
  };
}

/** Redraw at every frame, outside React; with reduced motion the string gets thicker instead. */
function useSwing(heard: Levels, paths: React.RefObject<(SVGPathElement | null)[]>): void {
  const target = useRef(heard);
  useEffect(() => {
    target.current = heard;
  });

  useEffect(() => {
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const levels: Levels = { customer: 0, assistant: 0 };
    let last = performance.now();
    let frame = 0;
    const draw = (now: number) => {
      const elapsed = (now - last) / 1000;
      last = now;
      levels.customer = follow(levels.customer, target.current.customer, elapsed);
      levels.assistant = follow(levels.assistant, target.current.assistant, elapsed);
      paths.current.forEach((path, index) => {
        const strand = STRANDS[index];
        if (!path || !strand) return;
        const still = calm.matches;
        const shown = still ? MURMUR : levels;
        path.setAttribute("d", stringPath(shown, still ? 0 : now / 1000, strand));
        const loudest = still ? Math.max(levels.customer, levels.assistant) : 0;
        path.style.setProperty("--swell", loudest.toFixed(2));
      });
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => {
      cancelAnimationFrame(frame);
    };
  }, [paths]);
}
