/** What component tests find in place: the texts of all pages, and a page that is emptied after each test. */

import { cleanup } from "@testing-library/react";
import i18next from "i18next";
import { afterEach, vi } from "vitest";
import { startI18n } from "../i18n";
import enCall from "../messages/en/call.json";
import enConsole from "../messages/en/console.json";
import enJoin from "../messages/en/join.json";
import zhCall from "../messages/zh/call.json";
import zhConsole from "../messages/zh/console.json";
import zhJoin from "../messages/zh/join.json";

/** A browser resolves a path against the page; Node's own class does not. */
class PageRequest extends Request {
  constructor(path: string, init?: RequestInit) {
    super(new URL(path, location.href), init);
  }
}
// What a browser has and jsdom has not.
vi.stubGlobal("Request", PageRequest);
vi.stubGlobal("CSS", { escape: (name: string) => name });
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe = () => undefined;
    unobserve = () => undefined;
    disconnect = () => undefined;
  },
);
vi.stubGlobal("scrollTo", () => undefined);
vi.stubGlobal("isSecureContext", true);
Object.defineProperty(navigator, "mediaDevices", {
  value: Object.assign(new EventTarget(), { enumerateDevices: () => Promise.resolve([]) }),
});
HTMLElement.prototype.scrollTo = () => undefined;
HTMLElement.prototype.scrollIntoView = () => undefined;
HTMLCanvasElement.prototype.getContext = () => null;
// A test that stubs nothing reaches nothing.
vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no server in a test")));

await startI18n("call", { zh: zhCall, en: enCall });
i18next.addResourceBundle("zh", "console", zhConsole).addResourceBundle("en", "console", enConsole);
i18next.addResourceBundle("zh", "join", zhJoin).addResourceBundle("en", "join", enJoin);

afterEach(cleanup);
