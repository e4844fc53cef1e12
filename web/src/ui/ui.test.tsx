import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { expectAccessible, show } from "../test/show";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { ErrorBoundary } from "./ErrorBoundary";
import { Field } from "./Field";
import { Masthead } from "./Masthead";
import { Notice } from "./Notice";

it("a field is filled in, says what it waits for, and has a name", async () => {
  const onChange = vi.fn();
  const field = (
    <Field
      label="Question"
      help="Not yet."
      value=""
      onChange={onChange}
      inputRef={null}
      button={<Button look="bare">Send</Button>}
    />
  );
  const content = await show(<main>{field}</main>);
  const input = screen.getByRole("textbox", { name: "Question", description: "Not yet." });
  await userEvent.type(input, "a");
  expect(onChange).toHaveBeenCalledWith("a");
  await expectAccessible(content);
});

it("a dialog has a name, and Escape or its button closes it", async () => {
  const onClose = vi.fn();
  await show(
    <Dialog isOpen title="回声与啸叫" onClose={onClose} data-testid="dialog">
      <p>Text</p>
    </Dialog>,
    "zh",
  );
  const dialog = screen.getByRole("dialog", { name: "回声与啸叫" });
  await expectAccessible(dialog);
  await userEvent.keyboard("{Escape}");
  await userEvent.click(screen.getByRole("button", { name: "关闭" }));
  expect(onClose).toHaveBeenCalledTimes(2);
});

it("a notice is told at once, with its button", async () => {
  const onPress = vi.fn();
  const content = await show(
    <Notice title="No sound" text="Press the button.">
      <Button look="quiet" onPress={onPress}>
        Sound
      </Button>
    </Notice>,
  );
  await userEvent.click(screen.getByRole("button", { name: "Sound" }));
  expect(screen.getByRole("alert").textContent).toContain("No sound");
  expect(onPress).toHaveBeenCalledOnce();
  await expectAccessible(content);
});

it("the masthead changes the language of the page", async () => {
  const content = await show(<Masthead subtitle="Console" />);
  await expectAccessible(content);
  await userEvent.click(screen.getByRole("radio", { name: "中文" }));
  expect(screen.getByText("留客")).toBeTruthy();
  expect(document.documentElement.lang).toBe("zh-CN");
});

it("a part that breaks leaves a way out, and the rest of the page", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const Faulty = () => {
    throw new Error("from a test");
  };
  await show(
    <>
      <p>still here</p>
      <ErrorBoundary>
        <Faulty />
      </ErrorBoundary>
    </>,
  );
  expect(screen.getByText("still here")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Reload the page" })).toBeTruthy();
  expect(logged).toHaveBeenCalled();
  logged.mockRestore();
});
