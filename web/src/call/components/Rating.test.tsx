import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";

const fetched = vi.fn<(request: Request) => Promise<Response>>();
vi.stubGlobal("fetch", fetched);
const { expectAccessible, show } = await import("../../test/show");
const { Rating } = await import("./Rating");

const grant = {
  call_id: "c",
  livekit_url: "",
  token: "",
  call_token: "secret",
  room: "r",
  identity: "customer-1",
};

afterEach(() => {
  fetched.mockReset();
});

it.each([
  ["en", "4 of 5", "A word on it, if you like", "Send", "Thank you. Noted."],
  ["zh", "4 分，满分 5 分", "想说点什么（可不填）", "发送", "谢谢，已经记下。"],
] as const)("keeps in %s what was pressed, and a word with it", async (...row) => {
  const [language, step, comment, send, thanks] = row;
  const bodies: unknown[] = [];
  fetched.mockImplementation(async (request) => {
    bodies.push(await request.json());
    return new Response(null, { status: 204 });
  });
  const content = await show(<Rating grant={grant} />, language);
  await userEvent.click(screen.getByRole("radio", { name: step }));
  await screen.findByText(thanks);
  await userEvent.type(screen.getByRole("textbox", { name: comment }), "quick");
  await userEvent.click(screen.getByRole("button", { name: send }));
  await vi.waitFor(() => {
    expect(bodies).toEqual([
      { rating: 4, comment: "" },
      { rating: 4, comment: "quick" },
    ]);
  });
  expect(fetched.mock.calls[0]?.[0].headers.get("Authorization")).toBe("Bearer secret");
  await expectAccessible(content);
});

it("says so where it could not be kept", async () => {
  fetched.mockRejectedValue(new TypeError("away"));
  await show(<Rating grant={grant} />);
  await userEvent.click(screen.getByRole("radio", { name: "2 of 5" }));
  await screen.findByText("That could not be sent. Please try again.");
});
