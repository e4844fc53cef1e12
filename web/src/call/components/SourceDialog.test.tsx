import { screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";

const fetched = vi.fn<() => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { show } = await import("../../test/show");
const { SourceDialog } = await import("./SourceDialog");

const entry = {
  id: "en/echo",
  version: 1,
  language: "en",
  title: "Echo",
  scenario: [],
  region: [],
  topic: "audio",
  product: [],
  platform: [],
  error_codes: [],
  source: "https://docs.example.com/echo",
  opening: "Turn on echo cancellation.",
  body: "See ![a diagram](https://elsewhere.example.com/pixel.png) and ![](https://elsewhere.example.com/two.png) <img src='https://elsewhere.example.com/three.png'>",
  names: {},
};

it("shows an entry without fetching its pictures from elsewhere", async () => {
  fetched.mockImplementation(() => Promise.resolve(Response.json(entry)));
  const citation = { id: "en/echo", title: "Echo", language: "en", version: 1, score: 1 } as const;
  const grant = { call_id: "c", livekit_url: "", token: "", call_token: "", room: "", identity: "" };
  await show(<SourceDialog grant={grant} citation={citation} onClose={() => undefined} />);
  expect(await screen.findByText(/Picture: a diagram/)).toBeTruthy();
  expect(screen.getByText(/Picture: two\.png/)).toBeTruthy();
  expect(document.querySelector("img, picture, iframe, object, embed")).toBeNull();
});
