import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Activity } from "./callState";
import { useAssistantAbsence } from "./useAssistantAbsence";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function page(first: Activity) {
  const onAskAgain = vi.fn(() => Promise.reject(new Error("enough attempts")));
  const { result, rerender } = renderHook((activity) => useAssistantAbsence(activity, onAskAgain), {
    initialProps: first,
  });
  const pass = (seconds: number) => {
    act(() => {
      vi.advanceTimersByTime(1000 * seconds);
    });
  };
  return { result, rerender, onAskAgain, pass };
}

it("asks for an assistant that does not come, again and again, before it tells the customer", () => {
  const { result, onAskAgain, pass } = page("connecting");
  pass(7);
  expect([onAskAgain.mock.calls.length, result.current]).toEqual([1, undefined]);
  pass(6);
  expect([onAskAgain.mock.calls.length, result.current]).toEqual([2, "assistant_absent"]);
});

it("asks for nobody while the assistant is there, and for one that left", () => {
  const { result, rerender, onAskAgain, pass } = page("connecting");
  pass(3);
  rerender("listening");
  pass(60);
  expect(onAskAgain).not.toHaveBeenCalled();
  rerender("connecting");
  pass(11);
  expect([onAskAgain.mock.calls.length, result.current]).toEqual([1, "assistant_left"]);
});
