/** Where the call page starts. */

import { LogLevel, setLogLevel } from "livekit-client";
import en from "../messages/en/call.json";
import zh from "../messages/zh/call.json";
import { startPage } from "../page";
import { App } from "./App";
import { takePrincipal } from "./principal";

setLogLevel(LogLevel.warn);
const principal = takePrincipal(location, history);
await startPage("call", { zh, en }, <App principal={principal} />);
