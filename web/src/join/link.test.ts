import { beforeEach, expect, it } from "vitest";
import { takeLink } from "./link";

beforeEach(() => {
  sessionStorage.clear();
});

const take = () => takeLink(location, history, sessionStorage);

it("takes the link out of the address and the history, and finds it again after a reload", () => {
  history.replaceState(null, "", "/join.html?language=zh#a_b-C9");
  const entries = history.length;
  expect(take()).toBe("a_b-C9");
  expect(location.href).toBe("http://page.test/join.html?language=zh");
  expect(history.length).toBe(entries);
  expect(take()).toBe("a_b-C9");
});

it("goes by the newer link, and has none where there was none", () => {
  history.replaceState(null, "", "/join.html");
  expect(take()).toBe("");
  history.replaceState(null, "", "/join.html#first");
  take();
  history.replaceState(null, "", "/join.html#second");
  expect(take()).toBe("second");
  expect(take()).toBe("second");
  expect(localStorage.length === 0 || !JSON.stringify(localStorage).includes("second")).toBe(true);
});
