import { expect, it } from "vitest";
import { takePrincipal } from "./principal";

it("takes the signature out of the address, and leaves the rest of it", () => {
  history.replaceState(null, "", "/?language=zh#principal=a.b-c_d.e");
  expect(takePrincipal(location, history)).toBe("a.b-c_d.e");
  expect(location.href).toBe("http://page.test/?language=zh");
  expect(takePrincipal(location, history)).toBe("");
});
