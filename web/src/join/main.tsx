/** Where the page of a person who is called starts. */

import { LogLevel, setLogLevel } from "livekit-client";
import en from "../messages/en/join.json";
import zh from "../messages/zh/join.json";
import { startPage } from "../page";
import { App } from "./App";
import { takeLink } from "./link";

setLogLevel(LogLevel.warn);
const link = takeLink(location, history, sessionStorage);
// Another message's link, opened in the same tab, changes nothing but what follows `#`.
addEventListener("hashchange", () => {
  location.reload();
});
await startPage("join", { zh, en }, <App link={link} />);
