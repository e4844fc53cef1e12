/** Keeps the newest line of what scrolls in view, unless somebody has scrolled back to read. */

import { type RefObject, useEffect, useRef } from "react";

const NEAR_PX = 80;

/** `content`: what grows; while it is undefined nothing is followed. */
export function useFollowedEnd<Box extends HTMLElement>(content: unknown): RefObject<Box | null> {
  const scroller = useRef<Box>(null);
  const following = useRef(true);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onScroll = () => {
      const below = element.scrollHeight - element.clientHeight - element.scrollTop;
      following.current = below < NEAR_PX;
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      element.removeEventListener("scroll", onScroll);
    };
  }, []);

  const isFollowed = Boolean(content);
  useEffect(() => {
    const element = scroller.current;
    if (!element || !isFollowed) return;
    // What comes to stand beside it takes its room from it.
    const observer = new ResizeObserver(() => {
      if (following.current) element.scrollTo({ top: element.scrollHeight });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, [isFollowed]);

  useEffect(() => {
    if (content && following.current) scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, [content]);

  return scroller;
}
