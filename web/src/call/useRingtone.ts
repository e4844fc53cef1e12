/** Whether somebody rings in; a tone, and the words in the title of the page, out. */

import { useEffect } from "react";

/** China's ringing tone, one second on, four off (ITU-T E.180, Supplement 2); half as loud as it could be. */
const TONE_HZ = 450;
const TONE_S = 1;
const EVERY_MS = 5_000;
const GAIN = 0.5;
/** Switched on or off at once it would click, seconds. */
const EDGE_S = 0.02;

export function useRingtone(isRinging: boolean, words: string): void {
  useEffect(() => {
    if (!isRinging) return;
    const title = document.title;
    document.title = words;
    // A page that was in a call may sound; where the browser says no, the words have to do.
    const audio = "AudioContext" in globalThis ? new AudioContext() : undefined;
    const ring = () => {
      if (audio) soundOnce(audio);
    };
    ring();
    const timer = setInterval(ring, EVERY_MS);
    return () => {
      clearInterval(timer);
      document.title = title;
      void audio?.close();
    };
  }, [isRinging, words]);
}

function soundOnce(audio: AudioContext): void {
  const tone = new OscillatorNode(audio, { frequency: TONE_HZ });
  const volume = new GainNode(audio, { gain: 0 });
  const now = audio.currentTime;
  volume.gain.setTargetAtTime(GAIN, now, EDGE_S);
  volume.gain.setTargetAtTime(0, now + TONE_S, EDGE_S);
  tone.connect(volume).connect(audio.destination);
  tone.start(now);
  tone.stop(now + TONE_S + 10 * EDGE_S);
}
