/** Where the console starts. */

import { RouterProvider } from "@tanstack/react-router";
import en from "../messages/en/console.json";
import zh from "../messages/zh/console.json";
import { startPage } from "../page";
import { consoleRouter } from "./router";

await startPage("console", { zh, en }, <RouterProvider router={consoleRouter()} />);
