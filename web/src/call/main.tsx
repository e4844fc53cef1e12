/** Where the call page starts. */

import { LogLevel, setLogLevel } from "livekit-client";
import en from "../messages/en/call.json";
import zh from "../messages/zh/call.json";
import { startPage } from "../page";
import { App } from "./App";

setLogLevel(LogLevel.warn);
await startPage("call", { zh, en }, <App />);
