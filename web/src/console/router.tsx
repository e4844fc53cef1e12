/** The console's addresses, all below /console: each is a link that can be sent to a colleague. */

import {
  createRootRoute,
  createRoute,
  createRouter,
  type RouterHistory,
} from "@tanstack/react-router";
import { Layout, Missing, Start } from "./Layout";

const root = createRootRoute({ component: Layout, notFoundComponent: Missing });
const start = createRoute({ getParentRoute: () => root, path: "/", component: Start });

/** `history`: where addresses come from, if not from the browser's address bar. */
export function consoleRouter(history?: RouterHistory) {
  const routeTree = root.addChildren([start]);
  return createRouter({ routeTree, basepath: "/console", ...(history && { history }) });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof consoleRouter>;
  }
}
